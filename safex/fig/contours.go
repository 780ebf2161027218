package fig

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	colors "gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// An Axis is a range of numbers with a label.
type Axis struct {
	Label    string
	From, To float64
}

// Contours shows a function of two numbers, the darker the higher, with lines through their plane, such as the path of a search.
func Contours(x, y Axis, f func(x, y float64) float64, lines ...Line) *Figure {
	g := &plane{x: x, y: y}
	for r := range cells {
		for c := range cells {
			v := f(g.X(c), g.Y(r))
			if !finite(v) {
				v = math.NaN() // which is left empty
			}
			g.z[r][c] = v
		}
	}
	p := panel("", x.Label, y.Label)
	heat := plotter.NewHeatMap(g, shades{})
	heat.Rasterized = true
	p.Add(heat)
	if heat.Min < heat.Max { // a contour of what is level is no line
		var levels []float64
		for _, t := range (ticks{}).Ticks(heat.Min, heat.Max) {
			levels = append(levels, t.Value)
		}
		contour := plotter.NewContour(g, levels, nil)
		contour.LineStyles[0].Color, contour.LineStyles[0].Width = theme.ground, vg.Points(0.6)
		p.Add(contour)
	}
	keys := drawn(p, lines)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x.From, x.To, y.From, y.To
	p.Y.Tick.Marker = plot.ConstantTicks(ticks{}.Ticks(y.From, y.To))
	drawing := &Figure{panels: []*plot.Plot{p}, tall: []float64{1}, width: 14.4 * vg.Centimeter, height: 13 * vg.Centimeter}
	drawing.explain(keys)
	if heat.Min < heat.Max {
		drawing.scale = &plotter.ColorBar{ColorMap: scaleOf{heat.Min, heat.Max}, Vertical: true}
	}
	return drawing
}

// scaleOf are the colours of shades over a range, for a bar that says what they mean.
type scaleOf struct{ lo, hi float64 }

// These implement palette.ColorMap, as far as a bar needs it.
func (s scaleOf) At(v float64) (color.Color, error) {
	all := shades{}.Colors()
	return all[min(max(int(float64(len(all))*(v-s.lo)/(s.hi-s.lo)), 0), len(all)-1)], nil
}
func (s scaleOf) Max() float64               { return s.hi }
func (s scaleOf) SetMax(float64)             {}
func (s scaleOf) Min() float64               { return s.lo }
func (s scaleOf) SetMin(float64)             {}
func (s scaleOf) Alpha() float64             { return 1 }
func (s scaleOf) SetAlpha(float64)           {}
func (s scaleOf) Palette(int) colors.Palette { return shades{} }

// cells are the points of a plane in each direction.
const cells = 161

// plane is a function on a grid.
type plane struct {
	x, y Axis
	z    [cells][cells]float64 // by row
}

// These implement plotter.GridXYZ.
func (g *plane) Dims() (c, r int)   { return cells, cells }
func (g *plane) Z(c, r int) float64 { return g.z[r][c] }
func (g *plane) X(c int) float64    { return g.x.at(c) }
func (g *plane) Y(r int) float64    { return g.y.at(r) }

func (a Axis) at(i int) float64 { return a.From + (a.To-a.From)*float64(i)/(cells-1) }

// shades go from paper to a pale blue.
type shades struct{}

// Colors implements palette.Palette.
func (shades) Colors() (all []color.Color) {
	const n = 64
	lo, hi := theme.paper.(color.RGBA), color.RGBA{150, 186, 226, 255}
	mix := func(a, b uint8, k int) uint8 { return uint8((int(a)*(n-1-k) + int(b)*k) / (n - 1)) }
	for k := range n {
		all = append(all, color.RGBA{mix(lo.R, hi.R, k), mix(lo.G, hi.G, k), mix(lo.B, hi.B, k), 255})
	}
	return all
}
