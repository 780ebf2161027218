package fig_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kettek/apng"
	"gonum.org/v1/plot/cmpimg"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// drive is an episode of a task under actions that hold for half a second: drawn at random, of an amplitude.
func drive(s *safex.System, amplitude float64, steps int) safex.Episode {
	r := rng.New(4).Child("drive").Rand()
	x, u := make([]float64, len(s.State)), make([]float64, len(s.Action))
	s.Start(x, r)
	e := safex.Episode{Number: 3, Phase: safex.PlannedPhase, Trajectory: safex.Trajectory{States: [][]float64{x}}}
	for t := range steps {
		if t%10 == 0 {
			u = make([]float64, len(u))
			for k := range u {
				u[k] = amplitude * s.Gentle(k, 2*r.Float64()-1)
			}
		}
		next, reward, excess := s.Step(e.States[t], u)
		e.Append(u, next, reward, excess)
	}
	return e
}

// animate is an episode of a task, by name.
func animate(name string, picture bool, episode func(s *safex.System) safex.Episode) (*fig.Animation, error) {
	m, _ := tasks.New(name)
	s, err := m.Task().System()
	if err != nil {
		return nil, err
	}
	if !picture {
		s.Picture = nil
	}
	return fig.Animate(s, episode(s))
}

func writeFrame(path string, a *fig.Animation, err error, k int) {
	var b bytes.Buffer
	if err == nil {
		err = png.Encode(&b, a.Frame(k))
	}
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o644)
	}
	if err != nil {
		fmt.Println(err)
	}
}

// A frame of an episode that goes beyond its limit, and one from each of the other tasks.
func ExampleAnimate() {
	a, err := animate("pendulum", true, func(s *safex.System) safex.Episode { return swing(s, 1, 0.9) })
	writeFrame("testdata/animate.png", a, err, 96)
	for _, name := range tasks.Names() {
		a, err := animate(name, true, func(s *safex.System) safex.Episode { return drive(s, 2, 40) })
		writeFrame("testdata/animate_"+name+".png", a, err, 30)
	}
	// Output:
}

// A task without a picture is drawn as bars.
func ExampleAnimate_bars() {
	a, err := animate("cartpole", false, func(s *safex.System) safex.Episode { return drive(s, 5, 40) })
	writeFrame("testdata/bars.png", a, err, 30)
	// Output:
}

func TestAnimate(t *testing.T) {
	files := []string{"animate.png"}
	for _, name := range tasks.Names() {
		files = append(files, "animate_"+name+".png")
	}
	cmpimg.CheckPlot(ExampleAnimate, t, files...)
}

func TestBars(t *testing.T) { cmpimg.CheckPlot(ExampleAnimate_bars, t, "bars.png") }

// limitPixels counts the pixels in the colour of the limit.
func limitPixels(m image.Image) (n int) {
	for y := m.Bounds().Min.Y; y < m.Bounds().Max.Y; y++ {
		for x := m.Bounds().Min.X; x < m.Bounds().Max.X; x++ {
			if color.RGBAModel.Convert(m.At(x, y)) == (color.RGBA{200, 30, 45, 255}) {
				n++
			}
		}
	}
	return n
}

// play puts the frames of a file together as a viewer does.
func play(film apng.APNG) (frames []*image.RGBA) {
	screen := image.NewRGBA(film.Frames[0].Image.Bounds())
	for _, f := range film.Frames {
		op := draw.Src
		if f.BlendOp == apng.BLEND_OP_OVER {
			op = draw.Over
		}
		size := f.Image.Bounds().Size()
		draw.Draw(screen, image.Rect(f.XOffset, f.YOffset, f.XOffset+size.X, f.YOffset+size.Y), f.Image, f.Image.Bounds().Min, op)
		shown := image.NewRGBA(screen.Rect)
		copy(shown.Pix, screen.Pix)
		frames = append(frames, shown)
	}
	return frames
}

// The file holds every frame in real time, in the same bytes each time, and a step beyond the limit has its colour.
func TestAnimation(t *testing.T) {
	s := compile(t, "pendulum")
	e := swing(s, 1, 0.9)
	a, err := fig.Animate(s, e)
	if err != nil {
		t.Fatal(err)
	}
	file := drawn(t, a)
	film, err := apng.DecodeAll(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if len(film.Frames) != 100 || a.Frames() != 100 || film.LoopCount != 0 {
		t.Fatalf("%d frames in the file and %d drawn, %d loops; want 100, and 0 for ever", len(film.Frames), a.Frames(), film.LoopCount)
	}
	if again := drawn(t, a); !bytes.Equal(file, again) {
		t.Error("drawn again, the file differs")
	}
	safe, beyond := 0, 0
	shown := play(film)
	for k, f := range film.Frames {
		want := 0.05
		if k == 99 {
			want = 1.05
		}
		if f.GetDelay() != want {
			t.Errorf("frame %d stays for %v s, want %v", k, f.GetDelay(), want)
		}
		if !samePart(shown[k], a.Frame(k)) {
			t.Errorf("frame %d is played otherwise than it was drawn", k)
		}
		if k > 0 && samePart(shown[k], shown[k-1]) {
			t.Errorf("frame %d does not move", k)
		}
		n := limitPixels(shown[k])
		switch {
		case e.Excess[k][0] <= 0:
			safe = max(safe, n)
		case beyond == 0:
			beyond = n
		default:
			beyond = min(beyond, n)
		}
	}
	if safe == 0 || beyond < 10*safe {
		t.Errorf("at most %d pixels of a safe step have the colour of the limit, at least %d of one beyond", safe, beyond)
	}
}

// Of the steps that share a frame, one beyond the limit is enough; the frames keep real time.
func TestAnimationStride(t *testing.T) {
	m, _ := tasks.New("pendulum")
	p := m.(*tasks.Pendulum)
	p.Dt, p.Steps = 0.01, 50
	s, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	e := drive(s, 1, 48)
	e.Excess[12] = []float64{0.5}
	e.Excess[47] = []float64{0.5}
	a, err := fig.Animate(s, e)
	if err != nil {
		t.Fatal(err)
	}
	film, err := apng.DecodeAll(bytes.NewReader(drawn(t, a)))
	if err != nil {
		t.Fatal(err)
	}
	if len(film.Frames) != 10 || film.Frames[0].GetDelay() != 0.05 {
		t.Fatalf("%d frames of %v s, want 10 of 0.05", len(film.Frames), film.Frames[0].GetDelay())
	}
	for k, f := range play(film) {
		if broken := limitPixels(f) > 1000; broken != (k == 2 || k == 9) {
			t.Errorf("frame %d: drawn as beyond the limit: %v", k, broken)
		}
	}
}

// Every task is drawn in one file of modest size, whatever the agent does.
func TestAnimateTasks(t *testing.T) {
	for _, name := range tasks.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := compile(t, name)
			for _, amplitude := range []float64{0, 10} {
				a, err := fig.Animate(s, drive(s, amplitude, 100))
				if err != nil {
					t.Fatal(err)
				}
				size := a.Frame(0).Bounds().Size()
				if file := drawn(t, a); len(file) > 3e5 || size.X > 500 || size.Y > 420 {
					t.Errorf("%d bytes of %v pixels", len(file), size)
				}
			}
		})
	}
}

// Side by side, each plays as it does alone, and the shorter one waits at its end.
func TestBeside(t *testing.T) {
	s := compile(t, "cartpole")
	var as []*fig.Animation
	for i, n := range []int{10, 30, 20} {
		a, err := fig.Animate(s, drive(s, 3, n))
		if err != nil {
			t.Fatal(err)
		}
		a.Title = []string{"left", "middle", "right"}[i]
		as = append(as, a)
	}
	two, err := fig.Beside(as[0], as[1])
	if err != nil {
		t.Fatal(err)
	}
	three, err := fig.Beside(two, as[2])
	if err != nil {
		t.Fatal(err)
	}
	if as[0].Frames() != 10 || two.Frames() != 30 || three.Frames() != 30 {
		t.Errorf("%d, %d and %d frames, want 10, 30 and 30", as[0].Frames(), two.Frames(), three.Frames())
	}
	film, err := apng.DecodeAll(bytes.NewReader(drawn(t, three)))
	if err != nil {
		t.Fatal(err)
	}
	shown := play(film)
	for _, k := range []int{0, 9, 15, 29} {
		left := 0
		for _, a := range as {
			want := a.Frame(min(k, a.Frames()-1))
			size := want.Bounds().Size()
			if got := shown[k].SubImage(image.Rect(left, 0, left+size.X, size.Y)); !samePart(got, want) {
				t.Errorf("frame %d: %q does not play as it does alone", k, a.Title)
			}
			left += size.X
		}
	}
	other, err := fig.Animate(compile(t, "rccar"), drive(compile(t, "rccar"), 1, 10))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fig.Beside(two, other); err == nil || !strings.Contains(err.Error(), "cannot be shown side by side") {
		t.Errorf("error %v for two speeds", err)
	}
}

// samePart compares two pictures of one size, wherever they are.
func samePart(a, b image.Image) bool {
	x, y := image.NewRGBA(image.Rectangle{Max: a.Bounds().Size()}), image.NewRGBA(image.Rectangle{Max: b.Bounds().Size()})
	draw.Draw(x, x.Rect, a, a.Bounds().Min, draw.Src)
	draw.Draw(y, y.Rect, b, b.Bounds().Min, draw.Src)
	return slices.Equal(x.Pix, y.Pix)
}

// An episode that does not fit the task is an error; one with numbers gone wrong is drawn all the same.
func TestAnimateOdd(t *testing.T) {
	s := compile(t, "pendulum")
	good := drive(s, 1, 3)
	for want, change := range map[string]func(e *safex.Episode){
		"no step":                     func(e *safex.Episode) { e.Actions = nil },
		"states of 2 dimensions":      func(e *safex.Episode) { e.States = [][]float64{{1, 2}, {1, 2}} },
		"3 steps and 1 excesses":      func(e *safex.Episode) { e.Excess = e.Excess[:1] },
		"actions of 2 dimensions":     func(e *safex.Episode) { e.Actions = [][]float64{{1, 2}} },
		"episode 3 has no step to dr": func(e *safex.Episode) { e.States = e.States[:1] },
	} {
		e := good
		change(&e)
		if _, err := fig.Animate(s, e); err == nil || !strings.HasPrefix(err.Error(), "fig: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	nan := drive(s, 1, 3)
	nan.States[2], nan.Actions[1], nan.Excess[1] = []float64{math.NaN(), 0, math.Inf(1)}, []float64{math.NaN()}, []float64{math.NaN()}
	nan.Real = nan.States
	a, err := fig.Animate(s, nan)
	if err != nil {
		t.Fatal(err)
	}
	drawn(t, a)
	if limitPixels(a.Frame(1)) < 1000 {
		t.Error("a NaN is not drawn as beyond the limit")
	}
	s.Limits, s.Picture = nil, nil
	for k := range nan.Excess {
		nan.Excess[k] = nil
	}
	if a, err = fig.Animate(s, nan); err != nil {
		t.Fatal(err)
	}
	drawn(t, a)
}

func compile(t *testing.T, name string) *safex.System {
	m, _ := tasks.New(name)
	s, err := m.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func drawn(t *testing.T, a *fig.Animation) []byte {
	file, err := a.PNG()
	if err != nil {
		t.Fatal(err)
	}
	return file
}
