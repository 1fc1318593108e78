package reference

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// texts finds the loops of an operator on strings.
func texts(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.StringConcat:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return concatStrings(w, in[0], in[1], y) })
	case ir.RegexFullMatch:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return matchFully(w, op, in[0], y) })
	case ir.TfIdfVectorizer:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return tfIdf(w, op, in[0], y) })
	}
	return kernel{}, false
}

// normalizeWords removes stopwords, then changes case (ONNX StringNormalizer-10).
func normalizeWords(op ir.StringNormalizer, xt *tensor.Tensor) (args, error) {
	lower, upper := strings.ToLower, strings.ToUpper
	if lang := strings.ToLower(op.Locale); strings.HasPrefix(lang, "tr") || strings.HasPrefix(lang, "az") {
		lower = func(s string) string { return strings.ToLowerSpecial(unicode.TurkishCase, s) }
		upper = func(s string) string { return strings.ToUpperSpecial(unicode.TurkishCase, s) }
	}
	alike := lower // what words are told by
	if op.CaseSensitive {
		alike = func(s string) string { return s }
	}
	stop := map[string]bool{}
	for _, s := range op.Stopwords {
		stop[alike(s)] = true
	}
	kept := []string{}
	for _, s := range tensor.Data[string](xt) {
		if stop[alike(s)] {
			continue
		}
		switch op.Case {
		case ir.LowerCase:
			s = lower(s)
		case ir.UpperCase:
			s = upper(s)
		}
		kept = append(kept, s)
	}
	if len(kept) == 0 {
		kept = []string{""}
	}
	shape := xt.Shape().Clone()
	shape[len(shape)-1] = len(kept)
	yt, err := tensor.Of(kept, shape...)
	return args{yt}, err
}

// maxText is the most bytes of text in one value.
const maxText = ir.MaxValueBytes

// concatStrings joins the strings of two tensors (ONNX StringConcat-20).
func concatStrings(w *ir.Watch, at, bt, yt *tensor.Tensor) error {
	a, b, y := tensor.Data[string](at), tensor.Data[string](bt), tensor.Data[string](yt)
	fromA, fromB := strides(at.Shape(), yt.Shape()), strides(bt.Shape(), yt.Shape())
	text := 0
	for i := range y {
		s, t := a[offset(i, yt.Shape(), fromA)], b[offset(i, yt.Shape(), fromB)]
		if text += len(s) + len(t); text > maxText {
			return fmt.Errorf("the strings take more than the limit of %d bytes", maxText)
		}
		if w.Over(1 + len(s) + len(t)) {
			return nil
		}
		y[i] = s + t
	}
	return nil
}

// splitStrings cuts each string into pieces (ONNX StringSplit-20).
func splitStrings(op ir.StringSplit, xt *tensor.Tensor) (args, error) {
	x, longest, total := tensor.Data[string](xt), 0, 0
	pieces, counts := make([][]string, len(x)), make([]int64, len(x))
	for i, s := range x {
		pieces[i] = splitString(s, op.Delimiter, op.MaxSplit)
		counts[i] = int64(len(pieces[i]))
		longest = max(longest, len(pieces[i]))
		if total += len(pieces[i]); total > ir.MaxValueBytes/tensor.String.Size() {
			return nil, fmt.Errorf("the strings have more than %d pieces", ir.MaxValueBytes/tensor.String.Size())
		}
	}
	info := ir.Info{DType: tensor.String, Shape: append(xt.Shape().Clone(), longest)}
	if err := info.Check(); err != nil {
		return nil, err
	}
	yt, err := tensor.New(tensor.String, info.Shape...)
	if err != nil {
		return nil, err
	}
	for i, list := range pieces {
		copy(tensor.Data[string](yt)[i*longest:], list)
	}
	ct, err := tensor.Of(counts, xt.Shape()...)
	return args{yt, ct}, err
}

// splitString cuts as Python's str.split does: without a delimiter at runs of white
// space, and what is left after the last cut keeps its end.
func splitString(s, delimiter string, most int) []string {
	if delimiter != "" {
		if most < 0 {
			return strings.Split(s, delimiter)
		}
		return strings.SplitN(s, delimiter, min(most, len(s))+1)
	}
	if most < 0 {
		return strings.Fields(s)
	}
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeftFunc(s, unicode.IsSpace) {
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 || len(out) == most {
			return append(out, s)
		}
		out, s = append(out, s[:end]), s[end:]
	}
	return out
}

// matchFully tells whether a pattern matches all of a string (ONNX
// RegexFullMatch-20).
func matchFully(w *ir.Watch, op ir.RegexFullMatch, xt, yt *tensor.Tensor) error {
	pattern, err := op.Compile()
	if err != nil {
		return err
	}
	for i, s := range tensor.Data[string](xt) {
		if w.Over(len(op.Pattern) * (1 + len(s))) {
			return nil
		}
		tensor.Data[bool](yt)[i] = pattern.MatchString(s)
	}
	return nil
}

// tfIdf counts n-grams (ONNX TfIdfVectorizer-9).
func tfIdf(w *ir.Watch, op ir.TfIdfVectorizer, xt, yt *tensor.Tensor) error {
	pool := gramsOf(op)
	words := wordsOf(xt)
	columns := xt.Shape()[len(xt.Shape())-1]
	width := yt.Shape()[len(yt.Shape())-1]
	for row := 0; columns > 0 && row < len(words)/columns; row++ {
		counts := make([]float64, len(op.Indexes))
		if !pool.count(w, op, words[row*columns:][:columns], counts) {
			return nil
		}
		for gram, n := range counts {
			weight := 1.0
			if op.Weights != nil {
				weight = float64(op.Weights[gram])
			}
			switch {
			case n == 0:
				continue
			case op.Mode == ir.TermPresence:
				n = weight
			case op.Mode == ir.TermWeighted:
				n *= weight
			}
			tensor.Data[float32](yt)[row*width+int(op.Indexes[gram])] += float32(n)
		}
	}
	return nil
}

// grams gives the number of each n-gram of a pool, by its words.
type grams map[string]int

func gramsOf(op ir.TfIdfVectorizer) grams {
	words := op.Pool
	if words == nil {
		words = numbered(op.Numbers)
	}
	pool := grams{}
	next := 0
	for i, from := range op.Counts {
		to := len(words)
		if i+1 < len(op.Counts) {
			to = int(op.Counts[i+1])
		}
		for at := int(from); at < to; at += i + 1 {
			pool[gram(words[at:][:i+1], 1)] = next
			next++
		}
	}
	return pool
}

// count adds up in one row how often each n-gram comes. It reports whether it came
// to the end.
func (g grams) count(w *ir.Watch, op ir.TfIdfVectorizer, row []string, counts []float64) bool {
	for n := op.MinGram; n <= op.MaxGram; n++ {
		skips := min(op.MaxSkip, len(row))
		if n == 1 {
			skips = 0 // there is nothing between the words of one
		}
		for step := 1; step <= skips+1 && (n-1)*step < len(row); step++ {
			for at := range len(row) - (n-1)*step {
				if w.Over(64 * n) {
					return false
				}
				if i, ok := g[gram(row[at:at+(n-1)*step+1], step)]; ok {
					counts[i]++
				}
			}
		}
	}
	return true
}

// gram is every step-th word as one string, each after its length.
func gram(words []string, step int) string {
	var key strings.Builder
	for i := 0; i < len(words); i += step {
		fmt.Fprintf(&key, "%d:%s", len(words[i]), words[i])
	}
	return key.String()
}

// wordsOf are the strings or numbers of a tensor as words.
func wordsOf(t *tensor.Tensor) []string {
	if t.DType() == tensor.String {
		return tensor.Data[string](t)
	}
	return numbered(wholes(t))
}

func numbered(v []int64) []string {
	return slices.Collect(func(yield func(string) bool) {
		for _, n := range v {
			if !yield(strconv.FormatInt(n, 10)) {
				return
			}
		}
	})
}
