package lab

import (
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

// An engineEntry is an engine with its name.
type engineEntry struct {
	name, about string
	make        func() safex.Engine
}

// engines are the engines by name.
var engines = []engineEntry{
	{"auto", "fused where it can, and graph where not", func() safex.Engine { return auto{fused.New(), rollout.NewGoMLX()} }},
	{"fused", "vector code, for every model of this library", func() safex.Engine { return fused.New() }},
	{"graph", "GoMLX graphs, for every model; slower, and what fused is tested against", func() safex.Engine { return rollout.NewGoMLX() }},
}

// Engines lists the names of the engines, and a line about each.
func Engines() (names, about []string) {
	for _, e := range engines {
		names, about = append(names, e.name), append(about, e.about)
	}
	return names, about
}

// NewEngine makes an engine by name. The error names the nearest name.
func NewEngine(name string) (safex.Engine, error) {
	s := &Settings{}
	if err := s.UseEngine(name); err != nil {
		return nil, err
	}
	return s.engine(), nil
}

// UseEngine chooses an engine by name. The error names the nearest name.
func (s *Settings) UseEngine(name string) error {
	names, _ := Engines()
	if !slices.Contains(names, name) {
		return fmt.Errorf("there is no engine %q: %s", name, Instead(name, names))
	}
	s.Engine = name
	return nil
}

// engine makes the Engine of the settings.
func (s *Settings) engine() safex.Engine {
	i := slices.IndexFunc(engines, func(e engineEntry) bool { return e.name == s.Engine })
	if i < 0 {
		panic(fmt.Sprintf("lab: no engine %q", s.Engine)) // System has checked it
	}
	return engines[i].make()
}

// auto is an engine for the models that it can run, and another for all others.
type auto struct{ fused, other safex.Engine }

// Rollout implements safex.Engine.
func (a auto) Rollout(s *safex.System, m safex.Model) (safex.Rollout, error) {
	if r, err := a.fused.Rollout(s, m); err == nil {
		return r, nil
	}
	return a.other.Rollout(s, m)
}
