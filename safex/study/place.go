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

// Place tells of which variant a run is whose folder is dir, or links to one, below that of the study, root: "" of a plain run. named tells whether the study names such a run, as its file is now: a folder may have more runs than that. ok is
// false of a folder that is none of a run of a study.
func (s *Study) Place(spec *experiment.Spec, dir, root string) (variant string, named, ok bool) {
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
		plain := strings.Split(Path(spec, ""), "/")
		if len(parts) != 3 || parts[0] != plain[0] || parts[2] != plain[2] {
			continue
		}
		rest, is := strings.CutPrefix(parts[1], plain[1])
		if !is || rest != "" && rest[0] != '-' {
			continue
		}
		variant = strings.TrimPrefix(rest, "-")
		return variant, s.names(spec, variant), true
	}
	return "", false, false
}

// names tells whether the study has such runs. A variant may have another planner or model than the study has.
func (s *Study) names(spec *experiment.Spec, variant string) bool {
	planners, models := s.Planners, s.models()
	if variant == "" {
		return (s.Plain == nil || *s.Plain) && s.has(spec, planners, models)
	}
	return slices.ContainsFunc(s.Variants, func(v Variant) bool {
		if v.Name != variant {
			return false
		}
		planners, models, of := planners, models, v.Only
		if planner, ok := v.Set["planner"]; ok {
			planners, of.Planners = []string{planner}, nil
		}
		if model, ok := v.Set["learner"]; ok {
			models, of.Models = []string{model}, nil
		}
		return s.has(spec, planners, models) && of.matches(spec.TaskName(), spec.PlannerName(), spec.ModelName())
	})
}

// has tells whether a run is of a task of the study, and of one of some planners and models; nil is all models.
func (s *Study) has(spec *experiment.Spec, planners, models []string) bool {
	return slices.Contains(s.Tasks, spec.TaskName()) && slices.Contains(planners, spec.PlannerName()) && (models == nil || slices.Contains(models, spec.ModelName()))
}
