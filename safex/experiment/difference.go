package experiment

import (
	"bytes"
	legacy "encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// Same tells whether two runs would take the same steps.
func Same(a, b *Spec) bool {
	x, errX := encode.JSON(a)
	y, errY := encode.JSON(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// Difference is the first setting, by name, in which a and b differ, as in Planner.Horizon, with the values of both as JSON; all
// are "" if none does.
func Difference(a, b *Spec) (name, inA, inB string, err error) {
	var values [2]any
	for i, s := range []*Spec{a, b} {
		text, err := encode.JSON(s)
		if err != nil {
			return "", "", "", err
		}
		d := legacy.NewDecoder(bytes.NewReader(text))
		d.UseNumber() // a seed has more digits than a float
		if err := d.Decode(&values[i]); err != nil {
			return "", "", "", err
		}
	}
	name, x, y := difference("", values[0], values[1])
	if name == "" {
		return "", "", "", nil
	}
	textX, _ := legacy.Marshal(x)
	textY, _ := legacy.Marshal(y)
	return name, string(textX), string(textY), nil
}

// difference is the path of the first difference between two values of decoded JSON, and what is there; "" if there is none.
func difference(path string, a, b any) (string, any, any) {
	x, okX := a.(map[string]any)
	y, okY := b.(map[string]any)
	if !okX || !okY {
		if reflect.DeepEqual(a, b) {
			return "", nil, nil
		}
		return path, a, b
	}
	all := maps.Clone(x)
	maps.Copy(all, y)
	keys := slices.Sorted(maps.Keys(all))
	if i := slices.Index(keys, typeKey); i >= 0 { // what is chosen, before its settings
		keys = append([]string{typeKey}, slices.Delete(keys, i, i+1)...)
	}
	for _, key := range keys {
		if at, p, q := difference(strings.TrimPrefix(path+"."+key, "."), x[key], y[key]); at != "" {
			return at, p, q
		}
	}
	return "", nil, nil
}
