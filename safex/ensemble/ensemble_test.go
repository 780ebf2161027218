package ensemble

import (
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// pendulum returns the system and n transitions under random torques.
func pendulum(t testing.TB, n int) (*safex.System, *safex.Data) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	data, r := &safex.Data{}, rng.New(1).Child("data").Rand()
	x := make([]float64, 3)
	s.Start(x, r)
	for range n {
		u := []float64{2*r.Float64() - 1}
		next, _, _ := s.Step(x, u)
		data.Append(x, u, next)
		x = next
	}
	return s, data
}
