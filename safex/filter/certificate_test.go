package filter_test

import (
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/filter"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// What is proved of a step is made again: a tube around its first action and its tail, with their feedback, that ends in the terminal set, where the backup takes over. Of
// a step from a tail, and of one of which nothing is proved, there is nothing new.
func TestCertificateOf(t *testing.T) {
	s := pendulum(t)
	m := learned(t, s, gp.DefaultSparse())
	task := tasks.DefaultPendulum().Task()
	braking := task.Backup.Act
	task.Backup = &safex.Backup{ // which takes some steps to come to
		Name: "slow", Act: braking,
		Outside: func(x num.Vec) num.Vec { return num.Vec{x[2].Abs().Sub(0.8), x[0].Add(0.8)} },
	}
	slow, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	f := filter.Default()
	f.Own, f.Noise = filter.Known(slow), []float64{0, 0, 0.1}
	g, err := f.Guard(s, m)
	if err != nil {
		t.Fatal(err)
	}
	roll, err := rollout.NewAuto().Rollout(s, m)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(5).Rand()
	seen, fed := map[safex.Cover]int{}, 0
	for range 150 {
		q := safex.Query{System: s, Rollout: roll, State: angled(math.Pi+0.4*r.NormFloat64(), 1.5*r.NormFloat64())}
		p := &safex.Plan{Beta: 2 + 10*r.Float64()}
		for range 12 {
			p.Actions = append(p.Actions, []float64{math.Copysign(0.3+0.4*r.Float64(), -q.State[2])})
		}
		kept, err := g.Keep(t.Context(), q, p)
		if err != nil {
			t.Fatal(err)
		}
		c, err := filter.CertificateOf(t.Context(), g, q, kept)
		if err != nil {
			t.Fatal(err)
		}
		seen[kept.Cover]++
		if c == nil {
			if kept.Cover != safex.CoverNone {
				t.Errorf("nothing is proved of a step that is covered by %q", kept.Cover)
			}
			continue
		}
		if n := len(c.Actions); n > 0 && (n != 1+len(kept.Tail) || len(c.Tube.Sets) != n || !c.Terminal.Holds(c.Tube.Sets[n-1]) || !c.Tube.Holds(nil)) {
			t.Errorf("covered by %q: a tube of %d steps for %d actions, of a tail of %d", kept.Cover, len(c.Tube.Sets), n, len(kept.Tail))
		}
		if kept.Cover == safex.CoverPlanned && (len(c.Actions) < 2 || !slices.Equal(c.Action(0, q.State), kept.Actions[0])) {
			t.Errorf("a plan of %d steps, whose first is %v and not %v", len(c.Actions), c.Action(0, q.State), kept.Actions[0])
		}
		if slices.ContainsFunc(kept.Tail, func(f safex.Feedback) bool { return f.Gain != nil }) {
			fed++
		}
		still := angled(math.Pi, 0)
		if got, want := c.Action(len(c.Actions), still), slow.Backup.Action(still); !slices.Equal(got, want) {
			t.Errorf("after its tube it does %v where the backup does %v", got, want)
		}
	}
	t.Logf("covers %v, %d with feedback", seen, fed)
	if seen[safex.CoverPlanned] == 0 || seen[safex.CoverKernel] == 0 || seen[safex.CoverBackup] == 0 || seen[safex.CoverNone] == 0 || fed == 0 {
		t.Errorf("covers %v, %d with feedback: the test needs some of each", seen, fed)
	}
	tail := &safex.Plan{Cover: safex.CoverTail, Actions: [][]float64{{0}}}
	if c, err := filter.CertificateOf(t.Context(), g, safex.Query{State: angled(math.Pi, 0)}, tail); c != nil || err != nil {
		t.Errorf("a step from a tail has %v, %v", c, err)
	}
	if c, err := filter.CertificateOf(t.Context(), nil, safex.Query{}, tail); c != nil || err != nil {
		t.Errorf("without a guard there is %v, %v", c, err)
	}
}
