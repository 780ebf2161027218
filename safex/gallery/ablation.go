package gallery

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/result"
)

// A series is the variants of a group, as in beta-0 and beta-1, and what they vary.
type series struct {
	group string
	sign  string                // of what varies, as in β
	plain func(m method) string // what the method without a variant is called
}

var seriesOf = []series{
	{"lambda", "λ", func(m method) string {
		if m.setting("Planning", "Objective", "FeasibleFirst") == "true" {
			return "limits before reward"
		}
		return valued("λ", m.setting("Planning", "Objective", "Weight"))
	}},
	{"beta", "β", func(m method) string { return valued("β", m.setting("Planning", "Beta")) }},
	{"learn", "", func(m method) string {
		if n := m.setting("LearnEvery"); n != "" && n != "0" {
			return "fit every " + n
		}
		return "fit at ends"
	}},
	{"information", "information", func(m method) string { return "none" }},
	{"optimism", "optimism", func(m method) string { return "none" }},
}

// lambda compares the variants lambda-….
func (g *Gallery) lambda() (*fig.Figure, error) { return g.ablation(seriesOf[0], false) }

// beta compares the variants beta-….
func (g *Gallery) beta() (*fig.Figure, error) { return g.ablation(seriesOf[1], true) }

func (g *Gallery) ablation(s series, beta bool) (*fig.Figure, error) {
	rows := s.rows(g)
	if len(rows) == 0 {
		return nil, fmt.Errorf("there is no variant %s-… of any method: run a study that has some, as notebooks/studies/ablations.yaml", s.group)
	}
	return g.compare(rows, beta, false), nil
}

// rows are the variants of the group, and the methods that they are variants of, from the lowest value to the highest.
func (s series) rows(g *Gallery) []row {
	of := func(m *result.Method) bool { return group(m.Variant) == s.group }
	if g.Set == nil || !slices.ContainsFunc(g.Set.Methods, func(m result.Method) bool { return of(&m) }) {
		return nil
	}
	// The plain method is in this study, or in another one.
	rows := g.rows(func(m *result.Method) bool {
		return of(m) || plain(m) && slices.ContainsFunc(g.Set.Methods, func(v result.Method) bool {
			return of(&v) && v.Task == m.Task && v.Planner == m.Planner && v.Model == m.Model && v.Calibrate == m.Calibrate && v.Build == m.Build
		})
	})
	several := map[string]bool{} // planners
	for _, r := range rows {
		for _, m := range r.methods {
			several[m.Planner+m.Model+m.Calibrate] = true
		}
	}
	var labels []string
	for _, r := range rows {
		for i := range r.methods {
			m := &r.methods[i]
			m.label = s.label(*m)
			if len(several) > 1 {
				m.label = strings.TrimSuffix(m.Planner+" "+m.Model, " probabilistic") + ", " + m.label
			}
		}
		slices.SortStableFunc(r.methods, func(a, b method) int {
			return cmp.Or(cmp.Compare(a.Planner, b.Planner), cmp.Compare(a.value(), b.value()))
		})
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

// label is what a method is called among others of its group.
func (s series) label(m method) string {
	if m.Variant == "" {
		return s.plain(m)
	}
	value := strings.TrimPrefix(m.Variant, s.group+"-")
	if s.sign == "" {
		return s.plain(m)
	}
	return valued(s.sign, value)
}

// valued is a sign with its value, a number or words.
func valued(sign, value string) string {
	if v, err := strconv.ParseFloat(value, 64); err == nil {
		return fmt.Sprintf("%s = %g", sign, v)
	}
	return strings.TrimSpace(sign + " " + value)
}

// value is that of a label, to sort by; what is no number comes first.
func (m method) value() float64 {
	fields := strings.Fields(m.label)
	v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
	if err != nil {
		return -1e300
	}
	return v
}
