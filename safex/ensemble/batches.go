package ensemble

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Batches says which transitions each member of an Ensemble is trained on.
type Batches int

const (
	OwnOrder  Batches = iota // all of them, in an order of its own
	Shared                   // all of them, in one order for all members
	Bootstrap                // each as often as a draw says that is Poisson of mean 1 for the member (Oza and Russell, 2001)
)

var batches = [...]string{"own", "shared", "bootstrap"}

// String is the name of the choice, as in "bootstrap".
func (b Batches) String() string {
	if b < OwnOrder || b > Bootstrap {
		return fmt.Sprintf("Batches(%d)", int(b))
	}
	return batches[b]
}

// MarshalText writes the name.
func (b Batches) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a name.
func (b *Batches) UnmarshalText(text []byte) error {
	for i, name := range batches {
		if name == string(text) {
			*b = Batches(i)
			return nil
		}
	}
	return fmt.Errorf("no batches %q: want own, shared or bootstrap", text)
}

// decks are what each member draws its rows from: positions in a list of the rows that are not held out.
// order is the stream of this fit; lot that of all fits of a run, so that a row keeps its place in a member's sample.
func (e Ensemble) decks(rows int, order, lot rng.Stream) []*deck {
	ds := make([]*deck, e.Members)
	for k := range ds {
		switch {
		case e.Batches == Shared && k > 0:
			ds[k] = ds[0]
		case e.Batches == Bootstrap:
			ds[k] = newDeck(resample(rows, lot.At(k)), order.At(k))
		default:
			all := make([]int, rows)
			for i := range all {
				all[i] = i
			}
			ds[k] = newDeck(all, order.At(k))
		}
	}
	return ds
}

// resample repeats each number below n as often as a Poisson draw of mean 1 says. The draws for the first numbers do not
// depend on n. A sample that would be empty is the number 0.
func resample(n int, src rng.Stream) (sample []int) {
	r := src.Rand()
	for i := range n {
		// Knuth (1969): how many uniform factors keep a product above 1/e.
		for p := r.Float64(); p > 1/math.E; p *= r.Float64() {
			sample = append(sample, i)
		}
	}
	if len(sample) == 0 {
		return []int{0}
	}
	return sample
}

// deck deals numbers in random order, and shuffles again when it is through.
type deck struct {
	order []int
	at    int
	src   rng.Stream
	round int
}

func newDeck(order []int, src rng.Stream) *deck { return &deck{order: order, at: len(order), src: src} }

func (d *deck) next() int {
	if d.at == len(d.order) {
		d.src.At(d.round).Rand().Shuffle(len(d.order), func(i, j int) { d.order[i], d.order[j] = d.order[j], d.order[i] })
		d.at, d.round = 0, d.round+1
	}
	d.at++
	return d.order[d.at-1]
}
