package coverage

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Coverage goes on where it stopped, with the same outcomes, and the table adds them up.
func TestCoverage(t *testing.T) {
	c := Default()
	c.Tasks, c.Model, c.Seeds, c.Held, c.Tested = []string{"pitch", "carpark"}, "linear", 2, 19, 10
	measure := func(done []Outcome, most int) []Outcome {
		for out, err := range c.Run(context.Background(), done) {
			if err != nil {
				t.Fatal(err)
			}
			if done = append(done, out); len(done) == most {
				break
			}
		}
		return done
	}
	whole := measure(nil, 4)
	path := filepath.Join(t.TempDir(), "a", "coverage.json")
	if done, err := c.Resume(path); err != nil || len(done) != 0 {
		t.Fatalf("%d outcomes without a file, %v", len(done), err)
	}
	if err := c.Save(path, measure(nil, 3)); err != nil {
		t.Fatal(err)
	}
	done, err := c.Resume(path)
	if err != nil || len(done) != 3 {
		t.Fatalf("%d outcomes, %v", len(done), err)
	}
	if !reflect.DeepEqual(measure(done, 4), whole) {
		t.Error("what was stopped and resumed has other outcomes")
	}
	if len(whole[0].Task) == 0 || whole[0].Same == whole[1].Same && whole[0].StepsSame == whole[1].StepsSame && whole[0].Beta == whole[1].Beta {
		t.Errorf("two seeds are one: %+v", whole[:2])
	}
	more := c
	more.Seeds, more.Tasks = 3, []string{"carpark"}
	if done, err := more.Resume(path); err != nil || len(done) != 3 {
		t.Errorf("another number of seeds finds %d outcomes, %v", len(done), err)
	}
	other := c
	other.Held = 20
	if _, err := other.Resume(path); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("error %v", err)
	}
	for _, o := range whole {
		if o.Level != 0.95 || o.Same.N != 10 || o.Bolder.N != 10 || o.Planned.N != 1 || o.StepsSame.N < 1000 || !(o.Beta > 0) {
			t.Errorf("%+v", o)
		}
	}
	if table := Table(c, whole); !strings.Contains(table, "| carpark | 2 |") || !strings.Contains(table, "| 95.0 % |") {
		t.Errorf("table\n%s", table)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range c.Run(ctx, nil) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	c.Model = "lineal"
	for _, err := range c.Run(context.Background(), nil) {
		if err == nil || !strings.Contains(err.Error(), "did you mean linear?") {
			t.Errorf("error %v", err)
		}
	}
}
