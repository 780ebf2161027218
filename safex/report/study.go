package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// study is what a Method takes from the file study.yaml of the folder that its runs are in.
type study struct {
	name     string
	seeds    []uint64 // in order; nil if they are not known
	all      named
	plain    bool // whether there are runs without a variant
	variants []variant
	err      error
}

// named is what runs are of; what it does not name is any.
type named struct{ Tasks, Planners, Models []string }

// A variant is one of a study, and what it is of.
type variant struct {
	Name  string
	named `yaml:",inline"`
}

// has tells whether runs of m are among those that n names.
func (n *named) has(m *Method) bool {
	of := func(list []string, name string) bool { return list == nil || slices.Contains(list, name) }
	return of(n.Tasks, m.Task) && of(n.Planners, m.Planner) && of(n.Models, m.Model)
}

// has tells whether the study has the method, as the file is now: a folder may have more runs than that.
func (s *study) has(m *Method) bool {
	if m.Variant == "" {
		return s.plain && s.all.has(m)
	}
	return s.all.has(m) && slices.ContainsFunc(s.variants, func(v variant) bool { return v.Name == m.Variant && v.has(m) })
}

// belongs sets the study, the variant and the seeds of m, whose run is in dir, if that, or what it is a symbolic link to, is
// DIR/TASK/PLANNER-MODEL-CALIBRATION-VARIANT/SEED with a DIR/study.yaml. The calibration and the variant are absent if there are none.
func (r *reader) belongs(m *Method, dir string) error {
	name := m.Planner + "-" + m.Model
	if m.Calibrate != "" {
		name += "-" + m.Calibrate
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	for _, path := range []string{abs, real} {
		method := filepath.Dir(path)
		task := filepath.Dir(method)
		variant, ok := strings.CutPrefix(filepath.Base(method), name)
		_, err := strconv.ParseUint(filepath.Base(path), 10, 64)
		if !ok || variant != "" && variant[0] != '-' || err != nil || filepath.Base(task) != m.Task {
			continue
		}
		if s := r.study(filepath.Dir(task)); s != nil {
			m.Study, m.Variant = s.name, strings.TrimPrefix(variant, "-")
			if s.has(m) {
				m.Seeds = s.seeds
			}
			return s.err
		}
	}
	return nil
}

// study is that of a folder, nil if it is of none.
func (r *reader) study(dir string) *study {
	r.lock.Lock()
	defer r.lock.Unlock()
	if s, ok := r.studies[dir]; ok {
		return s
	}
	s := readStudy(filepath.Join(dir, "study.yaml"))
	r.studies[dir] = s
	return s
}

// readStudy reads the file of a study, nil if there is none.
func readStudy(path string) *study {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return &study{err: fmt.Errorf("result: %w", err)}
	}
	var file struct {
		Name     string
		Seeds    any
		named    `yaml:",inline"`
		Plain    bool
		Variants []variant
	}
	file.Plain = true
	if err := yaml.Unmarshal(text, &file); err != nil {
		first, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
		return &study{err: fmt.Errorf("result: %s: it is no file of a study: %s", path, strings.TrimSuffix(first, ":"))}
	}
	return &study{name: file.Name, seeds: seeds(file.Seeds), all: file.named, plain: file.Plain, variants: file.Variants}
}

// most is the number of seeds from which on they are not looked for.
const most = 10000

// seeds are those that a study names by a number, a range as in 1-3, or a list of both; nil if it is none of these.
func seeds(v any) (list []uint64) {
	parts, ok := v.([]any)
	if !ok {
		parts = []any{v}
	}
	for _, p := range parts {
		for text := range strings.SplitSeq(fmt.Sprint(p), ",") {
			from, to, ranged := strings.Cut(text, "-")
			if !ranged {
				to = from
			}
			a, errA := strconv.ParseUint(strings.TrimSpace(from), 10, 64)
			b, errB := strconv.ParseUint(strings.TrimSpace(to), 10, 64)
			if errA != nil || errB != nil || a > b || b-a >= most-uint64(len(list)) {
				return nil
			}
			for seed := a; ; seed++ {
				if list = append(list, seed); seed == b {
					break
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
