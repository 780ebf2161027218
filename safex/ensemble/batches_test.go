package ensemble

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// deal is the rows that each member draws in its first n draws.
func deal(e Ensemble, rows, n int, order uint64) [][]int {
	decks := e.decks(rows, rng.New(order), rng.New(7))
	all := make([][]int, len(decks))
	for range n {
		last := map[*deck]int{}
		for k, d := range decks {
			row, dealt := last[d]
			if !dealt {
				row = d.next()
				last[d] = row
			}
			all[k] = append(all[k], row)
		}
	}
	return all
}

// Members with an own order or a shared one see each row once in an epoch; only shared orders are equal.
func TestOrders(t *testing.T) {
	for _, how := range []Batches{OwnOrder, Shared} {
		e := Default()
		e.Batches = how
		all := deal(e, 50, 50, 1)
		for k := range all {
			if equal := slices.Equal(all[k], all[0]); equal != (how == Shared || k == 0) {
				t.Errorf("%v: members 0 and %d draw the same rows: %v", how, k, equal)
			}
		}
		for k, rows := range all {
			slices.Sort(rows)
			for i, row := range rows {
				if i != row {
					t.Fatalf("%v: member %d does not see each row once: %v", how, k, rows)
				}
			}
		}
	}
}

// Each member's sample repeats a row as often as a Poisson variable of mean 1 does, is another than the other members', and
// keeps its rows when more are added, and in other orders.
func TestBootstrap(t *testing.T) {
	const n = 20000
	sample := resample(n, rng.New(1))
	times := make([]float64, n)
	for _, row := range sample {
		times[row]++
	}
	var seen [3]float64
	for _, c := range times {
		if c < 3 {
			seen[int(c)]++
		}
	}
	for c, want := range []float64{1 / math.E, 1 / math.E, 0.5 / math.E} {
		if share := seen[c] / n; math.Abs(share-want) > 5*math.Sqrt(want/n) { // five deviations of a binomial
			t.Errorf("%.4f of the rows are drawn %d times, want %.4f", share, c, want)
		}
	}
	if longer := resample(2*n, rng.New(1)); !slices.Equal(sample, longer[:len(sample)]) {
		t.Error("a row's place in a sample changes when rows are added")
	}
	if tiny := resample(0, rng.New(1)); len(tiny) != 1 {
		t.Errorf("an empty sample is %v", tiny)
	}

	e := Default()
	e.Batches = Bootstrap
	sorted := func(order uint64) [][]int {
		decks := e.decks(100, rng.New(order), rng.New(7))
		var all [][]int
		for _, d := range decks {
			rows := slices.Clone(d.order)
			slices.Sort(rows)
			all = append(all, rows)
		}
		return all
	}
	if a, b := sorted(1), sorted(2); !reflect.DeepEqual(a, b) {
		t.Error("another fit has another sample")
	} else if slices.Equal(a[0], a[1]) {
		t.Error("two members have one sample")
	}
}

// A run keeps its bootstrap samples from fit to fit, through a file, and when it starts afresh; another seed has others.
func TestBootstrapStays(t *testing.T) {
	s, data := modeltest.Pendulum(t, 100)
	e := small()
	e.Batches, e.MinSteps, e.MaxSteps = Bootstrap, 5, 5
	lot := func(m any) uint64 { return m.(*model).trained.lot }
	one := learn(t, e, s, data, nil, 1)
	file, err := e.Save(one)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := e.Load(s, file)
	if err != nil {
		t.Fatal(err)
	}
	if a, b, c := lot(one), lot(learn(t, e, s, data, one, 2)), lot(learn(t, e, s, data, loaded, 3)); a != b || a != c {
		t.Errorf("lots %d, %d, %d in one run", a, b, c)
	}
	slow := learn(t, e, s, tame(data), nil, 4)
	if a, b := lot(slow), lot(learn(t, e, s, data, slow, 5)); a != b {
		t.Errorf("lots %d and %d around a fit that starts afresh", a, b)
	}
	if lot(one) == lot(learn(t, e, s, data, nil, 2)) {
		t.Error("two seeds have one lot")
	}
}
