package onnx

import (
	"fmt"
	"slices"
	"strings"
)

// operatorKey names an operator.
type operatorKey struct{ domain, name, overload string }

func (k operatorKey) String() string {
	if k.domain == "" {
		return k.name
	}
	return k.domain + "." + k.name
}

// canonical is the domain as operators are listed: ONNX's own is empty.
func canonical(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

// newest are the versions of operators that the importer knows, by domain; all
// older ones are known too.
var newest = map[string]int64{"": 24, "ai.onnx.ml": 5, "com.microsoft": 1, "ai.onnx.preview.training": 1}

// versions are the operator sets that a file imports. One of a domain that is not
// known does no harm as long as the file defines its operators or uses none.
func versions(list []Opset) (map[string]int64, error) {
	opsets := map[string]int64{}
	for _, o := range list {
		domain := canonical(o.Domain)
		if have, twice := opsets[domain]; twice && have != o.Version {
			return nil, fmt.Errorf("it imports operator sets %d and %d of %s", have, o.Version, called(domain))
		}
		if known, ok := newest[domain]; ok && (o.Version < 1 || o.Version > known) {
			return nil, fmt.Errorf("it speaks operator set %d of %s; supported are 1 to %d", o.Version, called(domain), known)
		}
		opsets[domain] = o.Version
	}
	if len(opsets) == 0 {
		return nil, fmt.Errorf("it imports no operator set of %s", called(""))
	}
	return opsets, nil
}

func called(domain string) string {
	if domain == "" {
		return "ONNX"
	}
	return domain
}

// Operators lists the supported operators by name; one of another domain than
// ONNX's own has it in front.
func Operators() []string {
	list := []string{"Constant"}
	for key := range operators {
		list = append(list, key.String())
	}
	slices.Sort(list)
	return list
}

// unknown says of an operator that is not supported what is, and what to do.
func (r *reading) unknown(key operatorKey) error {
	var near []string
	for _, name := range Operators() {
		if strings.EqualFold(name[strings.LastIndex(name, ".")+1:], key.name) {
			near = append(near, name)
		}
	}
	if len(near) > 0 {
		return fmt.Errorf("operator %v is not supported; there is %s", key, strings.Join(near, ", "))
	}
	return fmt.Errorf("operator %v is not supported; docs/operators.md lists the %d that are: export with another operator set, or have the exporter write it as a function", key, len(operators)+1)
}
