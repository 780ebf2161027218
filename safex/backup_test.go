package safex_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// sled is a mass on ice before a wall. Its backup is the braking distance, which takes no learning.
func sled() safex.Task {
	const wall, force = 5.0, 2.0 // m, m/s²
	return safex.Task{
		Name: "sled", Dt: 0.1, Steps: 100, Start: safex.StartAt(0, 0),
		State:  []safex.Var{{Name: "x", Unit: "m", Scale: 2}, {Name: "v", Unit: "m/s", Scale: 1}},
		Action: []safex.Var{{Name: "push", Scale: 0.6, RandomAmplitude: 0.2}},
		Next: func(x, u num.Vec) num.Vec {
			v := x[1].Add(u[0].Mul(0.1 * force))
			return num.Vec{x[0].Add(v.Mul(0.1)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Sub(wall - 0.5).Abs().Neg() },
		Limits: []safex.Limit{{Name: "wall", Unit: "m", Max: wall, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
		Backup: &safex.Backup{
			Name: "braking distance",
			Outside: func(x num.Vec) num.Vec { // m beyond where it must stop, if it moves towards the wall
				return num.Vec{x[0].Add(x[1].Max(0).Square().Div(2 * force)).Sub(wall - 0.1)}
			},
			Act: func(x num.Vec) num.Vec { return num.Vec{num.Lit(-1)} },
		},
	}
}

// Gives a sled before a wall its braking distance, and asks whether a model may let it go on. Of the states to which the sled may
// come, by what the model knows, some must not be outside: at 3 m/s it is too fast for 4 m, and at 1 m/s the doubt of half a metre,
// but not of 20 cm, is too much.
func ExampleBackup() {
	for _, line := range safex.Check(sled()).Facts[2:] {
		fmt.Println(line)
	}
	s, err := sled().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, speed := range []float64{1, 3} {
		for _, doubt := range []float64{0.2, 0.7} {
			fmt.Println(speed, "m/s,", doubt, "m:", s.Backup.Holds([]float64{4, speed}, nil, []float64{doubt, 0.1}))
		}
	}
	fmt.Println("else it takes the action", s.Backup.Action([]float64{4, 1}))
	// Output:
	// backup "braking distance": 2000 states kept inside
	// 1 m/s, 0.2 m: true
	// 1 m/s, 0.7 m: false
	// 3 m/s, 0.2 m: false
	// 3 m/s, 0.7 m: false
	// else it takes the action [-1]
}

// Each mistake in a backup is one sentence that names it and what to write.
func TestBackupErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(b *safex.Backup)
		want  string
	}{
		{"no name", func(b *safex.Backup) { b.Name = " " }, `Backup " ": want a Name of a few words, Outside and Act`},
		{"no set", func(b *safex.Backup) { b.Outside = nil }, "want a Name of a few words, Outside and Act"},
		{"no action", func(b *safex.Backup) { b.Act = nil }, "want a Name of a few words, Outside and Act"},
		{"no condition", func(b *safex.Backup) { b.Outside = func(x num.Vec) num.Vec { return nil } }, "Backup.Outside returns nothing, want one or more conditions"},
		{"index", func(b *safex.Backup) { b.Outside = func(x num.Vec) num.Vec { return x[2:3] } }, "Backup.Outside panics: runtime error"},
		{"index of the action", func(b *safex.Backup) { b.Act = func(x num.Vec) num.Vec { return num.Vec{x[5]} } }, "Backup.Act panics: runtime error: index out of range"},
		{"dimension", func(b *safex.Backup) { b.Act = func(x num.Vec) num.Vec { return x } }, "Backup.Act returns 2 dimensions, Action names 1"},
		{"NaN", func(b *safex.Backup) {
			b.Outside = func(x num.Vec) num.Vec { return num.Vec{x[0].Sub(1).Sqrt()} }
		}, "first step: Backup.Outside is NaN (sqrt at backup_test.go:"},
		{"NaN of the action", func(b *safex.Backup) {
			b.Act = func(x num.Vec) num.Vec { return num.Vec{x[0].Div(x[0])} }
		}, "first step: Backup.Act is NaN (div at backup_test.go:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := sled()
			c.spoil(task.Backup)
			_, err := task.System()
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, c.want)
			}
			if r := safex.Check(task); r.OK() && !strings.Contains(c.name, "NaN") {
				t.Errorf("Check finds no problem: %s", r)
			}
		})
	}
}

// Check finds a backup that does not keep what it promises, names a state, and lets a good one through.
func TestCheckBackup(t *testing.T) {
	calls := 0.0
	for _, c := range []struct {
		name    string
		spoil   func(t *safex.Task)
		problem bool
		want    string
	}{
		{"too late", func(t *safex.Task) {
			t.Backup.Outside = func(x num.Vec) num.Vec { return num.Vec{x[0].Add(x[1].Max(0).Square().Div(8)).Sub(4.9)} }
		}, true, `backup "braking distance": from x `},
		{"no margin at all", func(t *safex.Task) {
			t.Backup.Outside = func(x num.Vec) num.Vec { return num.Vec{x[0].Sub(4.9), x[1].Sub(1)} }
		}, true, "Act leads outside, to x "},
		{"the wrong way", func(t *safex.Task) { t.Backup.Act = func(x num.Vec) num.Vec { return num.Vec{num.Lit(1)} } }, true, "push 1 Act leads outside, to x "},
		{"the wall is inside", func(t *safex.Task) {
			outside := t.Backup.Outside
			t.Backup.Outside = func(x num.Vec) num.Vec { return num.Vec{outside(x)[0].Sub(0.2)} }
		}, true, `is beyond limit "wall" by`},
		{"a step breaks another limit", func(t *safex.Task) {
			t.Limits = append(t.Limits, safex.Limit{Name: "gentle", Max: 0.9, Of: func(x, u, next num.Vec) num.Expr { return u[0].Abs() }})
		}, true, `Act breaks limit "gentle" by 0.1`},
		{"a limit on rates", func(t *safex.Task) {
			t.Limits = append(t.Limits, safex.Limit{Name: "jerk", Max: 1.5, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() }})
		}, true, `Act breaks limit "jerk" by`},
		{"beyond [-1, 1]", func(t *safex.Task) { t.Backup.Act = func(x num.Vec) num.Vec { return num.Vec{num.Lit(-1.5)} } }, true, "Act gives push -1.5 at x "},
		{"noise", func(t *safex.Task) {
			t.Disturbances = []safex.Disturbance{{Kind: safex.ProcessNoise, On: "x", Size: 0.1}}
		}, true, ", with the task's disturbances; "},
		{"a delay", func(t *safex.Task) { t.Disturbances = []safex.Disturbance{{Kind: safex.Delay, Size: 3}} }, true, ", with the task's disturbances; "},
		{"a gust, some time", func(t *safex.Task) {
			t.Disturbances = []safex.Disturbance{{Kind: safex.Impulse, On: "v", Size: 1, From: 5}}
		}, true, ", with the task's disturbances; "},
		{"another each time", func(t *safex.Task) {
			t.Backup.Act = func(x num.Vec) num.Vec { calls++; return num.Vec{num.Lit(-1 / (1 + calls))} }
		}, true, "Backup is another function each time it is called"},
		{"constant", func(t *safex.Task) { t.Backup.Outside = func(x num.Vec) num.Vec { return num.Vec{num.Lit(-1)} } }, true, "Backup holds every state, or none"},
		{"far from the starts", func(t *safex.Task) {
			outside := t.Backup.Outside
			t.Backup.Outside = func(x num.Vec) num.Vec { return append(outside(x), x[1].Add(1)) }
		}, false, "100 of 100 starts of episodes are outside, where it promises nothing"},
		{"nowhere", func(t *safex.Task) {
			outside := t.Backup.Outside
			t.Backup.Outside = func(x num.Vec) num.Vec { return append(outside(x), x[0].Add(1000)) }
		}, false, "of 2000 states around where random episodes go none is inside"},
		{"NaN nearby", func(t *safex.Task) {
			outside := t.Backup.Outside
			t.Backup.Outside = func(x num.Vec) num.Vec { return append(outside(x), x[0].Add(1).Sqrt().Mul(0)) }
		}, false, "Outside is NaN (sqrt at backup_test.go:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := sled()
			c.spoil(&task)
			r := safex.Check(task)
			found := r.Warnings
			if c.problem {
				found = r.Problems
			}
			if !strings.Contains(strings.Join(found, "\n"), c.want) || c.problem == r.OK() && c.name != "NaN nearby" {
				t.Errorf("problem %v, want %q in\n%s", c.problem, c.want, r)
			}
		})
	}
	if r := safex.Check(sled()); !r.OK() || len(r.Warnings) > 0 || !slices.Contains(r.Facts, `backup "braking distance": 2000 states kept inside`) {
		t.Errorf("of a good one: %s", r)
	}
}

// A set in which a NaN is outside, of an angle and of squares, products and roots.
func curved() safex.Task {
	task := sled()
	task.State = []safex.Var{{Name: "sin", Scale: 1}, {Name: "cos", Scale: 1}, {Name: "v", Scale: 1}}
	task.Angles = []safex.Angle{{Name: "theta", Sin: 0, Cos: 1}}
	task.Start = safex.StartAt(0, 1, 0)
	task.Next = func(x, u num.Vec) num.Vec { return num.Vec{x[0], x[1], x[2].Mul(0.9).Add(u[0].Mul(0.1))} }
	task.Limits = nil
	task.Backup = &safex.Backup{
		Name: "curved",
		Outside: func(x num.Vec) num.Vec {
			θ := num.Atan2(x[0], x[1])
			return num.Vec{θ.Mul(x[2]).Sub(0.5), x[2].Square().Add(θ.Square()).Sqrt().Sub(2), x[2].Neg().Add(1).Sqrt().Sub(3)}
		},
		Act: func(x num.Vec) num.Vec { return num.Vec{x[2].Neg().Mul(5)} },
	}
	return task
}

// Sets that Holds lets through have no point outside, and what is plainly inside is let through.
func TestBackupHolds(t *testing.T) {
	for _, task := range []safex.Task{sled(), curved()} {
		s := compile(t, task)
		r := rand.New(rand.NewPCG(1, 2))
		nx, proved, points := len(s.State), 0, 0
		n := 20000
		if testing.Short() {
			n = 4000
		}
		for range n {
			center, size := make([]float64, nx), math.Pow(10, -4*r.Float64())
			for d := range center {
				center[d] = s.State[d].Scale * 3 * r.NormFloat64()
			}
			gen, rem := make([][]float64, r.IntN(4)), make([]float64, nx)
			for k := range gen {
				gen[k] = make([]float64, nx)
				for d := range gen[k] {
					gen[k][d] = size * r.NormFloat64()
				}
			}
			for d := range rem {
				rem[d] = size * r.Float64() * float64(r.IntN(2))
			}
			if !s.Backup.Holds(center, gen, rem) {
				continue
			}
			proved++
			for i := range 40 {
				x := slices.Clone(center)
				draw := func() float64 {
					if i%2 == 0 {
						return float64(2*r.IntN(2) - 1)
					}
					return 2*r.Float64() - 1
				}
				for _, g := range gen {
					ε := draw()
					for d := range x {
						x[d] += ε * g[d]
					}
				}
				for d := range x {
					x[d] += draw() * rem[d]
				}
				points++
				if !s.Backup.Contains(x) {
					t.Fatalf("%s: %v is in the set about %v with %v ± %v, and outside", s.Name, x, center, gen, rem)
				}
			}
		}
		if proved < n/20 {
			t.Errorf("%s: %d of %d sets are proved to be inside", s.Name, proved, n)
		}
	}
}

// What speed and distance have in common counts: if the sled is the slower the nearer it is, the set is inside, and the box around
// it is not.
func TestBackupHoldsWhatDepends(t *testing.T) {
	s := compile(t, sled())
	center, together := []float64{4, 1}, [][]float64{{0.7, -0.9}}
	if !s.Backup.Holds(center, together, nil) {
		t.Error("there is no proof for a set in which near states are slow")
	}
	if s.Backup.Holds(center, nil, []float64{0.7, 0.9}) || s.Backup.Holds(center, [][]float64{{0.7, 0}, {0, 0.9}}, nil) {
		t.Error("there is a proof of a box that is partly outside")
	}
	if !s.Backup.Holds(center, nil, nil) || s.Backup.Holds([]float64{4.6, 2}, nil, nil) {
		t.Error("of a point Holds is not Contains")
	}
}

// What is not finite is outside, wrong sizes panic with the numbers, and actions are cut to [-1, 1].
func TestBackupEdges(t *testing.T) {
	task := sled()
	task.Backup.Act = func(x num.Vec) num.Vec { return num.Vec{x[1].Mul(-3)} }
	s := compile(t, task)
	nan, inf := math.NaN(), math.Inf(1)
	for _, x := range [][]float64{{nan, 0}, {0, nan}, {-inf, 0}, {0, -inf}, {inf, 0}} {
		if s.Backup.Contains(x) || s.Backup.Holds(x, nil, nil) {
			t.Errorf("%v is inside", x)
		}
	}
	for _, v := range []float64{nan, inf, -inf} {
		if s.Backup.Holds([]float64{0, 0}, [][]float64{{0, v}}, nil) || s.Backup.Holds([]float64{0, 0}, nil, []float64{v, 0}) {
			t.Errorf("a set as large as %v is inside", v)
		}
	}
	if u := s.Backup.Action([]float64{0, 9}); u[0] != -1 {
		t.Errorf("the action is %v", u)
	}
	for want, call := range map[string]func(){
		`safex: Action of the backup "braking distance" with 3 numbers, of a state of 2 dimensions`: func() { s.Backup.Action(make([]float64, 3)) },
		`safex: Holds of the backup "braking distance" with 1 numbers`:                              func() { s.Backup.Holds([]float64{0, 0}, [][]float64{{1}}, nil) },
		`safex: Outside of the backup "braking distance" of a Task: compile it by Task.System`:      func() { task.Backup.Contains([]float64{0, 0}) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, want) {
					t.Errorf("it panics with %q, want %q", p, want)
				}
			}()
			call()
		}()
	}
}

// The backup of a System is its own, and one for many goroutines.
func TestBackupIsItsOwn(t *testing.T) {
	task := sled()
	s := compile(t, task)
	task.Backup.Outside = func(x num.Vec) num.Vec { return num.Vec{x[0]} }
	var all sync.WaitGroup
	for k := range 8 {
		all.Go(func() {
			for i := range 200 {
				v := float64(i%5) + 0.1
				x := []float64{4.9 - v*v/4 + float64(k%2*2-1)*1e-6, v}
				if in := k%2 == 0; s.Backup.Contains(x) != in || s.Backup.Holds(x, nil, []float64{1e-9, 1e-9}) != in || s.Backup.Action(x)[0] != -1 {
					t.Errorf("%v is inside: %v", x, !in)
				}
			}
		})
	}
	all.Wait()
	if compile(t, ferry()).Backup != nil {
		t.Error("a task without a backup has one")
	}
}

// Another set, another action, another name and none are other tasks; what a task was without a backup it still is.
func TestBackupFingerprint(t *testing.T) {
	text := func(spoil func(b *safex.Backup)) string {
		task := sled()
		spoil(task.Backup)
		return fmt.Sprint(compile(t, task).Fingerprint())
	}
	same := text(func(*safex.Backup) {})
	if same != text(func(*safex.Backup) {}) {
		t.Error("the same backup is another task")
	}
	for name, other := range map[string]string{
		"set": text(func(b *safex.Backup) {
			b.Outside = func(x num.Vec) num.Vec { return num.Vec{x[0].Add(x[1].Max(0).Square().Div(4)).Sub(4.8)} }
		}),
		"one more condition": text(func(b *safex.Backup) {
			outside := b.Outside
			b.Outside = func(x num.Vec) num.Vec { return append(outside(x), x[1].Sub(9)) }
		}),
		"action": text(func(b *safex.Backup) { b.Act = func(x num.Vec) num.Vec { return num.Vec{num.Lit(-0.9)} } }),
		"name":   text(func(b *safex.Backup) { b.Name = "brake" }),
	} {
		if other == same {
			t.Errorf("with another %s it is the same task", name)
		}
	}
	task := sled()
	traits := compile(t, task).Fingerprint()
	task.Backup = nil
	rest := slices.DeleteFunc(traits, func(x safex.Trait) bool { return x.Name == "backup braking distance" })
	if !slices.Equal(rest, compile(t, task).Fingerprint()) {
		t.Error("a backup changes other traits")
	}
}
