// Package live lets a hand move what a cell shows. A cell that shows a Widget stays alive: a page in its output sends where the sliders
// are to the cell's own process, which answers with numbers, and the page draws them. Once the cell ends, a still picture is left. Where
// nobody can be watching, as when a notebook runs without a browser, there is nothing but the picture, at once.
package live

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/rischiboy/safe_exploration/safex/nb"
)

// A Widget is a view of some numbers that a hand moves.
type Widget struct {
	Name     string // above the page
	Controls []Control
	Handles  []Handle // what can be dragged in the view, beside the sliders

	// View is what is to be seen where the controls are at. Calls do not overlap. ctx is cancelled when the cell ends. An error is shown in
	// the page, which goes on; of the first call it fails the cell.
	View func(ctx context.Context, at Values) (*View, error)

	// Every is after how long the page asks again without a hand, for what moves by itself; 0 is never.
	Every time.Duration

	// Waits says when a cell ends that nobody ends.
	Waits Waits
}

// Waits says how long a cell stays alive.
type Waits struct {
	Page  time.Duration // for the page to ask for the first view
	Touch time.Duration // for the first touch
	Idle  time.Duration // after a touch, for the next one
}

// DefaultWaits waits 6 seconds for the page, a minute for a hand, and ten minutes between two touches.
func DefaultWaits() Waits {
	return Waits{Page: 6 * time.Second, Touch: time.Minute, Idle: 10 * time.Minute}
}

// A Control is a number, or a series of them, that a hand moves within a range.
type Control struct {
	Name     string  // in Values
	Label    string  // of its slider, with its unit; "" for no slider, of what a Handle moves
	Min, Max float64 // finite
	Step     float64 // between two places of the slider, above 0
	Start    []float64
	Words    []string // in place of numbers, one for each place of the slider; nil for none
}

// A Handle is a part of the view that moves a Control when it is dragged.
type Handle struct {
	Control string
	// Path is the way of the handle in the sketch: the points at which the control is at Min, and so on to Max, evenly. nil is a
	// handle in panels.
	Path [][2]float64
	// Panel and Line say which points are pulled up and down, one for each number of the control. With Along the whole panel is
	// pulled sideways instead, and Scale is what one of the control is on the axis.
	Panel, Line int
	Along       bool
	Scale       float64
}

// Values are where the controls are, by name; each has as many numbers as its Start.
type Values map[string][]float64

// One is where a control of one number is. It panics if there is no such control.
func (v Values) One(name string) float64 {
	if len(v[name]) == 0 {
		panic(fmt.Sprintf("live: there is no control %q", name))
	}
	return v[name][0]
}

// Int is One, rounded.
func (v Values) Int(name string) int { return int(math.Round(v.One(name))) }

// start is where the controls begin.
func (w Widget) start() Values {
	v := Values{}
	for _, c := range w.Controls {
		v[c.Name] = slices.Clone(c.Start)
	}
	return v
}

// fault is what is wrong with a Widget; nil if nothing is.
func (w Widget) fault() error {
	if w.View == nil {
		return fmt.Errorf("live: widget %q has no View", w.Name)
	}
	names := map[string]bool{}
	for _, c := range w.Controls {
		if c.Name == "" || names[c.Name] || len(c.Start) == 0 {
			return fmt.Errorf("live: widget %q: want a Name of its own and a Start of control %q", w.Name, c.Name)
		}
		names[c.Name] = true
		if !(c.Min < c.Max) || math.IsInf(c.Max-c.Min, 0) || !(c.Step > 0) {
			return fmt.Errorf("live: widget %q: control %q goes from %v to %v by %v, want a finite range upward and a step above 0", w.Name, c.Name, c.Min, c.Max, c.Step)
		}
		if err := c.within(c.Start); err != nil {
			return fmt.Errorf("live: widget %q: %w", w.Name, err)
		}
	}
	for _, h := range w.Handles {
		if !names[h.Control] {
			return fmt.Errorf("live: widget %q has a handle of %q, which is no control", w.Name, h.Control)
		}
	}
	return nil
}

// within reports what of some numbers the control cannot be at.
func (c Control) within(values []float64) error {
	if len(values) != len(c.Start) {
		return fmt.Errorf("control %q has %d numbers, not %d", c.Name, len(c.Start), len(values))
	}
	const slack = 1e-9 // of the range: a page counts in steps
	room := slack * (c.Max - c.Min)
	for _, v := range values {
		if !(v >= c.Min-room && v <= c.Max+room) {
			return fmt.Errorf("control %q is at %v, want %v to %v", c.Name, v, c.Min, c.Max)
		}
	}
	return nil
}

// Show shows a widget below the cell until it is done with, and returns where the controls were left. The cell fails if the widget
// makes no sense or its first View is an error. It ends by the page's button, the notebook's stop button, or by itself: see
// Session.Wait.
func Show(w Widget) Values {
	s := nb.Must(Open(w))
	s.Wait()
	return s.Close()
}
