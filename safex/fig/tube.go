package fig

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
)

// A Tube is a plan between what is proved of it, what was found, and what is true. Whatever the model errs by, the state stays in the tube; errors
// that were found lead to the edges of a band inside. What is between the two is open: the proof may give it away, or nobody has found the error yet.
type Tube struct {
	System *safex.System
	Mean   safex.Trajectory   // under the model's mean, from where the plan starts
	Lo, Hi [][]float64        // [step][dimension]: what the state is proved to be between after each step; infinite where nothing is known
	Excess [][]float64        // [step][limit]: what each limit is proved to be exceeded by at most, in its unit
	Found  []safex.Trajectory // under errors that were tried, the worst first
	Real   safex.Trajectory   // of the real system under the plan's actions; empty if it is not known
	Notes  []string           // sentences, below
}

// Figure has two panels for each dimension of the state that a limit is a bound on, and for each other limit: how it goes, and how far that is from the
// mean, where a model that doubts little shows what it doubts. The actions are below.
func (t Tube) Figure() *Figure {
	g := Grid{Columns: 1, Key: t.key(), Notes: t.Notes}
	add := func(c Chart, tall float64) { g.Charts, g.Tall = append(g.Charts, c), append(g.Tall, tall) }
	cut, lost := false, false
	drawn := map[int]bool{}
	for k := range t.System.Limits {
		b, ok := t.System.Bound(k)
		if ok && drawn[b.State] {
			continue
		}
		l := t.limit(k)
		if ok {
			l, drawn[b.State] = t.state(b.State), true
		}
		add(l, 4.6)
		add(l.apart(), 4.6)
		cut, lost = cut || l.cut() || l.apart().cut(), lost || l.lost()
	}
	for k := range t.System.Action {
		add(force{t, k, k == len(t.System.Action)-1}, 3)
	}
	if cut {
		g.Notes = append(slices.Clone(g.Notes), "Where the tube would hide what is inside, it is cut off.")
	}
	if lost {
		g.Notes = append(slices.Clone(g.Notes), "Where the tube ends before the plan, nothing is proved any more.")
	}
	return g.Figure()
}

// Lines and areas of a Tube: what a model holds possible is blue.
var (
	foundColor = color.NRGBA{72, 126, 196, 150}
	edgeStyle  = draw.LineStyle{Color: theme.edge, Width: vg.Points(1.2)}
	worstStyle = draw.LineStyle{Color: theme.measured, Width: vg.Points(1.4)}
	meanStyle  = draw.LineStyle{Color: theme.mean, Width: vg.Points(1.6), Dashes: []vg.Length{vg.Points(4), vg.Points(2.5)}}
	realStyle  = draw.LineStyle{Color: theme.ink, Width: vg.Points(1.6)}
)

// key says what is what, from the outside in.
func (t Tube) key() []Key {
	area := func(name string, fill color.Color, edge draw.LineStyle) Key {
		return Key{Name: name, thumb: []plot.Thumbnailer{&plotter.Polygon{Color: fill, LineStyle: edge}}}
	}
	line := func(name string, s draw.LineStyle) Key {
		return Key{Name: name, thumb: []plot.Thumbnailer{&plotter.Line{LineStyle: s}}}
	}
	keys := []Key{line("limit", limitStyle), area("proved", theme.bound, edgeStyle)}
	if len(t.Found) > 0 {
		keys = append(keys, area("found", foundColor, draw.LineStyle{}), line("worst found", worstStyle))
	}
	if keys = append(keys, line("mean", meanStyle)); len(t.Real.States) > 0 {
		keys = append(keys, line("real", realStyle))
	}
	return keys
}

// end is when the plan ends.
func (t Tube) end() float64 { return float64(max(1, len(t.Mean.Actions))) * t.System.Dt }

// layers are a quantity over the horizon of a plan. All but xs are nil if they are not known, and else as long or shorter.
type layers struct {
	label                          string
	xs                             []float64
	lo, hi                         []float64 // proved; no lo of a limit
	under, over, worst, mean, real []float64
	limits                         [][]float64
	end                            float64 // of the plan, in seconds
	less                           bool    // less the mean
}

// state are the layers of a dimension of the state, from where the plan starts.
func (t Tube) state(d int) layers {
	of := func(t safex.Trajectory) (values []float64) {
		states := t.States
		if t.Real != nil {
			states = t.Real
		}
		for _, x := range states {
			values = append(values, x[d])
		}
		return values
	}
	l := t.layers(t.System.State[d].Label(), 0, levels(t.System, d), of)
	if len(l.mean) > 0 {
		l.lo, l.hi = []float64{l.mean[0]}, []float64{l.mean[0]}
	}
	for i := range t.Lo {
		l.lo, l.hi = append(l.lo, t.Lo[i][d]), append(l.hi, t.Hi[i][d])
	}
	return l
}

// limit are the layers of limit k, after each step.
func (t Tube) limit(k int) layers {
	limit := t.System.Limits[k]
	of := func(excess [][]float64) (values []float64) {
		for _, e := range excess {
			values = append(values, limit.Max+e[k])
		}
		return values
	}
	label := limit.Name
	if limit.Unit != "" {
		label += " [" + limit.Unit + "]"
	}
	l := t.layers(label, 1, []float64{limit.Max}, func(t safex.Trajectory) []float64 { return of(t.Excess) })
	l.hi = of(t.Excess)
	return l
}

// layers are those of a quantity of trajectories that begins after so many steps, without the tube.
func (t Tube) layers(label string, first int, levels []float64, of func(safex.Trajectory) []float64) layers {
	l := layers{label: label, mean: of(t.Mean), real: of(t.Real), end: t.end()}
	for i := first; i <= max(len(t.Mean.Actions), len(t.Excess)); i++ {
		l.xs = append(l.xs, float64(i)*t.System.Dt)
	}
	for i, found := range t.Found {
		values := of(found)
		if i == 0 {
			l.worst, l.under, l.over = values, slices.Clone(values), slices.Clone(values)
		}
		for k := range min(len(values), len(l.over)) {
			l.under[k], l.over[k] = min(l.under[k], values[k]), max(l.over[k], values[k])
		}
	}
	for _, v := range levels {
		l.limits = append(l.limits, slices.Repeat([]float64{v}, len(l.xs)))
	}
	return l
}

// apart are the layers less the mean.
func (l layers) apart() layers {
	less := func(values []float64) (d []float64) {
		for i := range min(len(values), len(l.mean)) {
			d = append(d, values[i]-l.mean[i])
		}
		return d
	}
	name, unit, ok := strings.Cut(l.label, " [")
	if name += " less its mean"; ok {
		name += " [" + unit
	}
	d := layers{
		label: name, xs: l.xs, end: l.end, less: true,
		lo: less(l.lo), hi: less(l.hi), under: less(l.under), over: less(l.over), worst: less(l.worst), mean: less(l.mean), real: less(l.real),
	}
	for _, v := range l.limits {
		d.limits = append(d.limits, less(v))
	}
	return d
}

// extent is the range of numbers, and of none from +Inf to -Inf.
func extent(all ...[]float64) (least, most float64) {
	least, most = math.Inf(1), math.Inf(-1)
	for _, values := range all {
		for _, v := range values {
			if finite(v) {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	return least, most
}

// room is the range of the panel: all of what is found and real, the limit that is nearest if the quantity is drawn as it is, as much of the tube as leaves
// them large enough, and other limits that are near.
func (l layers) room() (least, most float64) {
	least, most = extent(l.under, l.over, l.worst, l.mean, l.real)
	if !(least <= most) {
		return 0, 0
	}
	beyond := 2.5 // of the range, how much of the tube is drawn on either side
	if !l.less {
		low, high := least, most
		nearest := math.Inf(1)
		for _, limit := range l.limits {
			if a, b := extent(limit); max(least-b, a-most) < nearest {
				nearest = max(least-b, a-most)
				low, high = min(least, a), max(most, b)
			}
		}
		least, most, beyond = low, high, 0.4
	}
	span := most - least
	low, high := extent(l.lo, l.hi)
	least, most = min(least, max(low, least-beyond*span)), max(most, min(high, most+beyond*span))
	span = most - least
	inner, outer := least, most
	for _, limit := range l.limits {
		for _, v := range limit {
			if v >= least-0.6*span && v <= most+0.6*span {
				inner, outer = min(inner, v), max(outer, v)
			}
		}
	}
	return inner, outer
}

// cut tells whether the tube is wider than the panel.
func (l layers) cut() bool {
	least, most := l.room()
	low, high := extent(l.lo, l.hi)
	return low < least || high > most
}

// lost tells whether nothing is known of the quantity from some step on.
func (l layers) lost() bool {
	return slices.ContainsFunc(slices.Concat(l.lo, l.hi), func(v float64) bool { return !finite(v) })
}

func (l layers) plot() *plot.Plot {
	p := chart("", "", l.label)
	least, most := l.room()
	within := func(values []float64) (all []float64) { // the edge of a tube, which goes along that of the panel where it is beyond
		for _, v := range values {
			if finite(v) {
				v = min(max(v, least), most)
			}
			all = append(all, v)
		}
		return all
	}
	stroke := func(s draw.LineStyle, ys []float64) {
		line(p, "", l.xs[:min(len(l.xs), len(ys))], ys, s.Color, s.Width.Points(), s.Dashes...)
	}
	lo, hi := within(l.lo), within(l.hi)
	if lo == nil {
		lo = slices.Repeat([]float64{least}, len(hi))
	} else {
		stroke(edgeStyle, lo)
	}
	band(p, "", l.xs[:len(hi)], lo, hi, theme.bound)
	stroke(edgeStyle, hi)
	band(p, "", l.xs[:len(l.over)], l.under, l.over, foundColor)
	stroke(worstStyle, l.worst)
	stroke(realStyle, l.real)
	stroke(meanStyle, l.mean)
	for _, limit := range l.limits {
		inside := slices.Clone(limit)
		for i, v := range inside {
			if v < least || v > most {
				inside[i] = math.NaN()
			}
		}
		stroke(limitStyle, inside)
	}
	p.Y.Min, p.Y.Max = least, most
	roomy(p, 0.05, 0.05)
	p.X.Min, p.X.Max = 0, l.end
	return p
}

// force is an action over the horizon of a plan.
type force struct {
	Tube
	index int
	last  bool // of the panels, which share the time
}

func (a force) plot() *plot.Plot {
	p := chart("", "", a.System.Action[a.index].Label())
	if a.last {
		p.X.Label.Text = "time into the plan [s]"
	}
	var xs, ys []float64
	for t, u := range a.Mean.Actions { // an action holds for its step
		xs, ys = append(xs, float64(t)*a.System.Dt, float64(t+1)*a.System.Dt), append(ys, u[a.index], u[a.index])
	}
	line(p, "", xs, ys, theme.action, 1.1)
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = -1.1, 1.1, ticks{whole: true}
	p.X.Min, p.X.Max = 0, a.end()
	return p
}
