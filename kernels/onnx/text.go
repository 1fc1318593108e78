package onnx

import "github.com/squadron-edge/squadron/kernels/ir"

// text are the operators on strings.
var text = family{
	"RegexFullMatch":   regexFullMatch,
	"StringConcat":     plain(ir.StringConcat{}),
	"StringNormalizer": stringNormalizer,
	"StringSplit":      stringSplit,
	"TfIdfVectorizer":  tfIdfVectorizer,
}

func stringNormalizer(r *reading) ir.Operator {
	cases := map[string]ir.TextCase{"NONE": ir.KeepCase, "LOWER": ir.LowerCase, "UPPER": ir.UpperCase}
	stopwords, _ := r.texts("stopwords")
	return ir.StringNormalizer{
		Case:          cases[r.choice("case_change_action", "NONE", "LOWER", "UPPER", "NONE")],
		CaseSensitive: r.flag("is_case_sensitive", false),
		Stopwords:     stopwords,
		Locale:        r.text("locale", "en_US"),
	}
}

func tfIdfVectorizer(r *reading) ir.Operator {
	for _, name := range []string{"max_gram_length", "max_skip_count", "min_gram_length", "mode", "ngram_counts", "ngram_indexes"} {
		r.required(name)
	}
	modes := map[string]ir.TfIdfMode{"TF": ir.TermFrequency, "IDF": ir.TermPresence, "TFIDF": ir.TermWeighted}
	op := ir.TfIdfVectorizer{
		Mode:    modes[r.choice("mode", "", "TF", "IDF", "TFIDF")],
		MinGram: r.int("min_gram_length", 0), MaxGram: r.int("max_gram_length", 0), MaxSkip: r.int("max_skip_count", 0),
	}
	op.Counts, _ = r.ints("ngram_counts")
	op.Indexes, _ = r.ints("ngram_indexes")
	op.Weights, _ = r.floats("weights")
	op.Pool, _ = r.texts("pool_strings")
	op.Numbers, _ = r.ints("pool_int64s")
	return op
}

func stringSplit(r *reading) ir.Operator {
	return ir.StringSplit{Delimiter: r.text("delimiter", ""), MaxSplit: r.int("maxsplit", -1)}
}

func regexFullMatch(r *reading) ir.Operator { return ir.RegexFullMatch{Pattern: r.text("pattern", "")} }
