package fig

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	imagedraw "image/draw"
	"math"

	"github.com/kettek/apng"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/rischiboy/safe_exploration/safex"
)

// An Animation is an episode as moving pictures: the scene of the task's Picture, and below it a gauge for each
// limit. Without a Picture it has a bar for each dimension of the state and of the action in place of the scene.
type Animation struct {
	Title   string // of every frame, before the time; Animate names the task and the episode
	frames  []frame
	seconds float64 // from frame to frame

	picture       *safex.Picture // nil if there is none
	size          vg.Point       // of the picture
	column        vg.Length      // width of the texts of gauges
	width, height vg.Length

	beside *Animation // to the right of it; nil if there is none
}

// A frame is what an Animation shows at a time.
type frame struct {
	time   float64 // s
	x, u   []float64
	gauges []gauge // from top to bottom
	broken bool    // a limit
}

const (
	mostFrames = 100 // in an Animation
	mostRate   = 20  // frames in a second
)

// Lengths of an Animation, whose pixels are 96 to the inch.
const (
	dpi       = 96
	pad       = vg.Length(8)
	titleRow  = vg.Length(20)
	gaugeRow  = vg.Length(17)
	mostWide  = vg.Length(375) // of the whole: 500 pixels
	mostHigh  = vg.Length(315) // of the whole: 420 pixels
	leastTall = vg.Length(120) // of the scene, however many gauges there are
)

// Animate draws an episode as an animated PNG, in real time and over and over. A frame stands for a step or, in a
// fast or long episode, for a few: it has the state after the last of them, and of each limited quantity the highest
// value in any, so that no step beyond a limit is left out. The state is the real one where the agent saw it
// through noise. The last frame stays for a second more.
func Animate(s *safex.System, e safex.Episode) (*Animation, error) {
	states := e.States
	if e.Real != nil {
		states = e.Real
	}
	steps := min(len(e.Actions), len(states)-1) // a run folder keeps the states before each step
	if steps < 1 {
		return nil, fmt.Errorf("fig: episode %d has no step to draw", e.Number)
	}
	for _, part := range []struct {
		name string
		rows [][]float64
		size int
	}{{"states", states, len(s.State)}, {"actions", e.Actions, len(s.Action)}, {"excesses", e.Excess, len(s.Limits)}} {
		if len(part.rows) < steps {
			return nil, fmt.Errorf("fig: episode %d has %d steps and %d %s", e.Number, steps, len(part.rows), part.name)
		}
		for _, row := range part.rows {
			if len(row) != part.size {
				return nil, fmt.Errorf("fig: episode %d has %s of %d dimensions, and task %q of %d", e.Number, part.name, len(row), s.Name, part.size)
			}
		}
	}
	stride := max(1, (steps+mostFrames-1)/mostFrames, int(math.Ceil(1/(mostRate*s.Dt)-1e-9)))
	stride = min(stride, steps)
	a := &Animation{Title: fmt.Sprintf("%s, episode %d", s.Name, e.Number), seconds: float64(stride) * s.Dt}
	if p := s.Picture; p != nil && finite(p.Right-p.Left) && finite(p.Top-p.Bottom) {
		a.picture = p
	}
	broken := e.Broken(s.Budgets()...)
	state, action, limit := stateMeters(s, states), actionMeters(s), limitMeters(s, e.Excess)
	for first := 0; first < steps; first += stride {
		end := min(first+stride, steps)
		f := frame{time: float64(end) * s.Dt, x: states[end], u: e.Actions[end-1]}
		if a.picture == nil {
			for k, m := range state {
				f.gauges = append(f.gauges, m.gauge(f.x[k], false))
			}
			for k, m := range action {
				f.gauges = append(f.gauges, m.gauge(f.u[k], false))
			}
		}
		for k, m := range limit {
			worst, beyond := math.Inf(-1), false
			for t := first; t < end; t++ {
				worst, beyond = max(worst, e.Excess[t][k]), beyond || broken[t][k]
			}
			f.broken = f.broken || beyond
			f.gauges = append(f.gauges, m.gauge(s.Limits[k].Max+worst, beyond))
		}
		a.frames = append(a.frames, f)
	}
	a.layout()
	return a, nil
}

// layout fits the scene, in its proportions, above the gauges.
func (a *Animation) layout() {
	below := vg.Length(len(a.frames[0].gauges)) * gaugeRow
	a.width, a.height = mostWide, pad+titleRow+below+pad
	if p := a.picture; p != nil {
		wide, high := p.Right-p.Left, p.Top-p.Bottom
		scale := min(float64(mostWide-2*pad)/wide, float64(max(mostHigh-a.height-pad, leastTall))/high)
		a.size = vg.Point{X: vg.Length(scale * wide), Y: vg.Length(scale * high)}
		a.width = min(mostWide, max(a.size.X+2*pad, 0.8*mostWide))
		a.height += a.size.Y + pad
	}
	for _, f := range a.frames {
		for _, g := range f.gauges {
			a.column = max(a.column, small.Width(g.text))
		}
	}
	a.column = min(a.column+pad, 0.6*a.width)
}

// Beside is a with b to the right of it, at the same time. The one with fewer frames keeps its last to the end. It
// fails if their frames are not equally long, as those of one task are.
func Beside(a, b *Animation) (*Animation, error) {
	if a.seconds != b.seconds {
		return nil, fmt.Errorf("fig: %q has frames of %.3g s and %q of %.3g s: they cannot be shown side by side", a.Title, a.seconds, b.Title, b.seconds)
	}
	both := *a
	for last := &both; ; last = last.beside {
		if last.beside == nil {
			last.beside = b
			return &both, nil
		}
		next := *last.beside
		last.beside = &next
	}
}

// Frames is the number of frames.
func (a *Animation) Frames() int {
	n := len(a.frames)
	if a.beside != nil {
		n = max(n, a.beside.Frames())
	}
	return n
}

// Frame is frame k, from 0, alone.
func (a *Animation) Frame(k int) image.Image { return a.at(k) }

// at is frame k with what is beside it.
func (a *Animation) at(k int) *image.Paletted {
	left := a.draw(a.frames[min(k, len(a.frames)-1)])
	if a.beside == nil {
		return left
	}
	right := a.beside.at(k)
	wide, high := left.Rect.Dx(), max(left.Rect.Dy(), right.Rect.Dy())
	both := image.NewPaletted(image.Rect(0, 0, wide+right.Rect.Dx(), high), palette) // of paper, which is colour 0
	for y := range left.Rect.Dy() {
		copy(both.Pix[y*both.Stride:], left.Pix[y*left.Stride:y*left.Stride+wide])
	}
	for y := range right.Rect.Dy() {
		copy(both.Pix[y*both.Stride+wide:], right.Pix[y*right.Stride:y*right.Stride+right.Rect.Dx()])
	}
	return both
}

// PNG is the whole animation, as an animated PNG. Each frame after the first holds what has changed.
func (a *Animation) PNG() (file []byte, err error) {
	defer func() {
		if p := recover(); p != nil { // of a task's own Picture
			err = fmt.Errorf("fig: drawing %q panics: %v", a.Title, p)
		}
	}()
	var film apng.APNG
	var last *image.Paletted
	for k := range a.Frames() {
		whole := a.at(k)
		part := apng.Frame{Image: whole, DelayNumerator: milliseconds(a.seconds), DelayDenominator: 1000}
		if last != nil {
			news := changes(last, whole)
			part.XOffset, part.YOffset, part.BlendOp = news.Rect.Min.X, news.Rect.Min.Y, apng.BLEND_OP_OVER
			news.Rect = news.Rect.Sub(news.Rect.Min)
			part.Image = news
		}
		film.Frames, last = append(film.Frames, part), whole
	}
	film.Frames[len(film.Frames)-1].DelayNumerator = milliseconds(a.seconds + 1)
	film.Frames[0].IsDefault = len(film.Frames) == 1 // a still picture
	var b bytes.Buffer
	if err := apng.Encode(&b, film); err != nil {
		return nil, fmt.Errorf("fig: %w", err)
	}
	return b.Bytes(), nil
}

// changes are the pixels of now that differ from before, and around them nothing.
func changes(before, now *image.Paletted) *image.Paletted {
	var where image.Rectangle
	for y := range now.Rect.Dy() {
		row := y * now.Stride
		a, b := before.Pix[row:row+now.Rect.Dx()], now.Pix[row:row+now.Rect.Dx()]
		for x := range a {
			if a[x] != b[x] {
				where = where.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if where.Empty() {
		where = image.Rect(0, 0, 1, 1) // a frame holds at least a pixel
	}
	news := image.NewPaletted(where, palette)
	for y := where.Min.Y; y < where.Max.Y; y++ {
		for x := where.Min.X; x < where.Max.X; x++ {
			i := now.ColorIndexAt(x, y)
			if i == before.ColorIndexAt(x, y) {
				i = nothing
			}
			news.SetColorIndex(x, y, i)
		}
	}
	return news
}

// milliseconds are what the format can hold: about a minute.
func milliseconds(seconds float64) uint16 {
	return uint16(min(math.Round(1000*seconds), math.MaxUint16))
}

// small and heading are the texts of an Animation.
var small, heading = textStyle(9), textStyle(11)

func textStyle(size float64) draw.TextStyle {
	return draw.TextStyle{Color: theme.ink, Font: font.From(sans, vg.Points(size)), YAlign: draw.YCenter, Handler: plot.DefaultTextHandler}
}

// draw draws a frame in the colours of the palette.
func (a *Animation) draw(f frame) *image.Paletted {
	canvas := vgimg.NewWith(vgimg.UseWH(a.width, a.height), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(theme.paper))
	c := draw.Crop(draw.New(canvas), pad, -pad, pad, -pad)
	c.FillText(heading, vg.Point{X: c.Min.X, Y: c.Max.Y - titleRow/2 + 3}, fmt.Sprintf("%s, %.2f s", a.Title, f.time))
	top := c.Max.Y - titleRow
	if a.picture != nil {
		left := (c.Min.X + c.Max.X - a.size.X) / 2
		window := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: left, Y: top - a.size.Y}, Max: vg.Point{X: left + a.size.X, Y: top}}}
		scene(window, a.picture, f)
		top = window.Min.Y - pad
	}
	for i, g := range f.gauges {
		y := top - vg.Length(i)*gaugeRow
		g.draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: y - gaugeRow}, Max: vg.Point{X: c.Max.X, Y: y}}}, a.column)
	}
	return paletted(canvas.Image())
}

// palette is the theme, and each two of its colours mixed, for the edges between them.
var palette = func() (p color.Palette) {
	colors := []color.Color{theme.paper, theme.ink, theme.grid, theme.measured, theme.action, theme.limit, theme.ground, theme.beyond, theme.rewarded}
	p = append(p, colors...)
	for i, a := range colors {
		for _, b := range colors[:i] {
			ar, ag, ab, _ := a.RGBA()
			br, bg, bb, _ := b.RGBA()
			for k := range uint32(4) {
				mix := func(x, y uint32) uint8 { return uint8((x*(k+1) + y*(4-k)) / 5 >> 8) }
				p = append(p, color.RGBA{mix(ar, br), mix(ag, bg), mix(ab, bb), 255})
			}
		}
	}
	return append(p, color.RGBA{})
}()

// nothing is the transparent colour of the palette, its last.
var nothing = uint8(len(palette) - 1)

// paletted is an image in the colours of the palette that are next to its own.
func paletted(m image.Image) *image.Paletted {
	plain := image.NewRGBA(m.Bounds())
	imagedraw.Draw(plain, plain.Rect, m, plain.Rect.Min, imagedraw.Src)
	p := image.NewPaletted(plain.Rect, palette)
	nearest := map[color.RGBA]uint8{}
	var last color.RGBA
	var index uint8
	for i := range p.Pix {
		at := plain.Pix[4*i:]
		if c := (color.RGBA{at[0], at[1], at[2], at[3]}); c != last {
			k, ok := nearest[c]
			if !ok {
				k = uint8(palette.Index(c))
				nearest[c] = k
			}
			last, index = c, k
		}
		p.Pix[i] = index
	}
	return p
}
