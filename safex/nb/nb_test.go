package nb_test

import (
	"errors"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/nb"
)

// An error is a panic of one line, which fails the cell; no error is nothing.
func TestMust(t *testing.T) {
	if got := nb.Must(3, nil); got != 3 {
		t.Errorf("Must(3, nil) is %d", got)
	}
	nb.Check(nil)
	defer func() {
		if got := recover(); got != "broken" {
			t.Errorf("panic %v", got)
		}
	}()
	nb.Must(3, errors.New("broken"))
}

// Outside a notebook a figure or an animation is drawn and not shown.
func TestShowOutside(t *testing.T) {
	s := &safex.System{Task: safex.Task{Name: "none", State: make([]safex.Var, 1), Action: make([]safex.Var, 1), Dt: 1}}
	f := fig.Learning(s, nil)
	nb.Show(f)
	var d nb.Display
	d.Show(f)
	step := safex.Trajectory{States: [][]float64{{0}, {1}}, Actions: [][]float64{{1}}, Excess: [][]float64{nil}}
	d.Show(nb.Must(fig.Animate(s, safex.Episode{Trajectory: step})))
}
