package tasks_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// Every task has a picture with a body that is seen at the start, the action, what is forbidden and the goal. It
// keeps neither state nor action, and takes any of them.
func TestPictures(t *testing.T) {
	for _, name := range tasks.Names() {
		for _, parameters := range []func(string) (tasks.Maker, bool){tasks.New, tasks.Reference} {
			m, _ := parameters(name)
			s := compile(t, m)
			p := s.Picture
			if p == nil {
				t.Fatalf("%s has no picture", name)
			}
			x, u := slices.Repeat([]float64{0}, len(s.State)), slices.Repeat([]float64{0.5}, len(s.Action))
			s.Start(x, rng.New(1).Child("picture").Rand())
			roles := map[safex.Role]bool{}
			for _, shape := range p.Draw(x, u) {
				for _, q := range shape.Points {
					inside := q[0] >= p.Left && q[0] <= p.Right && q[1] >= p.Bottom && q[1] <= p.Top
					roles[shape.Role] = roles[shape.Role] || inside
				}
			}
			for _, r := range []safex.Role{safex.Body, safex.Forbidden, safex.Rewarded, safex.Command} {
				if !roles[r] {
					t.Errorf("%s: nothing of role %d is seen at the start", name, r)
				}
			}
			for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64} {
				p.Draw(slices.Repeat([]float64{v}, len(x)), slices.Repeat([]float64{v}, len(u)))
			}
		}
	}
}

// Every task can be printed for a mathematical text, with a name for each of its parts.
func TestLaTeX(t *testing.T) {
	for _, name := range tasks.Names() {
		m, _ := tasks.New(name)
		s := compile(t, m)
		text := s.LaTeX()
		if strings.Count(text, "{") != strings.Count(text, "}") || strings.Count(text, "(") != strings.Count(text, ")") {
			t.Errorf("%s: brackets do not match:\n%s", name, text)
		}
		if strings.Contains(text, "+ -") || strings.Contains(text, "- -") {
			t.Errorf("%s: two signs in a row:\n%s", name, text)
		}
		if strings.Count(text, `\le `) != len(s.Limits) || !strings.Contains(text, "\nr &= ") {
			t.Errorf("%s: a limit or the reward is missing:\n%s", name, text)
		}
	}
}

// The derivatives that are integrated can be read, unlike the steps of the integrator.
func TestRatesLaTeX(t *testing.T) {
	rates := func(f func(z, u num.Vec) num.Vec, in, out string) string {
		nz := len(strings.Fields(out))
		p := num.Trace(len(strings.Fields(in)), func(v num.Vec) num.Vec { return f(v[:nz], v[nz:]) })
		return p.LaTeX(strings.Fields(in), strings.Fields(out))
	}
	for _, c := range []struct{ got, want string }{
		{rates(tasks.DefaultCartPole().Rates, `x v \theta \omega u`, `\dot{x} \dot{v} \dot{\theta} \dot{\omega}`), `\begin{aligned}
a_{1} &= \frac{10 \operatorname{clip}_{[-1, 1]}(u) + 0.05 \omega^{2} \sin \theta}{1.1} \\
a_{2} &= \frac{9.8 \sin \theta - a_{1} \cos \theta}{0.5 (1.333 - 0.09091 \cos^{2} \theta)} \\
\dot{x} &= v \\
\dot{v} &= a_{1} - 0.04545 a_{2} \cos \theta \\
\dot{\theta} &= \omega \\
\dot{\omega} &= a_{2}
\end{aligned}`},
		{rates(tasks.DefaultQuadrotor().Rates, `x z \theta v_x v_z \omega u_0 u_1`, `\dot{x} \dot{z} \dot{\theta} \dot{v}_x \dot{v}_z \dot{\omega}`), `\begin{aligned}
a_{1} &= 9.81 (0.5 \operatorname{clip}_{[-1, 1]}(u_0) + 1) \\
\dot{x} &= v_x \\
\dot{z} &= v_z \\
\dot{\theta} &= \omega \\
\dot{v}_x &= a_{1} \sin \theta - 0.3 v_x \\
\dot{v}_z &= a_{1} \cos \theta - 9.81 - 0.3 v_z \\
\dot{\omega} &= \frac{3 \operatorname{clip}_{[-1, 1]}(u_1) - \omega}{0.05}
\end{aligned}`},
		{rates(tasks.DefaultRCCar().Rates, `x y \theta v_x v_y \omega u_0 u_1`, `\dot{x} \dot{y} \dot{\theta} \dot{v}_x \dot{v}_y \dot{\omega}`), `\begin{aligned}
a_{1} &= \frac{\tan(0.3 \operatorname{clip}_{[-1, 1]}(u_0))}{0.3} \\
\dot{x} &= v_x \cos \theta - v_y \sin \theta \\
\dot{y} &= v_x \sin \theta + v_y \cos \theta \\
\dot{\theta} &= \omega \\
\dot{v}_x &= \frac{(8 \operatorname{clip}_{[-1, 1]}(u_1) - 2.25 v_x) \cos(\arctan(0.17 a_{1}))}{1.65} \\
\dot{v}_y &= \frac{0.17 v_x a_{1} - v_y}{0.01111} \\
\dot{\omega} &= \frac{v_x a_{1} - \omega}{0.01111}
\end{aligned}`},
	} {
		if c.got != c.want {
			t.Errorf("got\n%s\nwant\n%s", c.got, c.want)
		}
	}
}
