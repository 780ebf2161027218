package report

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/study"
)

// belongs sets the study, the variant and the seeds of m, whose run is in dir, if that is the folder of a run of a study.
func (r *reader) belongs(m *Method, s *experiment.Spec, dir string) error {
	for _, root := range study.Roots(dir) {
		of, err := r.study(root)
		if err != nil || of == nil {
			return err
		}
		variant, named, ok := of.Place(s, dir, root)
		if !ok {
			continue
		}
		if m.Study, m.Variant = of.Name, variant; named {
			m.Seeds = slices.Sorted(slices.Values(of.Seeds))
		}
		return nil
	}
	return nil
}

// study is that of a folder.
func (r *reader) study(dir string) (*study.Study, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if s, ok := r.studies[dir]; ok {
		return s, nil
	}
	s, err := study.Of(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	r.studies[dir] = s
	return s, nil
}
