package fig

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Line is a series of points, which need not be in any order. Gaps between runs of numbers stay empty.
type Line struct {
	Name   string    // in the legend; "" for none
	X, Y   []float64 // as many of each
	Lo, Hi []float64 // band over the same X; nil for none
	Dashed bool
	Dots   bool // at each point
	Look   Look // what it stands for
}

// A Panel is lines against levels that are marked, such as limits.
type Panel struct {
	Title, Label string // Label is on the vertical axis, with its unit
	Lines        []Line
	Levels       []float64
	Marks        []float64 // on the horizontal axis, as thin lines
	From, To     float64   // of the vertical axis, which cuts what is beyond; both 0 is as much as the lines need
}

// Panels shows panels below each other, with one key for all of them above. The label is on their common horizontal axis, with its unit.
func Panels(label string, panels ...Panel) *Figure {
	f := &Figure{width: 16 * vg.Centimeter, height: vg.Centimeter}
	tall := 2.4
	if len(panels) > 2 {
		tall = 2 // so that three fit a screen
	}
	var keys []Key
	for _, a := range panels {
		p := panel(a.Title, "", a.Label)
		p.Title.TextStyle.Font.Size, p.Title.Padding = vg.Points(10.5), vg.Points(2)
		for _, y := range a.Levels {
			level(p, "", y, theme.limit)
		}
		lines := make([]Line, len(a.Lines))
		for k, l := range a.Lines {
			lines[k] = a.cut(l)
		}
		keys = append(keys, drawn(p, lines)...)
		unseen(p, a.Lines)
		roomy(p, 0.05, 0.05)
		if a.From < a.To {
			p.Y.Min, p.Y.Max = a.From, a.To
		}
		for _, x := range a.Marks {
			line(p, "", []float64{x, x}, []float64{p.Y.Min, p.Y.Max}, theme.ink, 0.9)
		}
		f.add(p, tall)
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range f.panels {
		lo, hi = min(lo, p.X.Min), max(hi, p.X.Max)
	}
	for i, p := range f.panels {
		if p.X.Min, p.X.Max = lo, hi; i == len(f.panels)-1 {
			p.X.Label.Text = label
		}
	}
	f.explain(keys)
	return f
}

// explain puts a key above the panels, with an entry for each name.
func (f *Figure) explain(keys []Key) {
	named := map[string]bool{}
	var once []Key
	for _, k := range keys {
		if !named[k.Name] {
			named[k.Name] = true
			once = append(once, k)
		}
	}
	f.keys = once
	f.fit(nil)
}

// fit puts the key above the panels, and notes below, into the width that f has now.
func (f *Figure) fit(notes []string) {
	was := f.around
	f.around = newFrill(f.keys, notes, f.width-2*pad)
	f.height += f.around.above + f.around.below - was.above - was.below
}

// drawn draws lines into a plot, the plain ones in colours by their order, and returns the keys of those that have a name.
func drawn(p *plot.Plot, lines []Line) (keys []Key) {
	plain := 0
	for _, l := range lines {
		style := l.style(plain)
		if l.Look == Plain {
			plain++
		}
		l.draw(p, style)
		if l.Name == "" {
			continue
		}
		thumb := []plot.Thumbnailer{&plotter.Line{LineStyle: style}}
		if l.Dots {
			thumb = append(thumb, &plotter.Scatter{GlyphStyle: dotOf(style)})
		}
		keys = append(keys, Key{Name: l.Name, thumb: thumb})
	}
	return keys
}

// style is how the line is drawn, as the k-th plain one.
func (l Line) style(k int) draw.LineStyle {
	style := l.Look.style(k)
	if l.Dashed {
		style.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	}
	return style
}

// dotOf is the dot on a line.
func dotOf(style draw.LineStyle) draw.GlyphStyle {
	return draw.GlyphStyle{Color: style.Color, Radius: vg.Points(2.6), Shape: draw.CircleGlyph{}}
}

// cut is a line within the range of a panel that has one.
func (a Panel) cut(l Line) Line {
	if !(a.From < a.To) {
		return l
	}
	within := func(values []float64) (all []float64) {
		for _, v := range values {
			all = append(all, min(max(v, a.From), a.To))
		}
		return all
	}
	l.Y, l.Lo, l.Hi = within(l.Y), within(l.Lo), within(l.Hi)
	return l
}

// unseen says in the middle of a panel that there is nothing to be seen yet, in place of an axis from -1 to 1.
func unseen(p *plot.Plot, lines []Line) {
	for _, l := range lines {
		if slices.ContainsFunc(slices.Concat(l.Y, l.Lo), finite) {
			return
		}
	}
	noData(p, "no data yet")
}

// draw draws the line.
func (l Line) draw(p *plot.Plot, style draw.LineStyle) {
	if len(l.Y) != len(l.X) || l.Lo != nil && (len(l.Lo) != len(l.X) || len(l.Hi) != len(l.X)) {
		panic(fmt.Sprintf("fig: line %q of %d and %d numbers, with a band of %d and %d", l.Name, len(l.X), len(l.Y), len(l.Lo), len(l.Hi)))
	}
	if l.Lo != nil {
		band(p, "", l.X, l.Lo, l.Hi, shade(style))
	}
	if l.Dots {
		dotted(p, "", l.X, l.Y, style.Color, style.Dashes...)
	} else {
		line(p, "", l.X, l.Y, style.Color, style.Width.Points(), style.Dashes...)
	}
}

// shade is the colour of a line's band: a pale one of its own, so that bands can be told apart as their lines can.
func shade(style draw.LineStyle) color.Color { return pale(style.Color, 46) }

// A Bar is a number with a name.
type Bar struct {
	Name  string
	Value float64
}

// Bars shows numbers side by side, the first at the top. The label is theirs, with its unit. What is not a number has no bar.
func Bars(label string, bars ...Bar) *Figure {
	p := panel("", label, "")
	values, names := make(plotter.Values, len(bars)), make([]string, len(bars))
	for i, b := range bars {
		k := len(bars) - 1 - i
		if names[k] = b.Name; finite(b.Value) {
			values[k] = b.Value
		}
	}
	if len(bars) > 0 {
		c, err := plotter.NewBarChart(values, vg.Points(11))
		if err != nil {
			panic(fmt.Sprintf("fig: %v", err)) // there is a bar, and all are numbers
		}
		c.Horizontal, c.Color, c.LineStyle = true, theme.measured, draw.LineStyle{}
		p.Add(c)
		p.NominalY(names...)
		p.Y.Min, p.Y.Max = -0.6, float64(len(bars))-0.4
	}
	return &Figure{panels: []*plot.Plot{p}, tall: []float64{1}, width: 16 * vg.Centimeter, height: vg.Length(2+0.75*float64(len(bars))) * vg.Centimeter}
}
