package tasks_test

import (
	"encoding/csv"
	"io"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

func system(t testing.TB, p tasks.Pendulum) *safex.System {
	s, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The pendulum replays every published transition. testdata/pendulum.csv holds the float32 prints of the
// reference's own environment; its first line says how they were made.
func TestPendulumReplays(t *testing.T) {
	f, err := os.Open("testdata/pendulum.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	header, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	systems := map[float64]*safex.System{}
	rows := 0
	for {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		v := map[string]float64{}
		for k, name := range header[1:] {
			if v[name], err = strconv.ParseFloat(record[k+1], 64); err != nil {
				t.Fatal(err)
			}
		}
		clip := v["speed_clip"]
		if systems[clip] == nil {
			p := tasks.DefaultPendulum()
			p.SpeedClip = clip
			systems[clip] = system(t, p)
		}
		next, reward, excess := systems[clip].Step([]float64{v["cos"], v["sin"], v["omega"]}, []float64{v["torque"]})
		for d, want := range []float64{v["next_cos"], v["next_sin"], v["next_omega"]} {
			if math.Abs(next[d]-want) > 1e-5 {
				t.Fatalf("row %d: next state %v, published %v", rows, next, record)
			}
		}
		if math.Abs(reward-v["reward"]) > 1e-5*max(1, math.Abs(v["reward"])) {
			t.Fatalf("row %d: reward %v, published %v", rows, reward, v["reward"])
		}
		if want := math.Abs(v["next_omega"]) - 6; math.Abs(excess[0]-want) > 1e-5 {
			t.Fatalf("row %d: excess %v, want %v", rows, excess[0], want)
		}
		rows++
	}
	if rows != 7000 || len(systems) != 2 {
		t.Errorf("replayed %d rows of %d speed clips, want 7000 of 2", rows, len(systems))
	}
}

// Without torque and clip, semi-implicit Euler keeps the energy ω²/2 + 15 cos θ to first order in the step:
// halving the step halves the drift.
func TestPendulumEnergyDrift(t *testing.T) {
	drift := func(dt float64) (worst float64) {
		p := tasks.DefaultPendulum()
		p.Dt, p.SpeedClip = dt, 1e9
		s := system(t, p)
		energy := func(x []float64) float64 { return x[2]*x[2]/2 + 15*x[0] }
		x := []float64{math.Cos(2), math.Sin(2), 0}
		e0 := energy(x)
		for range int(3 / dt) {
			x, _, _ = s.Step(x, []float64{0})
			worst = max(worst, math.Abs(energy(x)-e0))
		}
		return worst
	}
	if ratio := drift(0.01) / drift(0.005); ratio < 1.9 || ratio > 2.1 {
		t.Errorf("halving the step divides the energy drift by %.3f, want about 2", ratio)
	}
}

// Mirrored states and torques mirror the motion, and keep reward and excess.
func TestPendulumSymmetry(t *testing.T) {
	s := system(t, tasks.DefaultPendulum())
	a, ra, ea := s.Step([]float64{0.6, 0.8, 1.5}, []float64{0.3})
	b, rb, eb := s.Step([]float64{0.6, -0.8, -1.5}, []float64{-0.3})
	if a[0] != b[0] || a[1] != -b[1] || a[2] != -b[2] || ra != rb || ea[0] != eb[0] {
		t.Errorf("%v %v %v mirrors to %v %v %v", a, ra, ea, b, rb, eb)
	}
}

// The speed limit is a bound on the third state from both sides, for the figures.
func TestPendulumBound(t *testing.T) {
	b, ok := system(t, tasks.DefaultPendulum()).Bound(0)
	if want := (safex.Bound{State: 2, Upper: true, Lower: true}); !ok || b != want {
		t.Errorf("Bound is %v, %v, want %v", b, ok, want)
	}
}

// BenchmarkPoint reports steps of each task a second, with reward and limits, on a point.
func BenchmarkPoint(b *testing.B) {
	for _, name := range tasks.Names() {
		b.Run(name, func(b *testing.B) {
			m, _ := tasks.New(name)
			s := compile(b, m)
			x, u := make([]float64, len(s.State)), make([]float64, len(s.Action))
			s.Start(x, rng.New(1).Rand())
			for b.Loop() {
				s.Step(x, u)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// BenchmarkBatch reports transitions of the pendulum a second on a batch: the dynamics alone, and with reward and
// limit.
func BenchmarkBatch(b *testing.B) {
	s := system(b, tasks.DefaultPendulum())
	const n = 1 << 14
	in, next, out := num.NewBatch(8, n), num.NewBatch(3, n), num.NewBatch(2, n)
	for i := range n {
		in.SetPoint(i, []float64{math.Cos(float64(i)), math.Sin(float64(i)), float64(i%10) - 5, 0.5, 0, 0, 0, 0})
	}
	for name, step := range map[string]func(){
		"dynamics": func() { s.Dynamics.EvalBatch(next, in[:4]) },
		"all": func() {
			s.Dynamics.EvalBatch(next, in[:4])
			copy(in[4:7], next)
			s.Outcome.EvalBatch(out, in)
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "transitions/s")
		})
	}
}
