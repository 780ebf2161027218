package report

import (
	"bytes"
	"encoding/json/jsontext"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// format is what a file of Save begins with.
const format = "safex results 1"

// head is what a file of Save has before its methods.
type head struct {
	Format  string   `json:"format"`
	Columns []string `json:"columns"` // of each Episode, which is a list; the names are those of its fields in JSON

	Evaluations []string `json:"evaluations,omitempty"` // columns of each Evaluation, which is one too; nil without any
}

// Save writes the set to a file, whole or not at all: JSON, with a line for each episode. Numbers come back from Read with the same bits.
func (s *Set) Save(path string) error {
	if err := s.Check(); err != nil {
		return err
	}
	h := head{Format: format}
	h.Columns = s.names()
	if s.evaluated() {
		h.Evaluations = evaluationNames()
	}
	text, err := encode.JSON(h)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.Write(text[:len(text)-len("}")])
	b.WriteString(",\n\"methods\": [")
	for i, m := range s.Methods {
		runs := m.Runs
		m.Runs = []Run{}
		if text, err = encode.JSON(m); err != nil {
			return fmt.Errorf("result: %s, %s: %w", m.Task, m.name(), err)
		}
		b.WriteString(separator(i))
		b.Write(text[:len(text)-len("]}")])
		for k, r := range runs {
			fmt.Fprintf(&b, "%s {\"seed\": %d, \"episodes\": [", separator(k), r.Seed)
			list := func(n, episode int, of any, names []string) error {
				var row []any
				for _, c := range columns(reflect.ValueOf(of), names...) {
					row = append(row, c.value.Interface())
				}
				if text, err = encode.JSON(row); err != nil {
					return fmt.Errorf("result: %s, %s, seed %d, episode %d: %w", m.Task, m.name(), r.Seed, episode, err)
				}
				b.WriteString(separator(n) + "  ")
				b.Write(text)
				return nil
			}
			for n, e := range r.Episodes {
				if err := list(n, e.Episode, e, h.Columns); err != nil {
					return err
				}
			}
			if len(r.Evaluations) > 0 {
				b.WriteString("], \"evaluations\": [")
			}
			for n, e := range r.Evaluations {
				if err := list(n, e.Episode, e, h.Evaluations); err != nil {
					return err
				}
			}
			b.WriteString("]}")
		}
		b.WriteString("]}")
	}
	b.WriteString("]}\n")
	return disk.Write(path, b.Bytes())
}

// separator is what comes before the i-th of a list, on a line of its own.
func separator(i int) string {
	if i == 0 {
		return "\n"
	}
	return ",\n"
}

// A column is a field of an Episode.
type column struct {
	name  string
	value reflect.Value
}

// columns are the fields of v, those of structs that it embeds among them: those named, or all.
func columns(v reflect.Value, names ...string) (all []column) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			all = append(all, columns(v.Field(i), names...)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if len(names) == 0 || slices.Contains(names, name) {
			all = append(all, column{name, v.Field(i)})
		}
	}
	return all
}

// added are columns that files of older versions lack. A file lacks each of them that would be 0 throughout, so that an older one is
// written again as it was, and is read by versions that do not know them.
var added = []string{"late_plans", "covered_by_plan", "covered_by_backup", "uncovered", "missed", "jitter_ms_p50", "jitter_ms_p99", "end", "why", "short", "tubes", "plans_in_tube", "backups", "backups_in_tube", "explored"}

// names are those of the columns of a file that has some of added.
func names(has func(name string) bool) (list []string) {
	for _, c := range columns(reflect.ValueOf(Episode{})) {
		if !slices.Contains(added, c.name) || has(c.name) {
			list = append(list, c.name)
		}
	}
	return list
}

// evaluated tells whether a run of s was.
func (s *Set) evaluated() bool {
	return slices.ContainsFunc(s.Methods, func(m Method) bool {
		return slices.ContainsFunc(m.Runs, func(r Run) bool { return len(r.Evaluations) > 0 })
	})
}

// evaluationNames are the columns of an Evaluation.
func evaluationNames() (list []string) {
	for _, c := range columns(reflect.ValueOf(Evaluation{})) {
		list = append(list, c.name)
	}
	return list
}

// names are those of the columns of s.
func (s *Set) names() []string {
	needed := map[string]bool{}
	for _, m := range s.Methods {
		for _, r := range m.Runs {
			for _, e := range r.Episodes {
				for _, c := range columns(reflect.ValueOf(e), added...) {
					needed[c.name] = needed[c.name] || !c.value.IsZero()
				}
			}
		}
	}
	return names(func(name string) bool { return needed[name] })
}

// load reads a file of Save.
func load(path string) (*Set, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("result: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("result: %s is neither a folder nor a file", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("result: %w", err)
	}
	s, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("result: %s holds no results of safex report --save: %w; safex attack, control and coverage have --show for theirs", path, err)
	}
	return s, nil
}

// decode is the reverse of Save.
func decode(text []byte) (*Set, error) {
	var f struct {
		head
		Methods []struct {
			Method
			Runs []struct {
				Seed     uint64             `json:"seed"`
				Episodes [][]jsontext.Value `json:"episodes"`

				Evaluations [][]jsontext.Value `json:"evaluations"`
			} `json:"runs"`
		} `json:"methods"`
	}
	if err := encode.Decode(text, &f); err != nil {
		return nil, err
	}
	if f.Format != format {
		return nil, fmt.Errorf("its format is %q, want %q", f.Format, format)
	}
	if !slices.Equal(f.Columns, names(func(name string) bool { return slices.Contains(f.Columns, name) })) || f.Evaluations != nil && !slices.Equal(f.Evaluations, evaluationNames()) {
		return nil, fmt.Errorf("its columns are those of another version")
	}
	s := &Set{}
	for _, m := range f.Methods {
		for _, r := range m.Runs {
			one := Run{Seed: r.Seed}
			fill := func(i int, what string, row []jsontext.Value, v any, names []string) error {
				to := columns(reflect.ValueOf(v).Elem(), names...)
				if len(row) != len(to) {
					return fmt.Errorf("%s, seed %d, %s %d has %d columns, want %d", m.Task, r.Seed, what, i, len(row), len(to))
				}
				for k, c := range to {
					if err := encode.Decode(row[k], c.value.Addr().Interface()); err != nil {
						return fmt.Errorf("%s, seed %d, %s %d: %s is %s", m.Task, r.Seed, what, i, c.name, row[k])
					}
				}
				return nil
			}
			for i, row := range r.Episodes {
				var e Episode
				if err := fill(i, "episode", row, &e, f.Columns); err != nil {
					return nil, err
				}
				one.Episodes = append(one.Episodes, e)
			}
			for i, row := range r.Evaluations {
				var e Evaluation
				if err := fill(i, "evaluation", row, &e, f.Evaluations); err != nil {
					return nil, err
				}
				one.Evaluations = append(one.Evaluations, e)
			}
			m.Method.Runs = append(m.Method.Runs, one)
		}
		s.Methods = append(s.Methods, m.Method)
	}
	return s, s.Check()
}

// largest is the size that numbers may have: their sums and squares are finite.
const largest = 1e150

// Check reports the first thing that cannot be.
func (s *Set) Check() error {
	for i := range s.Methods {
		m := &s.Methods[i]
		if m.Task == "" || m.Planner == "" || m.Steps < 0 || len(m.Runs) == 0 {
			return fmt.Errorf("result: method %d has the task %q, the planner %q, %d steps and %d runs", i+1, m.Task, m.Planner, m.Steps, len(m.Runs))
		}
		if slices.ContainsFunc(s.Methods[:i], func(o Method) bool {
			return o.same(m) && o.Steps == m.Steps && bytes.Equal(o.Settings, m.Settings)
		}) {
			return fmt.Errorf("result: %s, %s is there twice", m.Task, m.name())
		}
		for k := range m.Runs {
			r := &m.Runs[k]
			if k > 0 && r.Seed <= m.Runs[k-1].Seed {
				return fmt.Errorf("result: %s, %s: seed %d follows seed %d", m.Task, m.name(), r.Seed, m.Runs[k-1].Seed)
			}
			for n, e := range r.Episodes {
				counts := e.Steps >= 0 && e.Violations >= 0 && e.Violations <= e.Steps && e.First >= -1 && e.First < e.Steps && (e.First < 0) == (e.Violations == 0) &&
					e.Assumed >= 0 && e.Assumed <= e.Planned && e.Inside >= 0 && e.Inside <= e.Planned && e.Planned <= e.Steps && e.NaNs >= 0 && e.Explored >= 0 && e.Infeasible >= 0 && e.Infeasible <= e.Steps && e.Late >= 0 && e.Late <= e.Steps && e.Short >= 0 && (e.Short == 0 || e.End != "") &&
					min(e.InTube, e.BackupsIn) >= 0 && e.InTube <= e.Tubes && e.BackupsIn <= e.Backups && max(e.Tubes, e.Backups) <= e.Steps &&
					min(e.ByPlan, e.ByBackup, e.Uncovered) >= 0 && e.ByPlan+e.ByBackup+e.Uncovered <= e.Steps
				for _, x := range slices.AppendSeq([]float64{e.Return, e.Beta, e.PlanP50, e.PlanP99, e.FitSeconds, e.Explored}, maps.Values(e.Worst)) {
					if !(math.Abs(x) <= largest) {
						return fmt.Errorf("result: %s, %s, seed %d, episode %d has the number %g: want finite ones, up to %g", m.Task, m.name(), r.Seed, n, x, float64(largest))
					}
				}
				if e.Episode != n || !counts || e.Unfinished && n < len(r.Episodes)-1 {
					return fmt.Errorf("result: %s, %s, seed %d: the counts of episode %d cannot be", m.Task, m.name(), r.Seed, n)
				}
			}
			for n, e := range r.Evaluations {
				err := e.check(r)
				if n > 0 && e.Episode <= r.Evaluations[n-1].Episode {
					err = fmt.Errorf("the evaluation after episode %d does not follow the one before", e.Episode)
				}
				if err != nil {
					return fmt.Errorf("result: %s, %s, seed %d: %w", m.Task, m.name(), r.Seed, err)
				}
			}
		}
	}
	return nil
}
