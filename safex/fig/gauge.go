package fig

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
)

// A gauge is a bar with a text. Its numbers are shares of the room for the bar.
type gauge struct {
	text     string
	from, to float64
	limit    float64 // what is beyond is forbidden; 2 if nothing is
	color    color.Color
}

// A meter makes gauges of a quantity.
type meter struct {
	name, rest string  // of the text, before and after the number
	lo, hi     float64 // what can be seen
	zero       float64 // where bars begin
	limit      float64 // NaN without one
	digits     int     // after the point
	color      color.Color
}

// gauge shows a value, as one beyond the limit if it is.
func (m meter) gauge(v float64, beyond bool) gauge {
	share := func(v float64) float64 { return min(max((v-m.lo)/(m.hi-m.lo), 0), 1) }
	g := gauge{text: m.name + " ?" + m.rest, from: share(m.zero), to: share(v), limit: 2, color: m.color}
	if finite(v) {
		g.text = m.name + " " + decimal(v, m.digits) + m.rest
	}
	if finite(m.limit) {
		g.limit = share(m.limit)
	}
	if beyond {
		g.color = theme.limit
	}
	if !finite(g.to) {
		g.to = g.from
		if beyond {
			g.to = 1
		}
	}
	return g
}

// decimal is a number with a true minus.
func decimal(v float64, digits int) string {
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Trim(text, "-0.") == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return strings.Replace(text, "-", "−", 1)
}

// digitsOf are the digits after the point with which a range is worth reading.
func digitsOf(span float64) int {
	if !(span > 0) || math.IsInf(span, 1) {
		return 1
	}
	return int(min(max(1-math.Floor(math.Log10(span/2.5)), 0), 6))
}

// limitMeters are meters of the limited quantities. They see what came about, from 0 where nothing was below, and
// beyond the limit at least a fifth of that and at most as much.
func limitMeters(s *safex.System, excess [][]float64) (meters []meter) {
	for k, l := range s.Limits {
		low, high := l.Max, l.Max
		for _, row := range excess {
			if q := l.Max + row[k]; finite(q) {
				low, high = min(low, q), max(high, q)
			}
		}
		if low >= 0 && l.Max > 0 {
			low = 0
		} else {
			low -= 0.05 * (l.Max - low)
		}
		span := l.Max - low
		if !(span > 0) {
			span = s.LimitScale(k)
		}
		m := meter{name: strings.ReplaceAll(l.Name, "_", " "), lo: l.Max - span, hi: l.Max + min(max(1.05*(high-l.Max), 0.2*span), span), zero: l.Max - span, limit: l.Max, color: theme.measured}
		most := strconv.FormatFloat(l.Max, 'g', 4, 64)
		_, places, _ := strings.Cut(most, ".")
		m.digits = max(digitsOf(m.hi-m.lo), len(places))
		m.rest = " of " + strings.Replace(most, "-", "−", 1) + after(l.Unit)
		meters = append(meters, m)
	}
	return meters
}

// stateMeters are meters of the state, all of as many Scales to either side of 0: the most that any came to, 1 to 4.
func stateMeters(s *safex.System, states [][]float64) (meters []meter) {
	reach := 1.0
	for _, x := range states {
		for k, v := range s.State {
			if r := math.Abs(x[k]) / v.Scale; finite(r) {
				reach = max(reach, r)
			}
		}
	}
	reach = min(1.05*reach, 4)
	for _, v := range s.State {
		meters = append(meters, meter{name: symbolOf(v), rest: after(v.Unit), lo: -reach * v.Scale, hi: reach * v.Scale, limit: math.NaN(), digits: digitsOf(2 * reach * v.Scale), color: theme.measured})
	}
	return meters
}

// actionMeters are meters of the action, from -1 to 1.
func actionMeters(s *safex.System) (meters []meter) {
	for _, v := range s.Action {
		meters = append(meters, meter{name: symbolOf(v), lo: -1, hi: 1, limit: math.NaN(), digits: 2, color: theme.action})
	}
	return meters
}

func symbolOf(v safex.Var) string {
	if v.Symbol != "" {
		return v.Symbol
	}
	return v.Name
}

// after is a unit after a number.
func after(unit string) string {
	if unit == "" {
		return ""
	}
	return " " + unit
}

// draw draws the text into the left column of c, and the bar right of it.
func (g gauge) draw(c draw.Canvas, column vg.Length) {
	middle := (c.Min.Y + c.Max.Y) / 2
	c.FillText(small, vg.Point{X: c.Min.X, Y: middle + 1.5}, g.text)
	left, right := c.Min.X+column, c.Max.X
	at := func(share float64) vg.Length { return left + vg.Length(share)*(right-left) }
	box := func(fill color.Color, from, to float64, half vg.Length) {
		c.FillPolygon(fill, []vg.Point{{X: at(from), Y: middle - half}, {X: at(to), Y: middle - half}, {X: at(to), Y: middle + half}, {X: at(from), Y: middle + half}})
	}
	box(theme.grid, 0, 1, vg.Points(4.5))
	if g.limit <= 1 {
		box(theme.beyond, g.limit, 1, vg.Points(4.5))
	}
	box(g.color, min(g.from, g.to), max(g.from, g.to), vg.Points(3))
	mark := draw.LineStyle{Color: theme.ink, Width: vg.Points(0.75)}
	x := at(g.from)
	if g.limit <= 1 {
		mark, x = draw.LineStyle{Color: theme.limit, Width: vg.Points(1.5)}, at(g.limit)
		if g.color == theme.limit {
			mark.Color = theme.ink // a mark of its own on the bar
		}
	}
	c.StrokeLine2(mark, x, middle-6, x, middle+6)
}
