package browser

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"net/url"
	"testing"
	"time"

	"github.com/kettek/apng"
)

// A page is seen, evaluated, clicked and dragged.
func TestPage(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	p, err := Open(ctx, 400, 300)
	if errors.Is(err, ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const page = `<body style="margin:0;background:rgb(10,200,30)"><input id="s" type="range" min="0" max="100" value="0" style="position:absolute;left:0;top:0;width:200px;height:20px;margin:0">
<button id="b" onclick="this.textContent='clicked'" style="position:absolute;left:0;top:100px;width:100px;height:40px">b</button></body>`
	if err := p.Go(ctx, "data:text/html,"+url.PathEscape(page)); err != nil {
		t.Fatal(err)
	}
	origin := "://" // of a document without one
	if err := p.Until(ctx, origin, "document.getElementById('b')"); err != nil {
		t.Fatalf("%v; there are frames of %q", err, p.Origins())
	}
	if err := p.Click(ctx, 50, 120); err != nil {
		t.Fatal(err)
	}
	if err := p.Until(ctx, origin, "document.getElementById('b').textContent === 'clicked'"); err != nil {
		t.Error(err)
	}
	if err := p.Drag(ctx, time.Millisecond, nil, [2]float64{8, 10}, [2]float64{60, 10}, [2]float64{100, 10}); err != nil {
		t.Fatal(err)
	}
	var value string
	if err := p.Eval(ctx, origin, "document.getElementById('s').value", &value); err != nil || value != "50" {
		t.Errorf("the slider is at %q, error %v", value, err)
	}
	if err := p.Eval(ctx, origin, "nothing.at.all", nil); err == nil {
		t.Error("a script that fails is no error")
	}
	if err := p.Eval(ctx, "http://127.0.0.1:1", "1", nil); err == nil {
		t.Error("a frame that is not there is no error")
	}
	shot, err := p.Shot(ctx, image.Rect(200, 200, 300, 280))
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b, _ := shot.At(50, 40).RGBA(); shot.Bounds().Dx() != 100 || r>>8 != 10 || g>>8 != 200 || b>>8 != 30 {
		t.Errorf("the shot is %v wide, and %d %d %d", shot.Bounds().Dx(), r>>8, g>>8, b>>8)
	}
	if part := Changed(shot, shot); part != 0 {
		t.Errorf("%v of a picture differ from itself", part)
	}
	half := image.NewRGBA(image.Rect(0, 0, 100, 80))
	for y := range 80 {
		for x := range 100 {
			half.Set(x, y, shot.At(x, y))
			if x < 50 {
				half.Set(x, y, color.White)
			}
		}
	}
	if part := Changed(shot, half); part != 0.5 {
		t.Errorf("%v of the picture differ, want half", part)
	}
}

// A film has its pictures, each in its time, and of what stays nothing twice.
func TestFilm(t *testing.T) {
	var pictures []image.Image
	for k := range 3 {
		m := image.NewRGBA(image.Rect(0, 0, 60, 40))
		for i := range m.Pix {
			m.Pix[i] = 255
		}
		m.Set(10+k, 20, color.Black)
		pictures = append(pictures, m)
	}
	text, err := Film(pictures, 90*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	film, err := apng.DecodeAll(bytes.NewReader(text))
	if err != nil || len(film.Frames) != 3 {
		t.Fatalf("%d frames, error %v", len(film.Frames), err)
	}
	for k, f := range film.Frames {
		if f.DelayNumerator != 90 || f.DelayDenominator != 1000 {
			t.Errorf("frame %d stays for %d/%d s", k, f.DelayNumerator, f.DelayDenominator)
		}
		if box := f.Image.Bounds(); k > 0 && (box.Dx() != 2 || box.Dy() != 1 || f.XOffset != 9+k || f.YOffset != 20) {
			t.Errorf("frame %d is %v at %d, %d: only two points changed", k, box, f.XOffset, f.YOffset)
		}
	}
	if _, err := Film(nil, time.Second); err == nil {
		t.Error("a film of nothing is a film")
	}
}
