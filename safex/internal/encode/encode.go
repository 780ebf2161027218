// Package encode is the one way in which values become JSON or YAML, in files and in print, and come back.
//
// Objects have the names of fields or of their tags. A NaN is null, and an infinity "Infinity" or "-Infinity". Decoding is strict: a key
// must be a field, and nothing may follow; errors name the field as the file does, and no type of Go.
package encode

import (
	"bytes"
	legacy "encoding/json"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Options are those of a value whose interfaces have encodings of their own, in addition to what this package does.
type Options = json.Options

// number marshals what JSON has no number for.
func marshalFloat(e *jsontext.Encoder, v float64) error {
	switch {
	case math.IsNaN(v):
		return e.WriteToken(jsontext.Null)
	case math.IsInf(v, 1):
		return e.WriteToken(jsontext.String("Infinity"))
	case math.IsInf(v, -1):
		return e.WriteToken(jsontext.String("-Infinity"))
	}
	return errors.ErrUnsupported
}

func unmarshalFloat(d *jsontext.Decoder, v *float64) error {
	switch d.PeekKind() {
	case 'n':
		*v = math.NaN()
		return d.SkipValue()
	case '"':
		t, err := d.ReadToken()
		if err != nil {
			return err
		}
		switch t.String() {
		case "Infinity":
			*v = math.Inf(1)
		case "-Infinity":
			*v = math.Inf(-1)
		default:
			return errNumber
		}
		return nil
	}
	return errors.ErrUnsupported
}

// errNumber is the error of a string that is no number.
var errNumber = errors.New("a string, want a number")

// Marshalers and Unmarshalers are those of this package, to be joined with others in Options.
var (
	Marshalers   = json.MarshalToFunc(marshalFloat)
	Unmarshalers = json.UnmarshalFromFunc(unmarshalFloat)
)

// all are the options of a value, the given ones last.
func all(more []Options) Options {
	return json.JoinOptions(append([]Options{
		json.Deterministic(true), json.RejectUnknownMembers(true), legacy.OmitEmptyWithLegacySemantics(true),
		json.WithMarshalers(Marshalers), json.WithUnmarshalers(Unmarshalers),
	}, more...)...)
}

// JSON is v on one line.
func JSON(v any, more ...Options) ([]byte, error) { return json.Marshal(v, all(more)) }

// Lines writes each value on a line of its own.
func Lines[T any](w io.Writer, values ...T) error {
	for _, v := range values {
		line, err := JSON(v)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// Indented is v with a line for each field, and a line break at its end.
func Indented(v any, more ...Options) ([]byte, error) {
	text, err := json.Marshal(v, all(more), jsontext.WithIndent(" "))
	return append(text, '\n'), err
}

// Decode decodes JSON into what v points to, strictly.
func Decode(text []byte, v any, more ...Options) error {
	if string(bytes.TrimSpace(text)) == "null" {
		return fmt.Errorf("it is null, want %s", kindOf(v))
	}
	return plainly(json.Unmarshal(text, v, all(more)))
}

// YAML is v in YAML, with the names and the order of its JSON: a line for each field, and lists of numbers on one.
func YAML(v any, more ...Options) ([]byte, error) {
	text, err := JSON(v, more...)
	if err != nil {
		return nil, err
	}
	var root yaml.Node // JSON is YAML
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	block(&root)
	return yaml.Marshal(&root)
}

// block turns JSON's style into YAML's.
func block(n *yaml.Node) {
	flat := n.Kind == yaml.SequenceNode
	for _, c := range n.Content {
		block(c)
		flat = flat && c.Kind == yaml.ScalarNode && c.ShortTag() != "!!str"
	}
	n.Style = 0
	if flat {
		n.Style = yaml.FlowStyle
	}
}

// FromYAML is YAML as JSON.
func FromYAML(text []byte) ([]byte, error) {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	again, err := legacy.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return again, nil
}
