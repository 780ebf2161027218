package fig

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/viability"
)

// A Phase is sets of states in the plane of two coordinates, and the ways of episodes through it: where a system can be kept safe, and where it went.
type Phase struct {
	System   *safex.System
	X, Y     string   // each is the name of an angle, or of a dimension of the state that belongs to none; "" is the first, of Y one with a limit
	Regions  []Region // in the order in which they came to be, as those of episodes: the darker the earlier, and grey what the last does not have
	Episodes []safex.Episode
	Notes    []string // sentences, below
}

// A Region is a set of states, as a viability.Kernel with its Contains.
type Region struct {
	Name     string
	Contains func(x []float64) bool
}

// Figure draws the regions, the limits that are bounds on the two coordinates, and the episodes: a way that goes around the circle of an angle
// leaves at one side and comes back at the other. Of a system of more coordinates a point is in a region if that has some state there. The error
// says that there are no such coordinates.
func (p Phase) Figure() (*Figure, error) {
	at, err := p.coordinates()
	if err != nil {
		return nil, err
	}
	w := phase{Phase: p, at: at}
	w.raster()
	g := Grid{Columns: 1, Tall: []float64{11}, Key: w.key(), Charts: []Chart{w}, Notes: p.Notes}
	var empty []string
	for k, r := range p.Regions {
		if !w.has[k] {
			empty = append(empty, r.Name)
		}
	}
	if len(empty) > 0 {
		g.Notes = append([]string{"No point is in the region: " + strings.Join(empty, ", ") + "."}, g.Notes...)
	}
	if others := at[2:]; len(others) > 0 && len(p.Regions) > 0 {
		var names []string
		for _, c := range others {
			names = append(names, c.Name)
		}
		g.Notes = append([]string{"A point is shaded if a region has it with some " + strings.Join(names, " and ") + "."}, g.Notes...)
	}
	return g.Figure(), nil
}

// A coordinate is an axis of the plane, or one across it.
type coordinate struct {
	viability.Axis
	label string
}

// of is the coordinate of a state.
func (c coordinate) of(x []float64) float64 {
	if c.Angle != nil {
		return math.Atan2(x[c.Angle.Sin], x[c.Angle.Cos])
	}
	return x[c.State]
}

// put gives a state the coordinate v.
func (c coordinate) put(x []float64, v float64) {
	if c.Angle != nil {
		x[c.Angle.Sin], x[c.Angle.Cos] = math.Sincos(v)
		return
	}
	x[c.State] = v
}

// middle is that of cell i of n.
func (c coordinate) middle(i, n int) float64 {
	return c.From + (c.To-c.From)*(float64(i)+0.5)/float64(n)
}

// coordinates are all that there are: X, Y, and the others in their order.
func (p Phase) coordinates() (all []coordinate, err error) {
	grid, err := viability.NewGrid(p.System, 1)
	if err != nil {
		return nil, fmt.Errorf("fig: %w", err)
	}
	var names []string
	for _, a := range grid.Axes {
		c := coordinate{a, a.Name + " [rad]"}
		if a.Angle == nil {
			c.label = p.System.State[a.State].Label()
		}
		all, names = append(all, c), append(names, a.Name)
	}
	if len(all) < 2 {
		return nil, fmt.Errorf("fig: task %q has the coordinate %s alone: want two for a plane", p.System.Name, names[0])
	}
	first := func(of []coordinate, name string) error { // brings the one of that name to the front
		i := slices.IndexFunc(of, func(c coordinate) bool { return c.Name == name })
		if i < 0 {
			return fmt.Errorf("fig: task %q has no two coordinates %q and %q: want two of %s", p.System.Name, p.X, p.Y, strings.Join(names, ", "))
		}
		c := of[i]
		copy(of[1:], of[:i])
		of[0] = c
		return nil
	}
	if p.X != "" {
		if err := first(all, p.X); err != nil {
			return nil, err
		}
	}
	y := p.Y
	switch i := slices.IndexFunc(all[1:], func(c coordinate) bool { return len(c.limits(p.System)) > 0 }); {
	case y == "" && i >= 0:
		y = all[1+i].Name
	case y == "":
		y = all[1].Name
	case p.X == "" && y == all[0].Name:
		all[0], all[1] = all[1], all[0]
	}
	if err := first(all[1:], y); err != nil {
		return nil, err
	}
	return all, nil
}

// limits are where the limits of s are that are bounds on the coordinate.
func (c coordinate) limits(s *safex.System) []float64 {
	if c.Angle != nil {
		return nil
	}
	return levels(s, c.State)
}

// levels are where the limits of s are that are bounds on dimension d of the state.
func levels(s *safex.System, d int) (all []float64) {
	for k, l := range s.Limits {
		b, ok := s.Bound(k)
		if !ok || b.State != d {
			continue
		}
		if b.Upper {
			all = append(all, l.Max)
		}
		if b.Lower {
			all = append(all, -l.Max)
		}
	}
	return all
}

// way is the colour of an episode, the same of the last however many there are.
func (p Phase) way(k int) color.Color {
	colors := []color.Color{theme.ink, theme.mean, theme.action, theme.ground}
	return colors[(len(p.Episodes)-1-k)%len(colors)]
}

// shade is the colour of a region: the earlier, the darker.
func (p Phase) shade(k int) color.RGBA {
	dark, bright := color.RGBA{94, 142, 204, 255}, color.RGBA{214, 228, 245, 255}
	share := 1.0
	if n := len(p.Regions); n > 1 {
		share = float64(k) / float64(n-1)
	}
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-share) + float64(b)*share)) }
	return color.RGBA{mix(dark.R, bright.R), mix(dark.G, bright.G), mix(dark.B, bright.B), 255}
}

// astray are covers that a way is marked with: of steps that were not taken as they were planned.
var astray = []struct {
	cover safex.Cover
	name  string
}{{safex.CoverTail, "step by the tail of a plan"}, {safex.CoverBackup, "step by a backup"}, {safex.CoverNone, "step without a cover"}}

// dot marks a step by its cover.
func dot(c safex.Cover) draw.GlyphStyle {
	return draw.GlyphStyle{Color: coverColor(c), Radius: vg.Points(2.8), Shape: rimmed{}}
}

// rimmed is a circle with a rim of ink, which stands out from a way of nearly its colour.
type rimmed struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (rimmed) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	draw.CircleGlyph{}.DrawGlyph(c, style, at)
	style.Color = theme.ink
	draw.RingGlyph{}.DrawGlyph(c, style, at)
}

// key says what is what.
func (p phase) key() (keys []Key) {
	for k, r := range p.Regions {
		if !p.has[k] {
			continue
		}
		keys = append(keys, Key{Name: r.Name, thumb: []plot.Thumbnailer{&plotter.Polygon{Color: p.shade(k)}}})
	}
	if p.left {
		keys = append(keys, Key{Name: "no longer", thumb: []plot.Thumbnailer{&plotter.Polygon{Color: left}}})
	}
	if len(p.at[0].limits(p.System))+len(p.at[1].limits(p.System)) > 0 {
		keys = append(keys, Key{Name: "limit", thumb: []plot.Thumbnailer{&plotter.Line{LineStyle: limitStyle}}})
	}
	has := map[safex.Cover]bool{}
	for k, e := range p.Episodes {
		keys = append(keys, Key{Name: fmt.Sprintf("episode %d", e.Number), thumb: []plot.Thumbnailer{&plotter.Line{LineStyle: draw.LineStyle{Color: p.way(k), Width: vg.Points(1.6)}}}})
		for _, f := range e.Forecasts {
			has[f.Cover] = true
		}
	}
	if len(p.Episodes) > 0 {
		keys = append(keys, Key{Name: "start", thumb: []plot.Thumbnailer{&plotter.Scatter{GlyphStyle: start}}})
	}
	for _, a := range astray {
		if has[a.cover] {
			keys = append(keys, Key{Name: a.name, thumb: []plot.Thumbnailer{&plotter.Scatter{GlyphStyle: dot(a.cover)}}})
		}
	}
	return keys
}

// limitStyle is the line of a limit.
var limitStyle = draw.LineStyle{Color: theme.limit, Width: vg.Points(1.4), Dashes: []vg.Length{vg.Points(6), vg.Points(3)}}

// A phase is a Phase that knows its coordinates and its shades.
type phase struct {
	Phase
	at     []coordinate
	shades *image.RGBA
	has    []bool // of each region, whether some point is in it
	left   bool   // enough of it to be seen is in an earlier region, and not in the last
}

func (p phase) plot() *plot.Plot {
	x, y := p.at[0], p.at[1]
	c := chart("", x.label, y.label)
	c.Add(plotter.NewImage(p.shades, x.From, y.From, x.To, y.To))
	for k, e := range p.Episodes {
		p.draw(c, e, p.way(k))
	}
	for axis, at := range []*plot.Axis{&c.X, &c.Y} {
		a := p.at[axis]
		if at.Min, at.Max = min(at.Min, a.From), max(at.Max, a.To); a.Angle != nil {
			at.Min, at.Max, at.Tick.Marker = -math.Pi, math.Pi, turns
			continue
		}
		room := 0.05 * (at.Max - at.Min)
		at.Min, at.Max = at.Min-room, at.Max+room
	}
	for _, v := range x.limits(p.System) {
		c.Add(&plotter.Line{XYs: plotter.XYs{{X: v, Y: c.Y.Min}, {X: v, Y: c.Y.Max}}, LineStyle: limitStyle})
	}
	for _, v := range y.limits(p.System) {
		c.Add(&plotter.Line{XYs: plotter.XYs{{X: c.X.Min, Y: v}, {X: c.X.Max, Y: v}}, LineStyle: limitStyle})
	}
	return c
}

// turns marks an angle by parts of π.
var turns = plot.ConstantTicks{{Value: -math.Pi, Label: "−π"}, {Value: -math.Pi / 2, Label: "−π/2"}, {Value: 0, Label: "0"}, {Value: math.Pi / 2, Label: "π/2"}, {Value: math.Pi, Label: "π"}}

// left is the colour of points that earlier regions have, and the last does not.
var left = color.RGBA{208, 211, 217, 255}

// raster shades the plane: each point by the first region that has it, or as left.
func (p *phase) raster() {
	// As many points as a few seconds allow: in the plane, on each axis, and on each of those across it.
	n, across := 480, 1
	switch len(p.at) {
	case 2:
	case 3:
		n, across = 240, 39
	default:
		n, across = 120, 15
	}
	p.shades, p.has = image.NewRGBA(image.Rect(0, 0, n, n)), make([]bool, len(p.Regions))
	lost := 0
	state := make([]float64, len(p.System.State))
	for row := range n {
		p.at[1].put(state, p.at[1].middle(row, n))
		for column := range n {
			p.at[0].put(state, p.at[0].middle(column, n))
			in := func(k int) bool { return some(p.Regions[k], state, p.at[2:], across) }
			first := -1
			for k := range p.Regions {
				if (first < 0 || !p.has[k]) && in(k) {
					p.has[k] = true
					if first < 0 {
						first = k
					}
				}
			}
			if first < 0 {
				continue
			}
			shade := p.shade(first)
			if !in(len(p.Regions) - 1) {
				shade = left
				lost++
			}
			p.shades.SetRGBA(column, n-1-row, shade)
		}
	}
	const seen = 2000 // one of so many points is enough to be seen
	p.left = lost > n*n/seen
}

// some tells whether a region has the state with some of n values of each of the other coordinates.
func some(r Region, state []float64, others []coordinate, n int) bool {
	if len(others) == 0 {
		return r.Contains(state)
	}
	for i := range n {
		others[0].put(state, others[0].middle(i, n))
		if some(r, state, others[1:], n) {
			return true
		}
	}
	return false
}

// draw draws the way of an episode.
func (p phase) draw(c *plot.Plot, e safex.Episode, color color.Color) {
	states := e.States
	if e.Real != nil {
		states = e.Real
	}
	var xs, ys []float64
	for _, s := range states {
		xs, ys = append(xs, p.at[0].of(s)), append(ys, p.at[1].of(s))
	}
	wayX, wayY := around(xs, ys, p.at[0].Angle != nil, p.at[1].Angle != nil)
	line(c, "", wayX, wayY, color, 1.6)
	if len(xs) > 0 && finite(xs[0]) && finite(ys[0]) {
		scatter(c, start, plotter.XY{X: xs[0], Y: ys[0]})
	}
	for _, a := range astray {
		var points []plotter.XY
		for t, f := range e.Forecasts {
			if f.Cover == a.cover && t < len(xs) && finite(xs[t]) && finite(ys[t]) {
				points = append(points, plotter.XY{X: xs[t], Y: ys[t]})
			}
		}
		scatter(c, dot(a.cover), points...)
	}
}

// around takes a way apart where it goes around the circle of an angle, the shorter way: up to one side of the plane, and on from the other. A
// point that is no number is a gap.
func around(xs, ys []float64, turnX, turnY bool) (x, y []float64) {
	add := func(a, b float64) {
		if !finite(a) {
			b = math.NaN()
		}
		x, y = append(x, a), append(y, b)
	}
	gap := func() { add(math.NaN(), math.NaN()) }
	// edge is the side that is come to from a on the way to b, if that is around the circle, and the share of the way up to there.
	edge := func(a, b float64, turn bool) (side, share float64, ok bool) {
		if d := b - a; turn && math.Abs(d) > math.Pi {
			side = math.Copysign(math.Pi, -d)
			whole := d + 2*side
			return side, (side - a) / whole, true
		}
		return 0, 0, false
	}
	for i := range xs {
		if i > 0 {
			sideX, shareX, overX := edge(xs[i-1], xs[i], turnX)
			sideY, shareY, overY := edge(ys[i-1], ys[i], turnY)
			switch {
			case overX && overY: // through a corner, or nearly
				gap()
			case overX:
				v := ys[i-1] + shareX*(ys[i]-ys[i-1])
				add(sideX, v)
				gap()
				add(-sideX, v)
			case overY:
				v := xs[i-1] + shareY*(xs[i]-xs[i-1])
				add(v, sideY)
				gap()
				add(v, -sideY)
			}
		}
		add(xs[i], ys[i])
	}
	return x, y
}
