package study

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// Of is the study of a folder, as its file is now.
func Of(dir string) (*Study, error) {
	path := filepath.Join(dir, File)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	s, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("study: %s%w", path, err)
	}
	return s, nil
}

// Roots are the folders in which a study would lie whose run has the folder dir, or what that links to.
func Roots(dir string) (roots []string) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	for _, path := range []string{abs, linked(abs)} {
		root := filepath.Dir(filepath.Dir(filepath.Dir(path)))
		if info, err := os.Stat(filepath.Join(root, File)); err == nil && info.Mode().IsRegular() && !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	return roots
}

// linked is what a folder links to.
func linked(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return path
}

// Place tells of which variant a run is whose folder is dir, or links to one, below that of the study, root: "" of a plain run. The planner and the
// model are the names that s goes by. named tells whether the study names such a run, as its file is now: a folder may have more runs than that. ok is
// false of a folder that is none of a run of a study.
func (s *Study) Place(spec *experiment.Spec, planner, model, dir, root string) (variant string, named, ok bool) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", false, false
	}
	for _, path := range []string{abs, linked(abs)} {
		rel, err := filepath.Rel(root, path)
		if err != nil {
			continue
		}
		parts := strings.Split(filepath.ToSlash(rel), "/")
		plain := strings.Split(Path(spec, planner, model, ""), "/")
		if len(parts) != 3 || parts[0] != plain[0] || parts[2] != plain[2] {
			continue
		}
		rest, is := strings.CutPrefix(parts[1], plain[1])
		if !is || rest != "" && rest[0] != '-' {
			continue
		}
		variant = strings.TrimPrefix(rest, "-")
		return variant, s.names(plain[0], planner, model, variant), true
	}
	return "", false, false
}

// names tells whether the study has such runs.
func (s *Study) names(task, planner, model, variant string) bool {
	if !slices.Contains(s.Tasks, task) || !slices.Contains(s.Planners, planner) || s.models() != nil && !slices.Contains(s.models(), model) {
		return false
	}
	if variant == "" {
		return s.Plain == nil || *s.Plain
	}
	return slices.ContainsFunc(s.Variants, func(v Variant) bool { return v.Name == variant && v.matches(task, planner, model) })
}
