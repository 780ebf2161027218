package checksum_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
)

type body struct {
	Name string
	X    []float64
}

// What was sealed comes back to the bit; every changed bit and every missing byte is noticed.
func TestSeal(t *testing.T) {
	want := body{"<a & b>", []float64{0.1, -1.0 / 3, math.SmallestNonzeroFloat64, math.MaxFloat64, math.Copysign(0, -1)}}
	data, err := checksum.Seal("test", 3, want)
	if err != nil {
		t.Fatal(err)
	}
	var got body
	if err := checksum.Open("test", 3, data, &got); err != nil {
		t.Fatal(err)
	}
	for i := range want.X {
		if math.Float64bits(got.X[i]) != math.Float64bits(want.X[i]) || got.Name != want.Name {
			t.Errorf("%v came back as %v", want, got)
		}
	}
	for i := range len(data) {
		if err := checksum.Open("test", 3, data[:i], &got); err == nil || strings.Contains(err.Error(), "\n") {
			t.Fatalf("the first %d of %d bytes: error %v", i, len(data), err)
		}
		for bit := range 8 {
			bad := bytes.Clone(data)
			bad[i] ^= 1 << bit
			if err := checksum.Open("test", 3, bad, &got); err == nil {
				t.Fatalf("bit %d of byte %d is not noticed: %s", bit, i, bad)
			}
		}
	}
	if err := checksum.Open("test", 3, append(bytes.Clone(data), ' '), &got); err == nil {
		t.Error("a byte too many is not noticed")
	}
	for _, other := range []struct {
		kind   string
		format int
	}{{"tests", 3}, {"test", 4}} {
		if err := checksum.Open(other.kind, other.format, data, &got); err == nil || !strings.Contains(err.Error(), `a "test" of format 3`) {
			t.Errorf("opened as %v: error %v", other, err)
		}
	}
	if _, err := checksum.Seal("test", 3, math.NaN()); err == nil {
		t.Error("a NaN was sealed")
	}
}
