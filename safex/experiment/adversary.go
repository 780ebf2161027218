package experiment

import (
	"fmt"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/plan"
)

// NewAdversary is an adversary by its name and settings of its own, as in "particles-uniform Samples=30".
func NewAdversary(text string) (plan.Adversary, error) {
	name, settings, _ := strings.Cut(strings.TrimSpace(text), " ")
	a, err := Adversaries.New(name)
	if err != nil {
		return nil, err
	}
	for _, w := range strings.Fields(settings) {
		path, value, ok := strings.Cut(w, "=")
		if !ok {
			return nil, fmt.Errorf("adversary %q: %q is no setting, as in Samples=30", text, w)
		}
		if err := SetField(a, path, value); err != nil {
			return nil, fmt.Errorf("adversary %q: %w", text, err)
		}
	}
	if err := a.Check(); err != nil {
		return nil, fmt.Errorf("adversary %q: %w", text, err)
	}
	return a, nil
}
