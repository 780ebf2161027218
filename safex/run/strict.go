package run

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Strict decodes JSON into v: every key must be a field of it, and nothing may follow. Errors name the field as the file does.
func Strict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if string(bytes.TrimSpace(text)) == "null" {
		return fmt.Errorf("it is null, want %s", kind(reflect.TypeOf(v).Elem()))
	}
	if err := plainly(d.Decode(v)); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something follows its end")
	}
	return nil
}

// plainly is an error of decoding JSON that names the field as the file does, and no type of Go.
func plainly(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is %s, want %s", cmp.Or(wrong.Field, "it"), article(wrong.Value), kind(wrong.Type))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF || err != nil && err.Error() == "unexpected end of JSON input" {
		return fmt.Errorf("it ends too soon")
	}
	if err != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// article is what JSON calls a value, with its article: a string, an object, number 0.5.
func article(value string) string {
	switch {
	case value == "bool":
		return "true or false"
	case value == "null", strings.Contains(value, " "):
		return value
	case value == "array", value == "object":
		return "an " + value
	default:
		return "a " + value
	}
}

// kind is what a Go type is in JSON.
func kind(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a string"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number of at least 0"
	}
	return "another kind"
}
