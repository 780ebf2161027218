package encode_test

import (
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

type inner struct {
	Horizon int
	Beta    float64
	Hidden  []int `json:",omitempty"`
}

type outer struct {
	Name  string
	Seed  uint64
	Inner *inner
	Worst map[string]float64
	On    bool `json:",omitempty"`
}

func TestRoundTrip(t *testing.T) {
	v := outer{"a", 1<<64 - 1, &inner{3, math.Pi, []int{1, 2}}, map[string]float64{"nan": math.NaN(), "up": math.Inf(1), "down": math.Inf(-1), "tiny": 5e-324}, false}
	text, err := encode.JSON(v)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Name":"a","Seed":18446744073709551615,"Inner":{"Horizon":3,"Beta":3.141592653589793,"Hidden":[1,2]},"Worst":{"down":"-Infinity","nan":null,"tiny":5e-324,"up":"Infinity"}}`
	if string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
	yaml, err := encode.YAML(v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := encode.FromYAML(yaml)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{text, back} {
		var w outer
		if err := encode.Decode(text, &w); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		again, err := encode.JSON(w)
		if err != nil || string(again) != want {
			t.Errorf("%s came back as %s (%v)", text, again, err)
		}
	}
}

// Errors name the field as the file does, and no type of Go.
func TestStrict(t *testing.T) {
	for text, want := range map[string]string{
		`null`:                               "it is null, want an object",
		``:                                   "it ends too soon",
		`{"Name":"a"`:                        "it ends too soon",
		`{"Name":"a"} x`:                     "something follows its end",
		`{"Nome":"a"}`:                       `unknown field "Nome"`,
		`{"name":"a"}`:                       `unknown field "name"`,
		`{"Name":"a","Name":"b"}`:            "Name is there twice",
		`{"Name":3}`:                         "Name is a number, want a string",
		`{"Seed":-1}`:                        "Seed is number -1, want a whole number of at least 0",
		`{"Inner":{"Horizon":0.5}}`:          "Inner.Horizon is number 0.5, want a whole number",
		`{"Inner":{"Horizon":"x"}}`:          "Inner.Horizon is a string, want a whole number",
		`{"Inner":{"Beta":"x"}}`:             "Inner.Beta is a string, want a number",
		`{"Inner":{"Hidden":{}}}`:            "Inner.Hidden is an object, want an array",
		`{"Inner":{"Hidden":[1,true]}}`:      "Inner.Hidden.1 is true or false, want a whole number",
		`[]`:                                 "it is an array, want an object",
		`{"On":null,"Inner":{"Beta":[1,2]}}`: "Inner.Beta is an array, want a number",
	} {
		var v outer
		err := encode.Decode([]byte(text), &v)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "json") || strings.Contains(err.Error(), "Go ")) {
			t.Errorf("%s: %v speaks of Go", text, err)
		}
	}
}
