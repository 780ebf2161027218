package encode

import (
	"encoding"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// plainly is an error of decoding text that names the field as the file does, and no type of Go.
func plainly(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("it ends too soon")
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		switch {
		case errors.Is(syntax.Err, jsontext.ErrDuplicateName):
			return fmt.Errorf("%s is there twice", place(syntax.JSONPointer))
		case strings.Contains(syntax.Error(), "after top-level value"):
			return errors.New("something follows its end")
		}
		return fmt.Errorf("%s at byte %d", strings.TrimPrefix(syntax.Err.Error(), "jsontext: "), syntax.ByteOffset)
	}
	wrong, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return err
	}
	at := wrong.JSONPointer
	for { // a part that is decoded by itself
		inner, ok := wrong.Err.(*json.SemanticError)
		if !ok {
			break
		}
		at, wrong = at+inner.JSONPointer, inner
	}
	where := place(at)
	switch {
	case errors.Is(err, errNumber):
		return fmt.Errorf("%s is %w", where, errNumber)
	case errors.Is(wrong.Err, json.ErrUnknownName):
		if parent := at.Parent(); parent != "" {
			return fmt.Errorf("unknown field %q of %s", at.LastToken(), place(parent))
		}
		return fmt.Errorf("unknown field %q", at.LastToken())
	case wrong.GoType != nil && wrong.JSONKind != 0 && (wrong.Err == nil || isNumber(wrong.GoType.Kind())):
		value := string(wrong.JSONValue)
		if wrong.JSONKind != '0' {
			value = ""
		}
		return fmt.Errorf("%s is %s, want %s", where, article(wrong.JSONKind, value), kind(wrong.GoType))
	case wrong.Err != nil && at != "":
		return fmt.Errorf("%s: %w", where, wrong.Err)
	case wrong.Err != nil:
		return wrong.Err
	}
	return fmt.Errorf("%s is %s", where, article(wrong.JSONKind, ""))
}

func isNumber(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Float64 }

// place is a pointer of JSON as in Planner.Horizon.
func place(p jsontext.Pointer) string {
	if p == "" {
		return "it"
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", ".")
}

// article is what a kind of JSON is called.
func article(k jsontext.Kind, value string) string {
	switch k {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '0':
		if value != "" {
			return "number " + value
		}
		return "a number"
	case 't', 'f':
		return "true or false"
	}
	return "null"
}

// kindOf is what v points to.
func kindOf(v any) string { return kind(reflect.TypeOf(v).Elem()) }

// kind is what a Go type is in JSON.
func kind(t reflect.Type) string {
	if t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a string"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct, reflect.Interface:
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
