package figures

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/report"
)

// A series is the variants of a group, as in beta-0 and beta-1, and what they vary.
type series struct {
	groups []string // one, or some that are shown together
	title  string
	sign   string                // of what varies, as in β; "" is the group
	plain  func(m method) string // what the method without a variant is called
	own    bool                  // plain says it of variants too
	path   map[string][]string   // of each group, the setting that it varies
}

var seriesOf = []series{
	{groups: []string{"lambda"}, title: "price λ of a violating step", sign: "λ", path: map[string][]string{"lambda": {"Planner", "Objective", "Weight"}}, plain: func(m method) string {
		if m.setting("Planner", "Objective", "FeasibleFirst") == "true" {
			return "limits before reward"
		}
		return valued("λ", m.setting("Planner", "Objective", "Weight"))
	}},
	{groups: []string{"beta"}, title: "caution β", sign: "β", path: map[string][]string{"beta": {"Planner", "Beta"}}, plain: func(m method) string { return valued("β", m.setting("Planner", "Beta")) }},
	{groups: []string{"learn"}, title: "steps between fits", own: true, plain: func(m method) string {
		if n := m.setting("LearnEvery"); n != "" && n != "0" {
			return "fit every " + n
		}
		return "fit at ends"
	}},
	{groups: []string{"information", "optimism"}, title: "bonus for exploration", path: map[string][]string{
		"information": {"Planner", "Exploration", "Information"}, "optimism": {"Planner", "Exploration", "Optimism"},
	}, plain: func(method) string { return "no bonus" }},
	{groups: []string{"miss"}, title: "share of missed steps", sign: "Miss", path: map[string][]string{"miss": {"Calibration", "Miss"}}, plain: func(m method) string {
		if v := m.setting("Calibration", "Miss"); v != "" {
			return valued("Miss", v)
		}
		return "not calibrated"
	}},
}

// has tells whether m is one of the variants.
func (s series) has(m *report.Method) bool { return slices.Contains(s.groups, group(m.Variant)) }

// lambda compares the variants lambda-….
func (g *Gallery) lambda() (*fig.Figure, error) { return g.ablation(seriesOf[0], false) }

// beta compares the variants beta-….
func (g *Gallery) beta() (*fig.Figure, error) { return g.ablation(seriesOf[1], true) }

func (g *Gallery) ablation(s series, beta bool) (*fig.Figure, error) {
	rows := s.rows(g)
	if len(rows) == 0 {
		return nil, fmt.Errorf("there is no variant %s-… of any method: run a study that has some, as notebooks/studies/ablations.yaml", s.groups[0])
	}
	if !slices.ContainsFunc(rows, row.planned) {
		return nil, errNotPlanned
	}
	return g.compare(rows, beta, false), nil
}

// rows are the variants of the group, and the methods that they are variants of, from the lowest value to the highest.
func (s series) rows(g *Gallery) []row {
	if g.Set == nil || !slices.ContainsFunc(g.Set.Methods, func(m report.Method) bool { return s.has(&m) }) {
		return nil
	}
	rows := g.rows(func(m *report.Method) bool {
		return s.has(m) || plain(m) && slices.ContainsFunc(g.Set.Methods, func(v report.Method) bool { return s.has(&v) && g.base(&v) == m })
	})
	several := map[report.Agent]bool{}
	for _, r := range rows {
		for _, m := range r.methods {
			several[m.Agent()] = true
		}
	}
	var labels []string
	for _, r := range rows {
		for i := range r.methods {
			m := &r.methods[i]
			m.label = s.label(*m)
			if len(several) > 1 {
				m.label = m.Agent().String() + ", " + m.label
			}
		}
		slices.SortStableFunc(r.methods, func(a, b method) int {
			return cmp.Or(cmp.Compare(a.Planner, b.Planner), cmp.Compare(a.value(), b.value()))
		})
		count := map[string]int{}
		for _, m := range r.methods {
			count[m.label]++
		}
		for i := range r.methods {
			if m := &r.methods[i]; count[m.label] > 1 && m.Variant != "" { // it varies something else
				m.label += " (" + m.Variant + ")"
			}
		}
		for i := range r.methods {
			if m := &r.methods[i]; !slices.Contains(labels, m.label) {
				labels = append(labels, m.label)
			}
		}
	}
	for _, r := range rows {
		for i := range r.methods {
			r.methods[i].index = slices.Index(labels, r.methods[i].label)
		}
	}
	return rows
}

// label is what a method is called among others of its group: by the setting that the group varies if that is a number, else by its variant.
func (s series) label(m method) string {
	if m.Variant == "" {
		return s.plain(m)
	}
	if s.own {
		return s.plain(m)
	}
	name := group(m.Variant)
	value := m.setting(s.path[name]...)
	if _, err := strconv.ParseFloat(value, 64); err != nil {
		value = strings.TrimPrefix(m.Variant, name+"-")
	}
	return valued(cmp.Or(s.sign, name), value)
}

// base is the method that v is a variant of, in its own study or in another one: of those of the same agent and build the one from whose
// settings it differs least. It is nil if there is none.
func (g *Gallery) base(v *report.Method) (best *report.Method) {
	least := 0
	for i := range g.Set.Methods {
		m := &g.Set.Methods[i]
		if !plain(m) || m.Task != v.Task || m.Agent() != v.Agent() || m.Build != v.Build {
			continue
		}
		if d := differ(m.Settings, v.Settings); best == nil || d < least {
			best, least = m, d
		}
	}
	return best
}

// differ is the number of settings in which two differ.
func differ(a, b json.RawMessage) (n int) {
	var x, y map[string]json.RawMessage
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil || x == nil || y == nil {
		if bytes.Equal(a, b) {
			return 0
		}
		return 1
	}
	for name := range x {
		n += differ(x[name], y[name])
	}
	for name := range y {
		if _, ok := x[name]; !ok {
			n++
		}
	}
	return n
}

// valued is a sign with its value, a number or words.
func valued(sign, value string) string {
	if v, err := strconv.ParseFloat(value, 64); err == nil {
		return fmt.Sprintf("%s = %g", sign, v)
	}
	return strings.TrimSpace(sign + " " + value)
}

// value is the number in a label, to sort by; what is no number comes first.
func (m method) value() float64 {
	fields := strings.Fields(m.label)
	v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
	if err != nil {
		return -1e300
	}
	return v
}
