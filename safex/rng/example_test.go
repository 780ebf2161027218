package rng_test

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Gives each use of randomness a stream by its name. A stream is the same wherever it is drawn from, and however much was drawn
// from others before.
func Example() {
	src := rng.New(7)
	first := src.Child("start").At(3).Rand().Float64() // of episode 3
	src.Child("noise").Rand().NormFloat64()            // a consumer that came later
	again := rng.New(7).Child("start").At(3).Rand().Float64()
	fmt.Println("the same start:", first == again)
	fmt.Println("that of another episode:", first == src.Child("start").At(4).Rand().Float64())
	// Output:
	// the same start: true
	// that of another episode: false
}

// Draws one number after the other from one Rand: a stream itself is a name, and starts from its beginning each time.
func ExampleStream_Rand() {
	dice := rng.New(1).Child("dice")
	r := dice.Rand()
	a, b := r.IntN(6), r.IntN(6)
	again := dice.Rand()
	fmt.Println(again.IntN(6) == a, again.IntN(6) == b)
	// Output: true true
}
