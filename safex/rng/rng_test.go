package rng_test

import (
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A stream is a name: drawing from one, or asking for another, changes nothing.
func TestStreamsAreNames(t *testing.T) {
	src := rng.New(7)
	first := src.Child("plan").At(3).Rand().Uint64()
	src.Child("explore").Rand().Uint64()
	if again := src.Child("plan").At(3).Rand().Uint64(); again != first {
		t.Errorf("the same stream gave %x, then %x", first, again)
	}
}

// Streams of other names are other streams, in every position of the name.
func TestStreamsDiffer(t *testing.T) {
	seen := map[uint64]string{}
	put := func(name string, s rng.Stream) {
		v := s.Rand().Uint64()
		if old, ok := seen[v]; ok {
			t.Errorf("%s and %s are one stream", name, old)
		}
		seen[v] = name
	}
	for seed := range uint64(20) {
		root := rng.New(seed)
		put("root", root)
		put("a", root.Child("a"))
		put("b", root.Child("b"))
		put("ab", root.Child("a").Child("b"))
		put("ba", root.Child("b").Child("a"))
		for i := -10; i < 10; i++ {
			put("at", root.At(i))
			put("a at", root.Child("a").At(i))
			put("at a", root.At(i).Child("a"))
		}
	}
}

// Neighbouring streams are not correlated.
func TestNeighboursAreIndependent(t *testing.T) {
	const n = 4000
	root := rng.New(1)
	var sum float64
	for i := range n {
		sum += root.At(i).Rand().NormFloat64() * root.At(i+1).Rand().NormFloat64()
	}
	if z := sum / math.Sqrt(n); math.Abs(z) > 4 { // four standard deviations
		t.Errorf("correlation of neighbours is %.1f deviations from 0", z)
	}
}
