package num

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// LongestLaTeX is the number of operations up to which LaTeX prints a program. A page holds about as many;
// an integrator that is unrolled over its stages has more, so print the derivative that it integrates.
const LongestLaTeX = 100

// Operations is the number of operations of the program, without its inputs and constants.
func (p *Program) Operations() (n int) {
	for _, s := range p.steps {
		if arity(s.Op) > 0 {
			n++
		}
	}
	return n
}

// LaTeX is the program as an aligned environment for a mathematical text, a line for each output. Inputs and
// outputs have the LaTeX names in and out, as in \theta and \theta'. What is used more than once and is not
// small has a line of its own before the outputs, with the names a_1, a_2 and so on. Numbers are rounded to
// four digits. A program of more than LongestLaTeX operations is one line that only says how many it has.
func (p *Program) LaTeX(in, out []string) string {
	if len(in) != p.In || len(out) != p.Out {
		panic(fmt.Sprintf("num: LaTeX of a %d-to-%d program with names for %d inputs and %d outputs", p.In, p.Out, len(in), len(out)))
	}
	if n := p.Operations(); n > LongestLaTeX {
		return fmt.Sprintf(`\text{a program of %d operations}`, n)
	}
	shared, values := p.Formulas(in, "a")
	var lines []string
	for i, f := range shared {
		lines = append(lines, fmt.Sprintf("a_{%d} &= %s", i+1, f))
	}
	for i, f := range values {
		lines = append(lines, out[i]+" &= "+f)
	}
	return "\\begin{aligned}\n" + strings.Join(lines, " \\\\\n") + "\n\\end{aligned}"
}

// Formulas are the right-hand sides of LaTeX: of the shared subexpressions, which are named letter_1, letter_2 and
// so on, and of the outputs. It prints programs of any length.
func (p *Program) Formulas(in []string, letter string) (shared, out []string) {
	if len(in) != p.In {
		panic(fmt.Sprintf("num: Formulas of a %d-to-%d program with names for %d inputs", p.In, p.Out, len(in)))
	}
	steps, outs := p.tidy()
	t := typesetter{steps: steps, in: in, names: make([]string, len(steps))}
	for r, often := range t.uses(outs) {
		if often > 1 && t.size(r) > small {
			shared = append(shared, t.sum(r))
			t.names[r] = fmt.Sprintf("%s_{%d}", letter, len(shared))
		}
	}
	for _, r := range outs {
		out = append(out, t.sum(r))
	}
	return shared, out
}

// tidy is the program without the steps that do nothing: x + 0, x - 0, 1 x and x / 1.
func (p *Program) tidy() (steps []Step, outs []int) {
	same := make([]int, len(p.steps)) // what stands for each step
	is := func(r int, k float64) bool { return steps[r].Op == OpConst && steps[r].K == k }
	for r, s := range p.steps {
		for i := range arity(s.Op) {
			s.Arg[i] = same[s.Arg[i]]
		}
		steps, same[r] = append(steps, s), r
		a, b := s.Arg[0], s.Arg[1]
		switch {
		case s.Op == OpAdd && is(a, 0), s.Op == OpMul && is(a, 1):
			same[r] = b
		case (s.Op == OpAdd || s.Op == OpSub) && is(b, 0), (s.Op == OpMul || s.Op == OpDiv) && is(b, 1):
			same[r] = a
		}
	}
	for _, r := range p.out {
		outs = append(outs, same[r])
	}
	return steps, outs
}

// small is the most operations of an expression that is written out each time it is used.
const small = 2

// A typesetter writes the steps of a program in LaTeX.
type typesetter struct {
	steps []Step
	in    []string
	names []string // of the shared steps, "" of others
}

// uses counts how often each step is written, were all steps named. Arguments that a pattern swallows do not count.
func (t typesetter) uses(outs []int) []int {
	n := make([]int, len(t.steps))
	for _, r := range outs {
		n[r]++
	}
	for r := len(n) - 1; r >= 0; r-- {
		if n[r] > 0 {
			for _, a := range t.parts(r) {
				n[a]++
			}
		}
	}
	return n
}

// size is the number of operations that step r is written with.
func (t typesetter) size(r int) (n int) {
	if t.names[r] != "" || arity(t.steps[r].Op) == 0 {
		return 0
	}
	for _, a := range t.parts(r) {
		n += t.size(a)
	}
	if t.steps[r].Op == OpAtan2 {
		return n + 3 // it is long to read
	}
	return n + 1
}

// parts are the steps that the formula of step r is written with, each once.
func (t typesetter) parts(r int) []int {
	s := t.steps[r]
	if x, _, _, ok := t.clip(r); ok {
		return []int{x}
	}
	if x, ok := t.sign(r); ok {
		return []int{x}
	}
	if x, ok := t.tangent(r); ok {
		return []int{x}
	}
	if s.Op == OpMul && s.Arg[0] == s.Arg[1] {
		return s.Arg[:1]
	}
	return s.Arg[:arity(s.Op)]
}

// plain tells whether step r is the operation op, and written here.
func (t typesetter) plain(r int, op Op) bool { return t.steps[r].Op == op && t.names[r] == "" }

// clip recognises x.Clamp(lo, hi).
func (t typesetter) clip(r int) (x int, lo, hi float64, ok bool) {
	s := t.steps[r]
	if s.Op != OpMin || !t.plain(s.Arg[0], OpMax) {
		return 0, 0, 0, false
	}
	inner := t.steps[s.Arg[0]]
	a, b := t.steps[inner.Arg[1]], t.steps[s.Arg[1]]
	return inner.Arg[0], a.K, b.K, a.Op == OpConst && b.Op == OpConst
}

// sign recognises (0 < x) - (x < 0).
func (t typesetter) sign(r int) (x int, ok bool) {
	s := t.steps[r]
	if s.Op != OpSub || !t.plain(s.Arg[0], OpLess) || !t.plain(s.Arg[1], OpLess) {
		return 0, false
	}
	above, below := t.steps[s.Arg[0]].Arg, t.steps[s.Arg[1]].Arg
	zero := t.steps[above[0]]
	return above[1], zero.Op == OpConst && zero.K == 0 && below == [3]int{above[1], above[0]}
}

// tangent recognises sin x / cos x.
func (t typesetter) tangent(r int) (x int, ok bool) {
	s := t.steps[r]
	if s.Op != OpDiv || !t.plain(s.Arg[0], OpSin) || !t.plain(s.Arg[1], OpCos) {
		return 0, false
	}
	x = t.steps[s.Arg[0]].Arg[0]
	return x, t.steps[s.Arg[1]].Arg[0] == x
}

// A term is a signed part of a sum.
type term struct {
	negative bool
	text     string
}

// sum is step r where anything may stand.
func (t typesetter) sum(r int) string {
	if t.plain(r, OpWhere) {
		return t.cases(r)
	}
	var b strings.Builder
	for i, part := range t.terms(r, false) {
		switch {
		case part.negative && i == 0:
			b.WriteString("-")
		case part.negative:
			b.WriteString(" - ")
		case i > 0:
			b.WriteString(" + ")
		}
		b.WriteString(part.text)
	}
	return b.String()
}

func (t typesetter) terms(r int, negative bool) []term {
	s := t.steps[r]
	if _, ok := t.sign(r); t.names[r] == "" && !ok {
		switch s.Op {
		case OpAdd:
			return append(t.terms(s.Arg[0], negative), t.terms(s.Arg[1], negative)...)
		case OpSub:
			return append(t.terms(s.Arg[0], negative), t.terms(s.Arg[1], !negative)...)
		case OpNeg:
			return t.terms(s.Arg[0], !negative)
		}
	}
	f := ratio{over: factors{k: 1}, under: factors{k: 1}}
	t.collect(&f, r, false)
	return []term{{f.negative != negative, t.fraction(f)}}
}

// A ratio is a product over a product.
type ratio struct {
	negative    bool
	over, under factors
}

// Factors are a number, at least 0 or NaN, and the steps that it is multiplied with.
type factors struct {
	k     float64
	steps []int
}

// collect multiplies f with step r, or divides it by r.
func (t typesetter) collect(f *ratio, r int, inverse bool) {
	side := &f.over
	if inverse {
		side = &f.under
	}
	s := t.steps[r]
	if _, ok := t.tangent(r); t.names[r] == "" && !ok {
		switch s.Op {
		case OpConst:
			f.negative = f.negative != (s.K < 0)
			side.k *= math.Abs(s.K)
			return
		case OpNeg:
			f.negative = !f.negative
			t.collect(f, s.Arg[0], inverse)
			return
		case OpMul, OpDiv:
			t.collect(f, s.Arg[0], inverse)
			t.collect(f, s.Arg[1], inverse != (s.Op == OpDiv))
			return
		}
	}
	side.steps = append(side.steps, r)
}

func (t typesetter) fraction(f ratio) string {
	if len(f.under.steps) == 0 && number(f.under.k) == "1" {
		return t.product(f.over, false)
	}
	return `\frac{` + t.product(f.over, true) + `}{` + t.product(f.under, true) + `}`
}

// product is a product without its sign; alone says that a sum may stand where it stands.
func (t typesetter) product(p factors, alone bool) string {
	coefficient := number(p.k)
	if len(p.steps) == 0 {
		return coefficient
	}
	if alone && len(p.steps) == 1 && coefficient == "1" {
		return t.sum(p.steps[0])
	}
	var texts [4][]string // by rank
	if coefficient != "1" {
		texts[0] = []string{coefficient}
	}
	power := map[int]int{}
	for _, r := range p.steps {
		power[r]++
	}
	for _, r := range p.steps {
		if power[r] > 0 {
			text, rank := t.factor(r, power[r])
			texts[rank] = append(texts[rank], text)
			power[r] = 0
		}
	}
	var all []string
	for _, rank := range texts {
		all = append(all, rank...)
	}
	return strings.Join(all, " ")
}

// The order in which factors are read without doubt: a bracket after a name would look like its argument, and what
// follows a sine like a part of its argument.
const (
	bracket = iota
	name
	closed // a function with its brackets
	open   // a function without, as in \sin x
)

// factor is step r to the power n, where a factor may stand, and its rank among factors.
func (t typesetter) factor(r, n int) (text string, rank int) {
	s, exponent := t.steps[r], ""
	if n > 1 {
		exponent = fmt.Sprintf("^{%d}", n)
	}
	if t.names[r] != "" {
		return t.names[r] + exponent, name
	}
	if x, lo, hi, ok := t.clip(r); ok {
		return fmt.Sprintf(`\operatorname{clip}_{[%s, %s]}`, signed(lo), signed(hi)) + brackets("(", t.sum(x), ")") + exponent, closed
	}
	if x, ok := t.sign(r); ok {
		return t.function(`\operatorname{sgn}`, x, exponent)
	}
	if x, ok := t.tangent(r); ok {
		return t.function(`\tan`, x, exponent)
	}
	switch s.Op {
	case OpInput:
		if in := t.in[s.Src]; atom.MatchString(in) {
			return in + exponent, name
		} else if n == 1 {
			return in, open
		}
		return brackets("(", t.in[s.Src], ")") + exponent, bracket
	case OpMin, OpMax:
		return `\` + s.Op.String() + brackets("(", strings.Join(t.list(s.Op, r), ", "), ")") + exponent, closed
	case OpLess:
		return `\mathbf{1}` + brackets("[", t.condition(r), "]") + exponent, closed
	case OpAbs:
		return brackets(`\lvert `, t.sum(s.Arg[0]), ` \rvert`) + exponent, closed
	case OpSqrt:
		return `\sqrt{` + t.sum(s.Arg[0]) + `}` + exponent, closed
	case OpExp:
		if n == 1 {
			return `e^{` + t.sum(s.Arg[0]) + `}`, name
		}
		return brackets("(", `e^{`+t.sum(s.Arg[0])+`}`, ")") + exponent, bracket
	case OpLog:
		return t.function(`\ln`, s.Arg[0], exponent)
	case OpTanh, OpSin, OpCos:
		return t.function(`\`+s.Op.String(), s.Arg[0], exponent)
	case OpRound:
		return `\operatorname{round}` + brackets("(", t.sum(s.Arg[0]), ")") + exponent, closed
	case OpAtan2:
		if by := t.steps[s.Arg[1]]; by.Op == OpConst && by.K == 1 {
			return t.function(`\arctan`, s.Arg[0], exponent)
		}
		return `\mathrm{atan2}` + brackets("(", t.sum(s.Arg[0])+", "+t.sum(s.Arg[1]), ")") + exponent, closed
	}
	return brackets("(", t.sum(r), ")") + exponent, bracket
}

// function is f of step x, without brackets where x is a name.
func (t typesetter) function(f string, x int, exponent string) (text string, rank int) {
	if s := t.steps[x]; t.names[x] != "" || s.Op == OpInput && atom.MatchString(t.in[s.Src]) {
		arg, _ := t.factor(x, 1)
		return f + exponent + " " + arg, open
	}
	return f + exponent + brackets("(", t.sum(x), ")"), closed
}

// list are the arguments of nested minima or maxima.
func (t typesetter) list(op Op, r int) []string {
	if _, _, _, ok := t.clip(r); !t.plain(r, op) || ok {
		return []string{t.sum(r)}
	}
	return append(t.list(op, t.steps[r].Arg[0]), t.list(op, t.steps[r].Arg[1])...)
}

// cases is a choice, or a chain of them.
func (t typesetter) cases(r int) string {
	var b strings.Builder
	for ; t.plain(r, OpWhere); r = t.steps[r].Arg[2] {
		s := t.steps[r]
		fmt.Fprintf(&b, `%s & \text{if } %s \\ `, t.sum(s.Arg[1]), t.condition(s.Arg[0]))
	}
	return `\begin{cases} ` + b.String() + t.sum(r) + ` & \text{otherwise} \end{cases}`
}

// condition says when step r is not 0.
func (t typesetter) condition(r int) string {
	switch s := t.steps[r]; {
	case t.plain(r, OpLess):
		return t.sum(s.Arg[0]) + " < " + t.sum(s.Arg[1])
	case t.plain(r, OpAbs):
		return t.condition(s.Arg[0])
	}
	return t.sum(r) + ` \ne 0`
}

// atom matches a name to which a power can be put.
var atom = regexp.MustCompile(`^(\\[A-Za-z]+(\{[^{}]*\})?|[A-Za-z])(_(\w|\{[^{}]*\}))?'*$`)

// brackets puts text in brackets that are as high as it is.
func brackets(left, text, right string) string {
	if strings.Contains(text, `\frac`) || strings.Contains(text, `\begin`) {
		return `\left` + left + text + `\right` + strings.TrimSpace(right)
	}
	return left + text + right
}

// signed is a number with its sign.
func signed(v float64) string {
	if v < 0 {
		return "-" + number(-v)
	}
	return number(v)
}

// number is a number that is not below 0, in four digits; a whole one in all of its digits up to a million.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return `\mathrm{NaN}`
	case math.IsInf(v, 0):
		return `\infty`
	case v == math.Trunc(v) && v < 1e6:
		return strconv.FormatInt(int64(v), 10)
	}
	text := strconv.FormatFloat(v, 'g', 4, 64)
	mantissa, exponent, ok := strings.Cut(text, "e")
	if !ok {
		return text
	}
	power, _ := strconv.Atoi(exponent)
	if mantissa == "1" {
		return fmt.Sprintf("10^{%d}", power)
	}
	return fmt.Sprintf(`%s \cdot 10^{%d}`, mantissa, power)
}
