package ir

import (
	"fmt"
	"regexp"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// StringNormalizer removes stopwords from a list of words, and then changes their
// case. X is [words] or [1×words]; where no word is left, the output is one empty
// word. Locale is a language tag, such as tr_TR. (ONNX StringNormalizer-10.)
type StringNormalizer struct {
	Case          TextCase
	CaseSensitive bool // in telling stopwords
	Stopwords     []string
	Locale        string
}

// TextCase is what becomes of letters.
type TextCase uint8

// The changes of case.
const (
	KeepCase TextCase = iota
	LowerCase
	UpperCase
)

// Type is "StringNormalizer".
func (StringNormalizer) Type() string { return "StringNormalizer" }

// Infer leaves the number of words to the run.
func (StringNormalizer) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", dtype: tensor.String}); err != nil {
		return nil, err
	}
	if s := in[0].Shape; len(s) != 1 && (len(s) != 2 || s[0] != 1) {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want a vector or one row", s)
	}
	return open(tensor.String)
}

// TfIdfVectorizer counts in each row of X, [words] or [rows×words] of strings or
// whole numbers, how often the n-grams of a pool come: n words, each 1 to
// MaxSkip + 1 after the one before, all the same. The output is float32, as long as the
// largest of Indexes plus 1. (ONNX TfIdfVectorizer-9.)
type TfIdfVectorizer struct {
	Mode             TfIdfMode
	MinGram, MaxGram int
	MaxSkip          int
	// Counts tells where in the pool the 1-grams begin, the 2-grams, and so on.
	Counts []int64
	// Indexes gives each n-gram its place in the output, and Weights its weight;
	// nil weighs all 1.
	Indexes []int64
	Weights []float32
	// Pool is the words of all n-grams, one after the other; numbers are Numbers.
	Pool    []string
	Numbers []int64
}

// TfIdfMode says what becomes of a count.
type TfIdfMode uint8

// The modes of TfIdfVectorizer.
const (
	TermFrequency TfIdfMode = iota // the count
	TermPresence                   // the weight if there is one ("IDF")
	TermWeighted                   // the count times the weight ("TFIDF")
)

// Type is "TfIdfVectorizer".
func (TfIdfVectorizer) Type() string { return "TfIdfVectorizer" }

// Infer replaces the words by the counts.
func (op TfIdfVectorizer) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: words}); err != nil {
		return nil, err
	}
	s := in[0].Shape
	if len(s) != 1 && len(s) != 2 {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want a vector or a matrix", s)
	}
	if (op.Pool == nil) == (in[0].DType == tensor.String) {
		return nil, fmt.Errorf("input 0 (X) is %v, and the pool is of the other kind", in[0].DType)
	}
	if err := op.check(); err != nil {
		return nil, err
	}
	width := 0
	for _, i := range op.Indexes {
		d, err := extent(i)
		if err != nil {
			return nil, fmt.Errorf("attribute ngram_indexes: %w", err)
		}
		width = max(width, d+1)
	}
	return result(tensor.Float32, append(s[:len(s)-1].Clone(), width))
}

var words = class{"string, int64 or int32", func(d tensor.DType) bool { return d == tensor.String || indices.has(d) }}

func (op TfIdfVectorizer) check() error {
	if op.MinGram < 1 || op.MaxGram < op.MinGram || op.MaxGram > len(op.Counts) || op.MaxSkip < 0 {
		return fmt.Errorf("attributes min_gram_length, max_gram_length and max_skip_count are %d, %d and %d with %d ngram_counts", op.MinGram, op.MaxGram, op.MaxSkip, len(op.Counts))
	}
	pool, grams := max(len(op.Pool), len(op.Numbers)), 0
	for i, from := range op.Counts {
		to := int64(pool)
		if i+1 < len(op.Counts) {
			to = op.Counts[i+1]
		}
		if from < 0 || to < from || to > int64(pool) || (to-from)%int64(i+1) != 0 {
			return fmt.Errorf("attribute ngram_counts is %v for a pool of %d: part %d is not made of %d-grams", op.Counts, pool, i, i+1)
		}
		grams += int(to-from) / (i + 1)
	}
	if len(op.Indexes) != grams || op.Weights != nil && len(op.Weights) != grams {
		return fmt.Errorf("attributes ngram_indexes and weights have %d and %d elements for %d n-grams", len(op.Indexes), len(op.Weights), grams)
	}
	return nil
}

// StringConcat joins the strings of two tensors, with multidirectional
// broadcasting. (ONNX StringConcat-20.)
type StringConcat struct{}

// Type is "StringConcat".
func (StringConcat) Type() string { return "StringConcat" }

// Infer broadcasts.
func (StringConcat) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", dtype: tensor.String}, parameter{name: "Y", dtype: tensor.String}); err != nil {
		return nil, err
	}
	out, err := Broadcast(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	return result(tensor.String, out)
}

// StringSplit cuts each string at a delimiter, or if that is empty between words,
// at most MaxSplit times if that is not negative. Outputs: the pieces, in one more
// dimension and filled up with empty strings, and their number, int64. (ONNX
// StringSplit-20.)
type StringSplit struct {
	Delimiter string
	MaxSplit  int
}

// Type is "StringSplit".
func (StringSplit) Type() string { return "StringSplit" }

// Infer leaves the number of pieces to the run.
func (StringSplit) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", dtype: tensor.String}); err != nil {
		return nil, err
	}
	return []Info{{DType: tensor.String}, {DType: tensor.Int64, Shape: in[0].Shape.Clone()}}, nil
}

// RegexFullMatch tells of each string whether a pattern of RE2 matches all of it.
// (ONNX RegexFullMatch-20.)
type RegexFullMatch struct{ Pattern string }

// Type is "RegexFullMatch".
func (RegexFullMatch) Type() string { return "RegexFullMatch" }

// Infer keeps the shape.
func (op RegexFullMatch) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", dtype: tensor.String}); err != nil {
		return nil, err
	}
	if _, err := op.Compile(); err != nil {
		return nil, err
	}
	return result(tensor.Bool, in[0].Shape.Clone())
}

// Compile is the pattern, tied to both ends. Go's syntax is RE2's.
func (op RegexFullMatch) Compile() (*regexp.Regexp, error) {
	if _, err := regexp.Compile(op.Pattern); err != nil { // alone, so that it cannot end the group
		return nil, fmt.Errorf("attribute pattern: %w", err)
	}
	return regexp.Compile(`\A(?:` + op.Pattern + `)\z`)
}
