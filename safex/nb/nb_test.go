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

// Outside a notebook a figure is drawn and not shown.
func TestShowOutside(t *testing.T) {
	f := fig.Learning(&safex.System{Task: safex.Task{Name: "none"}}, nil)
	nb.Show(f)
	var d nb.Display
	d.Show(f)
	d.Show(f)
}
