package num_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// A formula is printed with the brackets that it needs, and tidy signs, fractions and powers.
func TestLaTeX(t *testing.T) {
	for _, c := range []struct {
		f    func(x, y, z num.Expr) num.Expr
		want string
	}{
		{func(x, y, z num.Expr) num.Expr { return x.Add(y).Mul(z) }, `(x + y) z`},
		{func(x, y, z num.Expr) num.Expr { return z.Mul(x.Add(y)) }, `(x + y) z`},
		{func(x, y, z num.Expr) num.Expr { return x.Sub(y.Sub(z)) }, `x - y + z`},
		{func(x, y, z num.Expr) num.Expr { return x.Add(y.Neg()).Sub(z.Mul(-2)) }, `x - y + 2 z`},
		{func(x, y, z num.Expr) num.Expr { return x.Add(y).Neg() }, `-x - y`},
		{func(x, y, z num.Expr) num.Expr { return x.Add(y).Mul(-3) }, `-3 (x + y)`},
		{func(x, y, z num.Expr) num.Expr { return x.Sub(1.5).Square() }, `(x - 1.5)^{2}`},
		{func(x, y, z num.Expr) num.Expr { return x.Mul(x).Mul(x).Mul(y) }, `x^{3} y`},
		{func(x, y, z num.Expr) num.Expr { return x.Mul(2).Mul(y).Mul(3) }, `6 x y`},
		{func(x, y, z num.Expr) num.Expr { return x.Mul(1).Add(0).Div(1).Sub(0) }, `x`},
		{func(x, y, z num.Expr) num.Expr { return x.Div(y).Div(z) }, `\frac{x}{y z}`},
		{func(x, y, z num.Expr) num.Expr { return x.Add(1).Div(y.Sub(z)) }, `\frac{x + 1}{y - z}`},
		{func(x, y, z num.Expr) num.Expr { return x.Add(1).Div(y).Neg().Sub(z) }, `-\frac{x + 1}{y} - z`},
		{func(x, y, z num.Expr) num.Expr { return x.Div(y).Add(1).Square() }, `\left(\frac{x}{y} + 1\right)^{2}`},
		{func(x, y, z num.Expr) num.Expr { return x.Mul(1.2e-5).Add(7.5) }, `1.2 \cdot 10^{-5} x + 7.5`},
		{func(x, y, z num.Expr) num.Expr { return x.Mul(4.0 / 3).Add(12345).Sub(1e-6) }, `1.333 x + 12345 - 10^{-6}`},
		{func(x, y, z num.Expr) num.Expr { return x.Sin().Mul(y) }, `y \sin x`},
		{func(x, y, z num.Expr) num.Expr { return x.Add(y).Sin().Mul(z.Cos()).Mul(2) }, `2 \sin(x + y) \cos z`},
		{func(x, y, z num.Expr) num.Expr { return x.Sin().Square().Add(x.Mul(2).Tanh()) }, `\sin^{2} x + \tanh(2 x)`},
		{func(x, y, z num.Expr) num.Expr { return x.Sin().Div(x.Cos()).Mul(y) }, `y \tan x`},
		{func(x, y, z num.Expr) num.Expr { return num.Atan2(y, x).Add(num.Atan2(z, num.Lit(1))) }, `\mathrm{atan2}(y, x) + \arctan z`},
		{func(x, y, z num.Expr) num.Expr { return x.Abs().Mul(y.Sqrt()).Mul(z.Exp()) }, `e^{z} \lvert x \rvert \sqrt{y}`},
		{func(x, y, z num.Expr) num.Expr { return x.Exp().Square().Sub(y.Log()) }, `(e^{x})^{2} - \ln y`},
		{func(x, y, z num.Expr) num.Expr { return x.Clamp(-1, 2).Add(y.Round()) }, `\operatorname{clip}_{[-1, 2]}(x) + \operatorname{round}(y)`},
		{func(x, y, z num.Expr) num.Expr { return x.Max(y).Max(z).Sub(x.Min(0)) }, `\max(x, y, z) - \min(x, 0)`},
		{func(x, y, z num.Expr) num.Expr { return x.Less(y).Mul(z) }, `z \mathbf{1}[x < y]`},
		{func(x, y, z num.Expr) num.Expr { return num.Lit(0).Less(x).Sub(x.Less(0)).Mul(y) }, `y \operatorname{sgn} x`},
		{func(x, y, z num.Expr) num.Expr { return num.Where(x.Less(0), y, num.Where(z, 0, x)) },
			`\begin{cases} y & \text{if } x < 0 \\ 0 & \text{if } z \ne 0 \\ x & \text{otherwise} \end{cases}`},
		{func(x, y, z num.Expr) num.Expr { return num.Where(x.Abs(), y, z).Add(1) },
			`\left(\begin{cases} y & \text{if } x \ne 0 \\ z & \text{otherwise} \end{cases}\right) + 1`},
	} {
		p := num.Trace(3, func(v num.Vec) num.Vec { return num.Vec{c.f(v[0], v[1], v[2])} })
		if _, out := p.Formulas([]string{"x", "y", "z"}, "a"); out[0] != c.want {
			t.Errorf("%s\nwant %s", out[0], c.want)
		}
	}
}

// What is used more than once has its own line unless it is small; an output that others use is one of them.
func TestLaTeXShares(t *testing.T) {
	p := num.Trace(2, func(v num.Vec) num.Vec {
		θ, ω := v[0], v[1]
		α := θ.Sin().Mul(7.5).Sub(ω.Square().Mul(0.1))
		small := θ.Mul(2)
		return num.Vec{α.Mul(θ.Cos()).Add(small), α, small}
	})
	want := `\begin{aligned}
a_{1} &= 7.5 \sin \theta - 0.1 \omega^{2} \\
\dot{x} &= a_{1} \cos \theta + 2 \theta \\
\dot{\omega} &= a_{1} \\
\dot{\theta} &= 2 \theta
\end{aligned}`
	if got := p.LaTeX([]string{`\theta`, `\omega`}, []string{`\dot{x}`, `\dot{\omega}`, `\dot{\theta}`}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A name of more than a letter is bracketed where a power or a function would be misread.
func TestLaTeXNames(t *testing.T) {
	p := num.Trace(3, func(v num.Vec) num.Vec {
		return num.Vec{v[0].Square().Add(v[1].Square()).Add(v[0].Sin()).Add(v[0].Mul(v[2]))}
	})
	_, out := p.Formulas([]string{`\sin \theta`, `\mathrm{push}'`, `v_{x}`}, "a")
	if want := `(\sin \theta)^{2} + \mathrm{push}'^{2} + \sin(\sin \theta) + v_{x} \sin \theta`; out[0] != want {
		t.Errorf("%s\nwant %s", out[0], want)
	}
}

// A program that no page could hold says so, and names that do not fit are a panic with the numbers.
func TestLaTeXLimits(t *testing.T) {
	long := num.Trace(1, func(v num.Vec) num.Vec {
		x := v[0]
		for range num.LongestLaTeX + 1 {
			x = x.Sin()
		}
		return num.Vec{x}
	})
	if got, want := long.LaTeX([]string{"x"}, []string{"y"}), fmt.Sprintf(`\text{a program of %d operations}`, num.LongestLaTeX+1); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "1-to-1 program with names for 2 inputs and 1 outputs") {
			t.Errorf("panic %q", got)
		}
	}()
	long.LaTeX([]string{"x", "y"}, []string{"z"})
}
