package certify_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/certify"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// simulator is a plant that takes the steps of a system which has formulas.
type simulator struct {
	*safex.System
	x []float64
}

func (p *simulator) Reset(context.Context, uint32) ([]float64, error) {
	p.x = []float64{-1, 0, 0.05}
	return p.x, nil
}

func (p *simulator) Step(_ context.Context, u []float64) (safex.Answer, error) {
	p.x, _, _ = p.System.Step(p.x, u)
	return safex.Answer{State: p.x}, nil
}

func (p *simulator) Close() error { return nil }

// Plans of a run whose real system was a plant are proved as any other; what would have come of them is not known, and not said.
func TestPlant(t *testing.T) {
	s := quick.Spec(t)
	known, err := s.Task.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	task := s.Task.Task()
	task.Next, task.Plant = nil, safex.PlantFunc(func(context.Context, *safex.System) (safex.Plant, error) { return &simulator{System: known}, nil })
	s.Task = experiment.Held[safex.Maker](task)
	dir := filepath.Join(t.TempDir(), "run")
	r, err := store.Start(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := certify.Default().Open(dir, task)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range c.Run(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	rows := c.Rows()
	if len(rows) != 1 || rows[0].Plans != 8 || rows[0].Tried != 0 || rows[0].InTube != 0 || !(rows[0].Coverage > 0) {
		t.Errorf("its rows are %+v", rows)
	}
	if text := c.Table(); strings.Contains(text, "truth in the tube") {
		t.Errorf("what nobody knows is said: %s", text)
	}
}
