// Package rng gives every use of randomness its own named stream.
package rng

import (
	"hash/fnv"
	"math/rand/v2"
)

// A Stream names a sequence of random numbers. It is a value: copying it
// copies the name, and drawing from it changes no other stream. Adding a
// consumer with a name of its own therefore changes nobody's numbers.
type Stream struct{ hi, lo uint64 }

// New returns the root stream of a seed.
func New(seed uint64) Stream { return Stream{mix(seed), mix(seed + golden)} }

// Child is the stream of a named part, as in src.Child("explore").
func (s Stream) Child(name string) Stream {
	h := fnv.New64a()
	h.Write([]byte(name))
	return s.at(h.Sum64())
}

// At is the stream of the i-th part: an episode, a step, a member.
func (s Stream) At(i int) Stream { return s.at(uint64(i)) }

func (s Stream) at(i uint64) Stream {
	hi := mix(s.hi ^ mix(i))
	return Stream{hi, mix(s.lo + i ^ hi)}
}

// Source starts drawing from the beginning of the stream. It serves math/rand/v2 and gonum.
func (s Stream) Source() rand.Source { return rand.NewPCG(s.hi, s.lo) }

// Rand starts drawing from the beginning of the stream.
func (s Stream) Rand() *rand.Rand { return rand.New(s.Source()) }

const golden = 0x9e3779b97f4a7c15 // 2⁶⁴ over the golden ratio

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x += golden
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
