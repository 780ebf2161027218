package safex

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// LaTeX is the task as an aligned environment for a mathematical text: the next state, with a prime, in terms of
// the state and the action; the reward r; and each limit. Names are the Symbols of the variables, or their Names
// where a Symbol has more than letters. What is shared has names a_1, a_2 and so on in the dynamics, b_1 in the
// reward and c_1 in the limits, or other letters where a variable has these. A part of more than num.LongestLaTeX operations only says how many it has: print
// the derivative that it integrates instead, with num.Trace and Program.LaTeX.
func (s *System) LaTeX() string {
	x, u := symbols(s.State), symbols(s.Action)
	var next, last []string
	for _, v := range x {
		next = append(next, v+"'")
	}
	for _, v := range u {
		last = append(last, "{"+v+`}_{\mathrm{last}}`)
	}
	nx, nu := len(x), len(u)
	names := slices.Concat(x, u, next, last)
	outcome := func(f func(x, u, next, last num.Vec) num.Vec) *num.Program {
		return num.Trace(len(names), func(v num.Vec) num.Vec {
			return f(v[:nx:nx], v[nx:nx+nu:nx+nu], v[nx+nu:nx+nu+nx:nx+nu+nx], v[nx+nu+nx:])
		})
	}
	reward := "r"
	if slices.Contains(names, reward) {
		reward = `\mathrm{reward}`
	}
	// Letters of shared formulas that no variable has.
	var letters []string
	for _, l := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "k"} {
		if !slices.ContainsFunc(names, func(n string) bool { return n == l || strings.HasPrefix(n, l+"_") }) {
			letters = append(letters, l)
		}
	}
	letters = append(letters, `\mathrm{a}`, `\mathrm{b}`, `\mathrm{c}`)
	var lines []string
	for _, part := range []struct {
		program  *num.Program
		in       []string
		letter   string
		unknowns []string // left-hand sides
	}{
		{s.Dynamics, names[:nx+nu], letters[0], next},
		{outcome(func(x, u, next, _ num.Vec) num.Vec { return num.Vec{s.Reward(x, u, next)} }), names, letters[1], []string{reward}},
	} {
		if part.program == nil {
			lines = append(lines, fmt.Sprintf(`%s &= \text{what the plant answers}`, strings.Join(part.unknowns, ", ")))
			continue
		}
		if n := part.program.Operations(); n > num.LongestLaTeX {
			lines = append(lines, fmt.Sprintf(`%s &= \text{a program of %d operations}`, strings.Join(part.unknowns, ", "), n))
			continue
		}
		shared, values := part.program.Formulas(part.in, part.letter)
		lines = append(lines, define(part.letter, shared)...)
		for k, f := range values {
			lines = append(lines, part.unknowns[k]+" &= "+f)
		}
	}
	limits := outcome(func(x, u, next, last num.Vec) (sides num.Vec) {
		for _, l := range s.Limits {
			sides = append(sides, l.quantity(x, u, next, last), num.Lit(l.Max))
		}
		return sides
	})
	if n := limits.Operations(); n > num.LongestLaTeX {
		lines = append(lines, fmt.Sprintf(`& \text{limits: a program of %d operations}`, n))
	} else {
		shared, sides := limits.Formulas(names, letters[2])
		lines = append(lines, define(letters[2], shared)...)
		for k, l := range s.Limits {
			lines = append(lines, sides[2*k]+` &\le `+sides[2*k+1]+unit(l.Unit))
		}
	}
	return "\\begin{aligned}\n" + strings.Join(lines, " \\\\\n") + "\n\\end{aligned}"
}

// define are lines that give shared formulas their names.
func define(letter string, shared []string) (lines []string) {
	for i, f := range shared {
		lines = append(lines, fmt.Sprintf("%s_{%d} &= %s", letter, i+1, f))
	}
	return lines
}

// printable matches a Symbol that can be printed as it is; " / max" can not.
var printable = regexp.MustCompile(`^\pL[\pL\pN_]*( \pL[\pL\pN_]*)*$`)

// symbols are the LaTeX names of variables, as in \omega, \sin \theta, v_{x} and \mathrm{torque}.
func symbols(vars []Var) (names []string) {
	for _, v := range vars {
		text := v.Symbol
		if !printable.MatchString(text) {
			text = v.Name
		}
		var words []string
		for word := range strings.FieldsSeq(text) {
			words = append(words, symbol(word))
		}
		if last := words[len(words)-1]; slices.Contains(operators, strings.TrimPrefix(last, `\`)) { // an operator of nothing
			words[len(words)-1] = `\mathrm{` + strings.TrimPrefix(last, `\`) + "}"
		}
		names = append(names, strings.Join(words, " "))
	}
	return names
}

// operators stand before what they are of.
var operators = []string{"sin", "cos", "tan", "exp", "log", "ln"}

// indexed matches a letter and its index.
var indexed = regexp.MustCompile(`^(\pL)_?([xyz]|\pN+)$`)

func symbol(word string) string {
	runes := []rune(word)
	if i := slices.Index(greek, word); i >= 0 {
		return `\` + greek[i+1]
	}
	if m := indexed.FindStringSubmatch(word); m != nil {
		return symbol(m[1]) + "_{" + m[2] + "}"
	}
	switch {
	case slices.Contains(operators, word):
		return `\` + word
	case len(runes) == 1:
		return word
	}
	return `\mathrm{` + strings.ReplaceAll(word, "_", `\_`) + "}"
}

// greek are the letters that have a command, each followed by it.
var greek = strings.Fields(`α alpha β beta γ gamma δ delta ε varepsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda
	μ mu ν nu ξ xi π pi ρ rho σ sigma τ tau υ upsilon φ varphi χ chi ψ psi ω omega
	Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Φ Phi Ψ Psi Ω Omega`)

// unit is a unit after a number.
func unit(u string) string {
	if u == "" {
		return ""
	}
	return `\ \mathrm{` + strings.NewReplacer(" ", `\,`, "·", `\,`, "²", "^2", "³", "^3", "°", `^\circ`,
		"%", `\%`, "#", `\#`, "&", `\&`, "_", `\_`, "$", `\$`, "{", `\{`, "}", `\}`, `\`, `\backslash `, "^", `\hat{}`).Replace(u) + "}"
}
