package nb_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/janpfeifer/gonb/gonbui"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/nb"
)

// An error is a panic of one line, which fails the cell; no error is nothing.
func TestMust(t *testing.T) {
	if got := nb.Must(3, nil); got != 3 {
		t.Errorf("Must(3, nil) is %d", got)
	}
	nb.Check(nil)
	defer func() {
		if got := recover(); got != "broken" {
			t.Errorf("panic %v", got)
		}
	}()
	nb.Must(3, errors.New("broken"))
}

// In a notebook the cell's program ends with the error as its only line, and as one that failed.
func TestCheckInNotebook(t *testing.T) {
	if os.Getenv("NB_FAILS") != "" {
		gonbui.IsNotebook = true
		nb.Check(errors.New("interrupted: the run can go on"))
		return
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestCheckInNotebook$")
	c.Env = append(os.Environ(), "NB_FAILS=1")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if c.ProcessState.ExitCode() != 1 || errs.String() != "interrupted: the run can go on\n" || out.Len() > 0 {
		t.Errorf("%v after %q and %q", err, out.String(), errs.String())
	}
}

// Outside a notebook a figure or an animation is drawn and not shown.
func TestShowOutside(t *testing.T) {
	s := &safex.System{Task: safex.Task{Name: "none", State: make([]safex.Var, 1), Action: make([]safex.Var, 1), Dt: 1}}
	f := fig.Learning(s, nil)
	nb.Show(f)
	var d nb.Display
	d.Show(f)
	step := safex.Trajectory{States: [][]float64{{0}, {1}}, Actions: [][]float64{{1}}, Excess: [][]float64{nil}}
	d.Show(nb.Must(fig.Animate(s, safex.Episode{Trajectory: step})))
	d.Text("a text")
}

// A picture is a Drawing of points, a row of 300 of each colour.
type picture []color.NRGBA

func (p picture) PNG() ([]byte, error) {
	img := image.NewNRGBA(image.Rect(0, 0, 300, len(p)))
	for y, c := range p {
		for x := range 300 {
			img.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}

// Up to 256 colours are kept as they are. Of more, those that are rare become the nearest of the others.
func TestLight(t *testing.T) {
	var p picture
	for i := range 256 {
		p = append(p, color.NRGBA{R: uint8(i), G: 7, A: 255})
	}
	same := decode(t, nb.Light(p))
	for y, want := range p {
		if got := color.NRGBAModel.Convert(same.At(3, y)); got != want {
			t.Fatalf("row %d is %v, want %v", y, got, want)
		}
	}
	p = append(slices.Concat(p, p), color.NRGBA{R: 90, G: 9, A: 255}) // 257 colours, and the last is rare
	if got, want := color.NRGBAModel.Convert(decode(t, nb.Light(p)).At(0, len(p)-1)), p[90]; got != want {
		t.Errorf("the rare one is %v, want %v", got, want)
	}
	a, b := nb.Must(nb.Light(p).PNG()), nb.Must(nb.Light(p).PNG())
	if !bytes.Equal(a, b) {
		t.Error("the same drawing has other bytes")
	}
}

// What cannot be drawn cannot be made light.
func TestLightBroken(t *testing.T) {
	if _, err := nb.Light(broken{}).PNG(); err == nil || err.Error() != "broken" {
		t.Errorf("error %v", err)
	}
}

type broken struct{}

func (broken) PNG() ([]byte, error) { return nil, errors.New("broken") }

func decode(t *testing.T, d nb.Drawing) image.Image {
	t.Helper()
	text, err := d.PNG()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := img.(*image.Paletted); !ok {
		t.Errorf("it is an %T", img)
	}
	return img
}
