package encode_test

import (
	"encoding"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// A word is a number that JSON has as a string.
type word int

func (w *word) UnmarshalText([]byte) error { return nil }

var _ encoding.TextUnmarshaler = (*word)(nil)

// Each trouble names the field as the file does, and no type of Go.
func TestPlain(t *testing.T) {
	type part struct {
		Count uint64
		Size  float64
		Word  word
		On    bool
		Name  string
		List  []int
	}
	type file struct {
		Part  part
		Parts []part
	}
	for text, want := range map[string]string{
		`{"Part": {"Count": -1}}`:        "Part.Count is number -1, want a whole number of at least 0",
		`{"Part": {"Count": 0.5}}`:       "Part.Count is number 0.5, want a whole number of at least 0",
		`{"Part": {"Size": 1e400}}`:      "Part.Size is number 1e400, want a number",
		`{"Part": {"Size": "x"}}`:        "Part.Size is a string, want a number",
		`{"Part": {"Word": 3}}`:          "Part.Word is a number, want a string",
		`{"Part": {"On": 3}}`:            "Part.On is a number, want true or false",
		`{"Part": {"Name": true}}`:       "Part.Name is true or false, want a string",
		`{"Part": {"Name": {}}}`:         "Part.Name is an object, want a string",
		`{"Part": {"List": {}}}`:         "Part.List is an object, want an array",
		`{"Part": [1]}`:                  "Part is an array, want an object",
		`{"Parts": {}}`:                  "Parts is an object, want an array",
		`[]`:                             "it is an array, want an object",
		`null`:                           "it is null, want an object",
		` null `:                         "it is null, want an object",
		`{"Other": 1}`:                   `unknown field "Other"`,
		`{} {}`:                          "something follows its end",
		`{"Part": `:                      "it ends too soon",
		``:                               "it ends too soon",
		`{"Part": {"Size": 1}, "Parts"]`: "invalid character ']' after object name (expecting ':') at byte 29",
	} {
		err := encode.Decode([]byte(text), &file{})
		if err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "json") || strings.Contains(err.Error(), "Go ")) {
			t.Errorf("%s: error %v", text, err)
		}
	}
	var f file
	if err := encode.Decode([]byte(`{"Part": {"Count": 3, "Word": "x", "List": [1, 2]}}`), &f); err != nil || f.Part.Count != 3 || len(f.Part.List) != 2 {
		t.Errorf("%+v, error %v", f, err)
	}
}
