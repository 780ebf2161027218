// Package fig draws figures with gonum/plot. A figure needs only the plain data of episodes.
package fig

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A Figure is a column of panels with a common horizontal axis, or a Grid.
type Figure struct {
	panels []*plot.Plot // row by row
	tall   []float64    // relative heights of the rows
	width  vg.Length
	height vg.Length

	columns int               // of a Grid; 0 is one
	scale   *plotter.ColorBar // right of the panels; nil is none
	around  frill
	keys    []Key        // of around, where they were not the Grid's
	sketch  *Sketch      // to the left of the panels; nil for none
	even    []*plot.Plot // of the panels, those with a unit as long on both axes
}

// theme is the colours of a figure: opaque paper, so that it reads the same in a dark and in a
// light notebook, and colours that differ in brightness too.
var theme = struct {
	paper, ink, grid, measured, mean, bound, edge, limit, action color.Color
	ground, beyond, rewarded                                     color.Color // of an Animation
}{
	paper: color.RGBA{252, 252, 250, 255}, ink: color.RGBA{40, 44, 52, 255}, grid: color.RGBA{226, 228, 232, 255},
	measured: color.RGBA{23, 78, 166, 255}, mean: color.RGBA{236, 140, 28, 255}, bound: color.NRGBA{108, 160, 220, 70}, edge: color.RGBA{108, 160, 220, 255},
	limit: color.RGBA{200, 30, 45, 255}, action: color.RGBA{70, 120, 90, 255},
	ground: color.RGBA{172, 177, 186, 255}, beyond: color.RGBA{246, 214, 212, 255}, rewarded: color.RGBA{226, 164, 30, 255},
}

// sans is the font of every text.
var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

// panel returns an empty plot in the theme.
func panel(title, x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = theme.paper
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = vg.Points(6)
	p.Legend.Top = true
	p.Legend.ThumbnailWidth = vg.Points(18)
	p.Legend.Padding = vg.Points(2)
	for _, s := range []struct {
		style *draw.TextStyle
		size  float64
	}{
		{&p.Title.TextStyle, 12}, {&p.X.Label.TextStyle, 10}, {&p.Y.Label.TextStyle, 10},
		{&p.X.Tick.Label, 9}, {&p.Y.Tick.Label, 9}, {&p.Legend.TextStyle, 9},
	} {
		s.style.Font = font.From(sans, vg.Points(s.size))
		s.style.Color = theme.ink
	}
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Tick.Color = theme.ink, theme.ink
		a.LineStyle.Width, a.Tick.LineStyle.Width = vg.Points(0.6), vg.Points(0.6)
		a.Padding = vg.Points(3)
		a.Tick.Marker = ticks{}
	}
	g := plotter.NewGrid()
	g.Horizontal.Color, g.Vertical.Color = theme.grid, theme.grid
	g.Horizontal.Width, g.Vertical.Width = vg.Points(0.5), vg.Points(0.5)
	p.Add(g)
	return p
}

// ticks marks round numbers, four to nine of them, every one with its label.
type ticks struct {
	whole bool // whole numbers alone
	low   bool // at most five, on an axis that is short
}

// Ticks implements plot.Ticker.
func (k ticks) Ticks(lo, hi float64) (marks []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/4)))
	most := 9.0
	if k.low {
		most = 5
	}
	for _, s := range []float64{1, 2, 2.5, 5, 10} {
		if (hi-lo)/(s*step) <= most {
			step *= s
			break
		}
	}
	if k.whole {
		step = max(1, math.Ceil(step))
	}
	if !(step > 0) || math.IsInf(step, 1) {
		return plot.DefaultTicks{}.Ticks(lo, hi)
	}
	for i := math.Ceil(lo/step) + 0; i*step <= hi; i++ { // + 0 makes 0 of -0
		marks = append(marks, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'g', 6, 64)})
	}
	return marks
}

// roomy widens the vertical range by shares of itself. Around one number alone it is a fifth as wide as that is far from 0, and at least 1: the digits
// of one return on an axis from -987 to -985 say nothing.
func roomy(p *plot.Plot, below, above float64) {
	span := p.Y.Max - p.Y.Min
	if finite(p.Y.Min) && span < 1e-9*math.Abs(p.Y.Min) || span == 0 {
		half := max(0.5, 0.1*math.Abs(p.Y.Min))
		p.Y.Min, p.Y.Max, span = p.Y.Min-half, p.Y.Max+half, 0
	}
	if finite(span) {
		p.Y.Min, p.Y.Max = p.Y.Min-below*span, p.Y.Max+above*span
	}
}

// line is a plot line; gaps between runs of numbers stay empty.
func line(p *plot.Plot, name string, xs, ys []float64, c color.Color, width float64, dashes ...vg.Length) {
	first := true
	for lo := 0; lo < len(xs); {
		if !finite(ys[lo]) {
			lo++
			continue
		}
		hi := lo
		var pts plotter.XYs
		for ; hi < len(xs) && finite(ys[hi]); hi++ {
			pts = append(pts, plotter.XY{X: xs[hi], Y: ys[hi]})
		}
		lo = hi
		l, err := plotter.NewLine(pts)
		if err != nil {
			panic(fmt.Sprintf("fig: %v", err)) // there is a point, and all are numbers
		}
		l.Color, l.Width, l.Dashes = c, vg.Points(width), dashes
		p.Add(l)
		if first && name != "" {
			p.Legend.Add(name, l)
		}
		first = false
	}
}

// dotted is a line with a dot at each number.
func dotted(p *plot.Plot, name string, xs, ys []float64, c color.Color, dashes ...vg.Length) {
	line(p, name, xs, ys, c, 1.8, dashes...)
	var dots plotter.XYs
	for i, y := range ys {
		if finite(y) {
			dots = append(dots, plotter.XY{X: xs[i], Y: y})
		}
	}
	if len(dots) == 0 {
		return
	}
	d, err := plotter.NewScatter(dots)
	if err != nil {
		panic(fmt.Sprintf("fig: %v", err)) // there is a point, and all are numbers
	}
	d.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(2.6), Shape: draw.CircleGlyph{}}
	p.Add(d)
}

// series is the colour of the k-th of several lines of one kind.
func series(k int) color.Color {
	colors := []color.Color{theme.measured, theme.mean, theme.action, theme.limit, theme.edge, theme.ink, theme.rewarded, theme.ground}
	return colors[k%len(colors)]
}

// band fills the space between two series over the runs where both are numbers.
func band(p *plot.Plot, name string, xs, lo, hi []float64, c color.Color) {
	first := true
	for i := 0; i < len(xs); {
		if !finite(lo[i]) || !finite(hi[i]) {
			i++
			continue
		}
		var over, under plotter.XYs
		for ; i < len(xs) && finite(lo[i]) && finite(hi[i]); i++ {
			over = append(over, plotter.XY{X: xs[i], Y: hi[i]})
			under = append(under, plotter.XY{X: xs[i], Y: lo[i]})
		}
		for k := len(under) - 1; k >= 0; k-- {
			over = append(over, under[k])
		}
		poly, err := plotter.NewPolygon(over)
		if err != nil {
			panic(fmt.Sprintf("fig: %v", err))
		}
		poly.Color, poly.LineStyle.Width = c, 0
		p.Add(poly)
		if first && name != "" {
			p.Legend.Add(name, poly)
		}
		first = false
	}
}

// level is a horizontal line over the whole panel, which reaches there: what a legend names can be seen.
func level(p *plot.Plot, name string, y float64, c color.Color) {
	f := plotter.NewFunction(func(float64) float64 { return y })
	f.LineStyle = limitStyle
	f.Color = c
	p.Add(f)
	p.Y.Min, p.Y.Max = min(p.Y.Min, y), max(p.Y.Max, y)
	if name != "" {
		p.Legend.Add(name, f)
	}
}

func finite(v float64) bool { return v-v == 0 } // neither NaN nor infinite

// PNG is the figure as a picture of 144 dots per inch.
func (f *Figure) PNG() ([]byte, error) {
	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(144), vgimg.UseBackgroundColor(theme.paper))}
	f.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("fig: %w", err)
	}
	return b.Bytes(), nil
}

// Encode is the figure in a format: png, svg or pdf. PNG and SVG have the same bytes for the same figure.
func (f *Figure) Encode(format string) ([]byte, error) {
	switch format {
	case "png":
		return f.PNG()
	case "svg", "pdf":
	default:
		return nil, fmt.Errorf("fig: there is no format %q: there are png, svg and pdf", format)
	}
	canvas, err := draw.NewFormattedCanvas(f.width, f.height, format)
	if err != nil {
		return nil, fmt.Errorf("fig: %w", err)
	}
	c := draw.New(canvas)
	c.FillPolygon(theme.paper, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	f.draw(c)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("fig: %w", err)
	}
	return b.Bytes(), nil
}

// draw places the rows below each other, with the vertical axes of a column in line.
func (f *Figure) draw(c draw.Canvas) {
	var total float64
	for _, h := range f.tall {
		total += h
	}
	const pad = 8
	c = f.around.draw(draw.Crop(c, pad, -pad-4, pad, -pad))
	if f.scale != nil {
		c = f.drawScale(c)
	}
	if f.sketch != nil {
		c = f.sketch.draw(c)
	}
	// plot.Align wants tiles of one size, so only its widths are used.
	columns := max(1, f.columns)
	rows := make([][]*plot.Plot, len(f.tall))
	for i := range rows {
		rows[i] = f.panels[i*columns : (i+1)*columns]
	}
	aligned := plot.Align(rows, draw.Tiles{Rows: len(rows), Cols: columns, PadX: vg.Points(14)}, c)
	top := c.Max.Y
	for i, row := range rows {
		h := c.Size().Y * vg.Length(f.tall[i]/total)
		for k, p := range row {
			if p == nil {
				continue
			}
			tile := aligned[i][k]
			tile.Max.Y, tile.Min.Y = top, top-h+vg.Points(4)
			if slices.Contains(f.even, p) {
				evened(p, p.DataCanvas(tile).Size())
			}
			p.Draw(tile)
		}
		top -= h
	}
}

// drawScale draws what the colours of a panel mean at the right edge of c, and returns what is left of it.
func (f *Figure) drawScale(c draw.Canvas) draw.Canvas {
	const wide = 42
	p := panel("", "", "")
	p.Add(f.scale)
	p.HideX()
	p.X.Padding, p.Y.Padding = 0, 0
	p.Y.Tick.Marker = plot.ConstantTicks(ticks{}.Ticks(f.scale.ColorMap.Min(), f.scale.ColorMap.Max()))
	p.Draw(draw.Crop(c, c.Size().X-wide, 0, 24, 0))
	return draw.Crop(c, 0, -wide-8, 0, 0)
}
