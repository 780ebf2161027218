package fig

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Grid is charts in rows, with one key for all of them above, and notes below.
type Grid struct {
	Columns int       // at least 1
	Key     []Key     // none is no key
	Charts  []Chart   // row by row; nil leaves a place empty
	Tall    []float64 // of each row, in cm; the last one counts for all that follow; nil is 6.5
	Notes   []string  // sentences, each on a line of its own or more
}

// A Chart is what a Grid holds.
type Chart interface{ plot() *plot.Plot }

// A Key says what a colour and its mark stand for.
type Key struct {
	Name   string
	Method int

	thumb []plot.Thumbnailer // nil is the mark of Method
}

// Published is the Method of what others reached. All others are 0 or more.
const Published = -1

// Figure lays the charts out. It panics if Columns is below 1.
func (g Grid) Figure() *Figure {
	if g.Columns < 1 {
		panic(fmt.Sprintf("fig: a grid of %d columns, want at least 1", g.Columns))
	}
	f := &Figure{columns: g.Columns, width: widths[min(g.Columns, len(widths)-1)] * vg.Centimeter}
	for i := 0; i < len(g.Charts); i += g.Columns {
		h := 6.5
		if n := len(g.Tall); n > 0 {
			h = g.Tall[min(len(f.tall), n-1)]
		}
		f.tall = append(f.tall, h)
		f.height += vg.Length(h) * vg.Centimeter
		for k := range g.Columns {
			var p *plot.Plot
			if i+k < len(g.Charts) && g.Charts[i+k] != nil {
				p = g.Charts[i+k].plot()
				if _, ok := g.Charts[i+k].(interface{ even() }); ok {
					f.even = append(f.even, p)
				}
			}
			f.panels = append(f.panels, p)
		}
	}
	f.around = newFrill(g.Key, g.Notes, f.width-2*pad)
	f.height += f.around.above + f.around.below + 3*pad
	return f
}

// widths are how wide a grid is, in cm, by its columns.
var widths = []vg.Length{0, 16, 22, 25}

// A frill is what is around the panels: a key above and notes below.
type frill struct {
	keys         [][]plot.Legend // by line, one for each entry
	wide         vg.Length       // of an entry
	notes        []string        // lines
	above, below vg.Length       // room for both
}

// keyRow and noteRow are the heights of a line.
const keyRow, noteRow = vg.Length(15), vg.Length(12)

// newFrill fits keys, in columns, and notes into a width.
func newFrill(keys []Key, notes []string, width vg.Length) (f frill) {
	var legends []plot.Legend
	for _, k := range keys {
		l := plot.NewLegend()
		l.Top, l.Left, l.ThumbnailWidth = true, true, vg.Points(24)
		l.TextStyle.Font, l.TextStyle.Color = font.From(sans, vg.Points(10)), theme.ink
		l.Add(k.Name, k.thumbs()...)
		legends = append(legends, l)
		f.wide = max(f.wide, l.ThumbnailWidth+l.TextStyle.Width(" "+k.Name)+vg.Points(16))
	}
	if len(legends) > 0 {
		across := max(1, int(width/f.wide))
		lines := (len(legends) + across - 1) / across
		across = (len(legends) + lines - 1) / lines // lines as even as can be
		for len(legends) > 0 {
			n := min(across, len(legends))
			f.keys, legends = append(f.keys, legends[:n]), legends[n:]
		}
		f.above = vg.Length(len(f.keys))*keyRow + 6
	}
	for _, n := range notes {
		f.notes = append(f.notes, wrapped(n, width)...)
	}
	if len(f.notes) > 0 {
		f.below = vg.Length(len(f.notes))*noteRow + 6
	}
	return f
}

// draw draws the frill at the edges of c, and returns what is left within.
func (f frill) draw(c draw.Canvas) draw.Canvas {
	y := c.Max.Y
	for _, line := range f.keys {
		left := c.Min.X + max(0, (c.Size().X-f.wide*vg.Length(len(f.keys[0])))/2)
		for k, l := range line {
			at := left + vg.Length(k)*f.wide
			l.Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: at, Y: y - keyRow}, Max: vg.Point{X: at + f.wide, Y: y}}})
		}
		y -= keyRow
	}
	y = c.Min.Y + f.below - 6
	for _, n := range f.notes {
		c.FillText(remark, vg.Point{X: c.Min.X, Y: y - noteRow/2}, n)
		y -= noteRow
	}
	return draw.Crop(c, 0, 0, f.below, -f.above)
}

// remark is the text of notes.
var remark = textStyle(9)

// wrapped takes a text apart into lines that are no wider than width, if its words are not.
func wrapped(text string, width vg.Length) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if longer := strings.TrimSpace(line + " " + word); line == "" || remark.Width(longer) <= width {
			line = longer
			continue
		}
		lines, line = append(lines, line), word
	}
	return append(lines, line)
}

// thumbs draw an entry of a key.
func (k Key) thumbs() []plot.Thumbnailer {
	if k.thumb != nil {
		return k.thumb
	}
	l := lookOf(k.Method)
	return []plot.Thumbnailer{&plotter.Line{LineStyle: l.line(1.8)}, &plotter.Scatter{GlyphStyle: l.glyph(3)}}
}

// A look is how one of several methods is drawn.
type look struct {
	color  color.Color
	mark   draw.GlyphDrawer
	dashes []vg.Length
}

// lookOf is how a Method looks. Six colours can be told apart by the colour-blind; after them they come again, dashed. Marks differ too.
func lookOf(method int) look {
	if method < 0 {
		return look{theme.ink, draw.CrossGlyph{}, []vg.Length{vg.Points(5), vg.Points(3)}}
	}
	const colors = 6
	marks := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.SquareGlyph{}, draw.RingGlyph{}, draw.TriangleGlyph{}, draw.PlusGlyph{}}
	l := look{color: series(method % colors), mark: marks[method%len(marks)]}
	if method >= colors {
		l.dashes = []vg.Length{vg.Points(2), vg.Points(2)}
	}
	return l
}

func (l look) line(width float64) draw.LineStyle {
	return draw.LineStyle{Color: l.color, Width: vg.Points(width), Dashes: l.dashes}
}

func (l look) glyph(radius float64) draw.GlyphStyle {
	return draw.GlyphStyle{Color: l.color, Radius: vg.Points(radius), Shape: l.mark}
}

// pale is a colour that what is below shines through: 0 is none of it, 255 all.
func pale(c color.Color, alpha uint8) color.Color {
	r, g, b, _ := c.RGBA()
	return color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), alpha}
}

// scatter draws marks at points.
func scatter(p *plot.Plot, style draw.GlyphStyle, points ...plotter.XY) {
	if len(points) == 0 {
		return
	}
	s, err := plotter.NewScatter(plotter.XYs(points))
	if err != nil {
		panic(fmt.Sprintf("fig: %v", err)) // there is a point, and all are numbers
	}
	s.GlyphStyle = style
	p.Add(s)
}

// chart is a panel with a smaller title.
func chart(title, x, y string) *plot.Plot {
	p := panel(title, x, y)
	p.Title.TextStyle.Font.Size, p.Title.Padding = vg.Points(11), vg.Points(4)
	return p
}

// named puts names at 0, 1 and so on of the vertical axis, the first at the top.
func named(p *plot.Plot, names []string) {
	upward := make([]string, len(names))
	for i, n := range names {
		upward[len(names)-1-i] = n
	}
	if len(names) > 0 {
		p.NominalY(upward...)
	}
	p.Y.Min, p.Y.Max = -0.6, math.Max(0.6, float64(len(names))-0.4)
}
