package figures

import (
	"fmt"
	"os"

	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// A Published is a run of another implementation, to compare with.
type Published struct {
	Task    string    `json:"task"`
	Name    string    `json:"name"`
	Source  string    `json:"source"`            // where it is from, in a few words
	Returns []float64 `json:"returns,omitempty"` // of its episodes, from the first planned one on; nil if they are not known
	// Violations are the violating steps of each of these episodes; nil if they are not known one by one.
	Violations []int `json:"violations,omitempty"`
	Episodes   int   `json:"episodes"`  // planned ones
	Violating  int   `json:"violating"` // steps, in all of them
}

// Check reports the first thing that cannot be.
func (p Published) Check() error {
	sum := 0
	for _, v := range p.Violations {
		sum += v
	}
	switch {
	case p.Task == "" || p.Name == "" || p.Source == "":
		return fmt.Errorf("a published run has the task %q, the name %q and the source %q: want all three", p.Task, p.Name, p.Source)
	case p.Returns != nil && len(p.Returns) != p.Episodes || p.Violations != nil && len(p.Violations) != p.Episodes:
		return fmt.Errorf("%s has %d episodes, %d returns and %d numbers of violations: want as many of each, or none", p.Name, p.Episodes, len(p.Returns), len(p.Violations))
	case p.Violations != nil && sum != p.Violating || p.Violating < 0 || p.Episodes < 1:
		return fmt.Errorf("%s has %d violating steps in %d episodes, and they sum to %d", p.Name, p.Violating, p.Episodes, sum)
	}
	return nil
}

// readPublished reads a file of published runs.
func readPublished(path string) ([]Published, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f struct {
		Published []Published `json:"published"`
	}
	if err := encode.Decode(text, &f); err != nil {
		return nil, fmt.Errorf("%s holds no published runs: %w", path, err)
	}
	for _, p := range f.Published {
		if err := p.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return f.Published, nil
}
