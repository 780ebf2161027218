package viability

import (
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
)

// An Axis is a coordinate of a Grid: a dimension of the state, or an angle in place of its sine and cosine.
type Axis struct {
	Name     string
	State    int          // dimension; of an angle -1
	Angle    *safex.Angle // nil of a dimension
	From, To float64      // of an angle -π and π
	Cells    int          // at least 1
}

// width is that of a cell.
func (a Axis) width() float64 { return (a.To - a.From) / float64(a.Cells) }

// A Grid divides a box of states into cells. A state that is outside the box is in no cell.
type Grid struct {
	Axes []Axis
}

// most is the largest number of cells.
const most = 4e7

// NewGrid covers the states of s that its limits allow, with that many cells on each axis. A dimension that no limit and no range of its own
// bounds reaches four Scales from where episodes start. It fails if there are more than four axes, or 40 million cells.
func NewGrid(s *safex.System, cells int) (*Grid, error) {
	g := &Grid{}
	taken := map[int]bool{}
	for _, a := range s.Angles {
		taken[a.Sin], taken[a.Cos] = true, true
		g.Axes = append(g.Axes, Axis{Name: a.Name, State: -1, Angle: &a, From: -math.Pi, To: math.Pi, Cells: cells})
	}
	for d, v := range s.State {
		if taken[d] {
			continue
		}
		axis := Axis{Name: v.Name, State: d, From: s.Center[d] - 4*v.Scale, To: s.Center[d] + 4*v.Scale, Cells: cells}
		if v.Min < v.Max {
			axis.From, axis.To = max(axis.From, v.Min), min(axis.To, v.Max)
		}
		for k := range s.Limits {
			b, ok := s.Bound(k)
			if !ok || b.State != d {
				continue
			}
			if b.Upper {
				axis.To = min(axis.To, s.Limits[k].Max)
			}
			if b.Lower {
				axis.From = max(axis.From, -s.Limits[k].Max)
			}
		}
		g.Axes = append(g.Axes, axis)
	}
	return g, g.Check()
}

// Check reports why there is no such grid.
func (g *Grid) Check() error {
	if len(g.Axes) == 0 || len(g.Axes) > mostAxes {
		return fmt.Errorf("viability: a grid of %d axes: want 1 to %d, as its cells are as many as their product", len(g.Axes), mostAxes)
	}
	n := 1.0
	for _, a := range g.Axes {
		if a.Cells < 1 || !(a.From < a.To) || math.IsInf(a.To-a.From, 0) {
			return fmt.Errorf("viability: axis %s has %d cells from %v to %v: want at least one, in a range", a.Name, a.Cells, a.From, a.To)
		}
		n *= float64(a.Cells)
	}
	if n > most {
		return fmt.Errorf("viability: a grid of %.3g cells: want at most %.3g", n, most)
	}
	return nil
}

// Len is the number of cells.
func (g *Grid) Len() int {
	n := 1
	for _, a := range g.Axes {
		n *= a.Cells
	}
	return n
}

// coordinates are those of a state.
func (g *Grid) coordinates(dst, x []float64) {
	for k, a := range g.Axes {
		if a.Angle != nil {
			dst[k] = math.Atan2(x[a.Angle.Sin], x[a.Angle.Cos])
		} else {
			dst[k] = x[a.State]
		}
	}
}

// Cell is the number of the cell that x is in; -1 if it is in none.
func (g *Grid) Cell(x []float64) int {
	y := make([]float64, len(g.Axes))
	g.coordinates(y, x)
	cell := 0
	for k, a := range g.Axes {
		i := int(math.Floor((y[k] - a.From) / a.width()))
		if a.Angle != nil {
			i = min(max(i, 0), a.Cells-1)
		}
		if i == a.Cells && y[k] <= a.To {
			i--
		}
		if !(y[k] >= a.From) || i < 0 || i >= a.Cells {
			return -1
		}
		cell = cell*a.Cells + i
	}
	return cell
}

// along tells whether dimension d of the state is an axis, whose range then holds its limits.
func (g *Grid) along(d int) bool {
	return slices.ContainsFunc(g.Axes, func(a Axis) bool { return a.Angle == nil && a.State == d })
}

// slack is by how much ranges are widened for the rounding of their own arithmetic, relative to the numbers in it: many times the few
// roundings that they take.
const slack = 1e-12

// span are the cells that the range [lo, hi] of coordinate k meets, from and to with both; ok is false if it leaves the grid. On an angle, to may be beyond the
// last cell: it goes on from the first.
func (a Axis) span(lo, hi float64) (from, to int, ok bool) {
	w := a.width()
	margin := slack * max(math.Abs(lo), math.Abs(hi), a.To-a.From)
	lo, hi = lo-margin, hi+margin
	if a.Angle != nil && hi-lo >= 2*math.Pi-2*w {
		return 0, a.Cells - 1, true
	}
	if !(lo <= hi) || a.Angle == nil && (lo < a.From || hi > a.To) { // a NaN is nowhere
		return 0, 0, false
	}
	from, to = int(math.Floor((lo-a.From)/w)), int(math.Floor((hi-a.From)/w))
	if a.Angle == nil {
		return max(from, 0), min(to, a.Cells-1), true
	}
	first := ((from % a.Cells) + a.Cells) % a.Cells
	return first, first + min(to-from, a.Cells-1), true
}

// box are the cells of the states within r of c, in each dimension; ok is false if some are in no cell. An angle is that of any pair of sine and
// cosine in its box, none of which may be as near to 0 as the box is wide.
func (g *Grid) box(dst *box, c, r []float64) (ok bool) {
	for k, a := range g.Axes {
		var lo, hi float64
		if a.Angle == nil {
			lo, hi = c[a.State]-r[a.State], c[a.State]+r[a.State]
		} else {
			cos, sin, rc, rs := c[a.Angle.Cos], c[a.Angle.Sin], r[a.Angle.Cos], r[a.Angle.Sin]
			radius := math.Hypot(cos, sin)
			along := (math.Abs(cos)*rc + math.Abs(sin)*rs) / radius
			across := (math.Abs(sin)*rc + math.Abs(cos)*rs) / radius
			if !(along < radius) {
				lo, hi = -math.Pi, math.Pi
			} else {
				mid, turn := math.Atan2(sin, cos), math.Atan2(across, radius-along)
				lo, hi = mid-turn, mid+turn
			}
		}
		from, to, ok := a.span(lo, hi)
		if !ok {
			return false
		}
		dst.lo[k], dst.hi[k] = int32(from), int32(to)
	}
	return true
}

// cells writes the cells from lo to hi of axis k, where forms are, to b. Those of a dimension have to be in the grid.
func (a *Axis) cells(b *box, k int, lo, hi float64) {
	if a.Angle == nil {
		b.lo[k], b.hi[k] = int32(lo), int32(hi)
		return
	}
	n := int32(a.Cells)
	if !(lo >= 0 && hi < float64(3*n) && hi-lo < float64(n-2)) { // all around, as what is no number
		b.lo[k], b.hi[k] = 0, n-1
		return
	}
	l, h := int32(lo), int32(hi)
	for l >= n {
		l, h = l-n, h-n
	}
	b.lo[k], b.hi[k] = l, h
}
