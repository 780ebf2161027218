package fig

import (
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// system is a task of package tasks.
func system(t *testing.T, name string) *safex.System {
	t.Helper()
	m, ok := tasks.New(name)
	if !ok {
		t.Fatalf("no task %s", name)
	}
	s, err := m.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A way around the circle goes up to one side of the plane and on from the other, at the height where it crosses, and never across.
func TestAround(t *testing.T) {
	nan := math.NaN()
	same := func(a, b []float64) bool {
		return slices.EqualFunc(a, b, func(x, y float64) bool { return x != x && y != y || math.Abs(x-y) < 1e-12 })
	}
	for name, c := range map[string]struct{ xs, ys, wayX, wayY []float64 }{
		"over the top":    {[]float64{math.Pi - 0.1, -math.Pi + 0.3}, []float64{1, 5}, []float64{math.Pi - 0.1, math.Pi, nan, -math.Pi, -math.Pi + 0.3}, []float64{1, 2, nan, 2, 5}},
		"over the bottom": {[]float64{-math.Pi, math.Pi - 1}, []float64{3, 4}, []float64{-math.Pi, -math.Pi, nan, math.Pi, math.Pi - 1}, []float64{3, 3, nan, 3, 4}},
		"half a turn":     {[]float64{-1, 2}, []float64{0, 1}, []float64{-1, 2}, []float64{0, 1}},
		"nothing":         {},
	} {
		if x, y := around(c.xs, c.ys, true, false); !same(x, c.wayX) || !same(y, c.wayY) {
			t.Errorf("%s: %v, %v", name, x, y)
		}
		if y, x := around(c.ys, c.xs, false, true); !same(x, c.wayX) || !same(y, c.wayY) {
			t.Errorf("%s, on the other axis: %v, %v", name, x, y)
		}
	}
	if x, y := around([]float64{0, nan, 1, 2}, []float64{0, 1, nan, 3}, true, false); !same(x, []float64{0, nan, 1, 2}) || !same(y, []float64{0, nan, nan, 3}) {
		t.Errorf("of gaps: %v, %v", x, y)
	}
	if x, y := around([]float64{3, -3}, []float64{3, -3}, true, true); !same(x, []float64{3, nan, -3}) || !same(y, []float64{3, nan, -3}) {
		t.Errorf("through a corner: %v, %v", x, y)
	}
	if x, _ := around([]float64{3, -3}, []float64{0, 1}, false, false); !same(x, []float64{3, -3}) {
		t.Errorf("of no angle: %v", x)
	}
}

// The plane is that of the coordinates that are asked for, and of a limit if none are; what there is not is named.
func TestCoordinates(t *testing.T) {
	for _, c := range []struct{ task, x, y, want string }{
		{"pendulum", "", "", "theta omega"}, {"pendulum", "omega", "", "omega theta"}, {"pendulum", "", "theta", "omega theta"}, {"pendulum", "omega", "omega", ""}, {"pendulum", "cos", "", ""},
		{"pitch", "", "", "alpha theta q"}, {"pitch", "q", "alpha", "q alpha theta"}, {"carpark", "", "", "x v"}, {"rccar", "", "", ""},
	} {
		s := system(t, c.task)
		all, err := Phase{System: s, X: c.x, Y: c.y}.coordinates()
		var names []string
		for _, a := range all {
			names = append(names, a.Name)
		}
		if got := strings.Join(names, " "); got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v: %q, error %v", c, got, err)
		}
		if _, err := (Phase{System: s, X: c.x, Y: c.y}).Figure(); (err != nil) != (c.want == "") {
			t.Errorf("%+v: error %v", c, err)
		}
	}
}

// A figure of little or of nothing is empty, and no panic.
func TestSparsePhase(t *testing.T) {
	s, nan := system(t, "pendulum"), math.NaN()
	lost := safex.Episode{Trajectory: safex.Trajectory{States: [][]float64{{nan, nan, nan}, {1, 0, 0}, {1, 0, math.Inf(1)}}}, Forecasts: []safex.Forecast{{Cover: safex.CoverNone}, {}, {}, {Cover: safex.CoverTail}}}
	for name, p := range map[string]Phase{
		"nothing": {}, "no region": {Episodes: []safex.Episode{{}, lost}}, "an empty region": {Regions: []Region{{Contains: func([]float64) bool { return false }}}},
	} {
		p.System = s
		f, err := p.Figure()
		if err != nil {
			t.Fatal(err)
		}
		if png, err := f.PNG(); err != nil || len(png) < 500 {
			t.Errorf("%s: %d bytes, error %v", name, len(png), err)
		}
	}
}

// A point has the shade of the first region that has it if the last has it too, and is said to be left if not; of more coordinates than two it is enough
// that some of them are in the region.
func TestRaster(t *testing.T) {
	region := func(lo, hi float64) Region {
		return Region{Contains: func(x []float64) bool { return x[0] > lo && x[0] < hi }}
	}
	s := system(t, "carpark")
	at := func(regions ...Region) func(share float64) color.Color {
		p := Phase{System: s, Regions: regions}
		w := phase{Phase: p}
		var err error
		if w.at, err = p.coordinates(); err != nil {
			t.Fatal(err)
		}
		w.raster()
		return func(share float64) color.Color { return w.shades.At(int(share*float64(w.shades.Bounds().Dx())), 7) }
	}
	// x is from -8 to 4.
	three := at(region(-5, -3), region(-5, -1), region(-4, 1))
	p := Phase{Regions: make([]Region, 3)}
	for x, want := range map[float64]color.RGBA{-7: {}, -4.5: left, -3.5: p.shade(0), -2: p.shade(1), 0: p.shade(2), 2: {}} {
		if got := three((x + 8) / 12); got != want {
			t.Errorf("at %v the shade is %v, want %v", x, got, want)
		}
	}
	s = system(t, "pitch")
	thin := at(Region{Contains: func(x []float64) bool { return x[0] > 0 && math.Abs(x[1]) < 0.02 }})
	if got, none := thin(0.7), thin(0.3); got != (Phase{Regions: make([]Region, 1)}).shade(0) || none != (color.RGBA{}) {
		t.Errorf("of a region across the plane %v and %v", got, none)
	}
}
