package widgets_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex/internal/browser"
	"github.com/rischiboy/safe_exploration/safex/internal/jupyter"
)

// cells are a notebook with every widget, and with what they need.
var cells = []string{
	`import (
	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/live"
	"github.com/rischiboy/safe_exploration/safex/nb"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/widgets"
)

// rising is a model of 200 transitions, and a rod on its way up.
func rising() (safex.Model, safex.Query) {
	s := nb.Must(tasks.DefaultPendulum().Task().System())
	e := nb.Must(s.Simulate(s.ColouredPolicy(0.9, 0.8, rng.New(1).Child("noise")), rng.New(1)))
	data := &safex.Data{}
	data.AppendEpisode(e.Trajectory)
	m := nb.Must(ensemble.Default().Learn(nb.Context(), s, data, nil, rng.New(1)))
	return m, safex.Query{System: s, Rollout: nb.Must(rollout.NewAuto().Rollout(s, m)), State: []float64{-0.59, -0.81, 4.5}, Episode: 1}
}`,
	`%%
s := experiment.Default(tasks.DefaultPendulum())
nb.Check(s.SetAll("episodes=2", "Steps=120"))
widgets.Train("runs/my-test-of-widgets", s)`,
	`%%
live.Show(nb.Must(widgets.Start(nb.Must(store.Open("runs/my-test-of-widgets")))))`,
	`%%
m, q := rising()
live.Show(widgets.Pessimism(tasks.DefaultPendulum(), rollout.NewAuto(), m, q.State))`,
	`%%
m, q := rising()
p := nb.Must(plan.DefaultSafe().Tuned(q.System.Tuning).Plan(nb.Context(), q, rng.New(1)))
live.Show(nb.Must(widgets.Eta(rollout.NewAuto(), m, q, p.Actions, 2)))`,
	`%%
live.Show(nb.Must(widgets.Episode(nb.Must(store.Open("runs/my-test-of-widgets")), 2)))`,
	`%%
live.Show(nb.Must(widgets.Episode(nb.Must(store.Open("runs/my-test-of-widgets")), 1)))`,
	`%%
nb.Text("the last cell")`,
}

// notebook is a notebook of cells that were not run.
func notebook(cells []string) ([]byte, error) {
	var all []map[string]any
	for i, c := range cells {
		all = append(all, map[string]any{"cell_type": "code", "id": fmt.Sprint("cell-", i), "metadata": map[string]any{}, "source": c, "outputs": []any{}, "execution_count": nil})
	}
	return json.Marshal(map[string]any{"cells": all, "nbformat": 4, "nbformat_minor": 5, "metadata": map[string]any{
		"kernelspec": map[string]any{"display_name": "Go (safex)", "language": "go", "name": "gonb"}}})
}

// A visit is a person at a notebook in JupyterLab.
type visit struct {
	*testing.T
	ctx  context.Context
	page *browser.Page
	lab  string // origin
	shot string // folder of screenshots
}

func (v *visit) check(err error) {
	v.Helper()
	if err == nil {
		return
	}
	if m, e := v.page.Shot(v.ctx, image.Rectangle{}); e == nil {
		v.keep("failed", m)
	}
	v.Fatalf("%v; screenshots are in %s", err, v.shot)
}

// until waits for a condition, a minute at most.
func (v *visit) until(origin, condition string) error {
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	return v.page.Until(ctx, origin, condition)
}

// keep keeps a screenshot.
func (v *visit) keep(name string, m image.Image) {
	v.Helper()
	f, err := os.Create(filepath.Join(v.shot, name+".png"))
	if err == nil {
		err = errors.Join(png.Encode(f, m), f.Close())
	}
	if err != nil {
		v.Fatal(err)
	}
}

// A rect is where something is, in pixels.
type rect struct{ X, Y, W, H float64 }

func (r rect) at(x, y float64) [2]float64 { return [2]float64{r.X + x*r.W, r.Y + y*r.H} }

// where is the place of an element in the frame of an origin.
func (v *visit) where(origin, element string) (r rect) {
	v.Helper()
	v.check(v.page.Eval(v.ctx, origin, "(r => ({X: r.x, Y: r.y, W: r.width, H: r.height}))("+element+".getBoundingClientRect())", &r))
	return r
}

const iframe = "document.querySelector('.jp-OutputArea-output iframe')"

// open runs the next cell, and waits for the page that it shows. It returns the page's origin, and where the page is.
func (v *visit) open() (origin string, at rect) {
	v.Helper()
	before := v.page.Origins()
	prompt := v.where(v.lab, "document.querySelector('.jp-Cell.jp-mod-active .jp-InputPrompt')").at(0.5, 0.5)
	v.check(v.page.Click(v.ctx, prompt[0], prompt[1])) // the page that has ended had the keys
	v.check(v.page.ShiftEnter(v.ctx))
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	for origin == "" && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
		for _, o := range v.page.Origins() {
			if strings.HasPrefix(o, "http://127.0.0.1:") && !slices.Contains(before, o) {
				origin = o
			}
		}
	}
	if origin == "" {
		v.check(fmt.Errorf("no page was shown: %w", ctx.Err()))
	}
	v.check(v.page.Until(ctx, origin, "document.body.dataset.views && document.body.dataset.handles"))
	v.check(v.page.Eval(v.ctx, v.lab, iframe+".scrollIntoView({block: 'center'})", nil))
	time.Sleep(300 * time.Millisecond) // for the scrolling
	return origin, v.where(v.lab, iframe)
}

// drag moves something in a page, and fails if nothing that is drawn moves with it.
func (v *visit) drag(origin string, at rect, name string, places ...[2]float64) {
	v.Helper()
	box := image.Rect(int(at.X), int(at.Y), int(at.X+at.W), int(at.Y+at.H))
	before, err := v.page.Shot(v.ctx, box)
	v.check(err)
	for i := range places {
		places[i][0], places[i][1] = places[i][0]+at.X, places[i][1]+at.Y
	}
	v.check(v.page.Drag(v.ctx, 25*time.Millisecond, nil, places...))
	time.Sleep(400 * time.Millisecond)
	after, err := v.page.Shot(v.ctx, box)
	v.check(err)
	v.keep(name, after)
	if share := browser.Changed(before, after); share < 0.001 || share > 0.6 {
		v.Errorf("%s: %.2f %% of the page changed", name, 100*share)
	}
}

// between are n places on the way between two.
func between(a, b [2]float64, n int) (all [][2]float64) {
	for i := range n + 1 {
		t := float64(i) / float64(n)
		all = append(all, [2]float64{a[0] + t*(b[0]-a[0]), a[1] + t*(b[1]-a[1])})
	}
	return all
}

// sliders drags every slider of a page.
func (v *visit) sliders(origin string, at rect, name string) {
	v.Helper()
	var names []string
	v.check(v.page.Eval(v.ctx, origin, "[...document.querySelectorAll('input')].map(i => i.name)", &names))
	for i, n := range names {
		element := fmt.Sprintf("document.querySelectorAll('input')[%d]", i)
		var share float64
		v.check(v.page.Eval(v.ctx, origin, fmt.Sprintf("(i => (i.value - i.min) / (i.max - i.min))(%s)", element), &share))
		r := v.where(origin, element)
		to := 0.85
		if share > 0.5 {
			to = 0.15
		}
		const thumb = 8 // half of it, in pixels
		place := func(share float64) [2]float64 { return [2]float64{r.X + thumb + share*(r.W-2*thumb), r.Y + r.H/2} }
		v.drag(origin, at, name+"-"+n, between(place(share), place(to), 24)...)
	}
}

// handles are where the handles of a page are.
func (v *visit) handles(origin string) (at [][2]float64) {
	v.Helper()
	v.check(v.page.Eval(v.ctx, origin, "JSON.parse(document.body.dataset.handles)", &at))
	return at
}

// done tells how long redraws took, and presses the page's button, after which a picture is there in its place.
func (v *visit) done(origin string, at rect, name string) {
	v.Helper()
	var took []float64
	v.check(v.page.Eval(v.ctx, origin, "JSON.parse(document.body.dataset.latencies || '[]')", &took))
	if len(took) == 0 {
		v.Errorf("%s: nothing was redrawn", name)
	} else {
		slices.Sort(took)
		v.Logf("%s: %d redraws, median %.0f ms, 95 %% within %.0f ms", name, len(took), took[len(took)/2], took[len(took)*95/100])
	}
	b := v.where(origin, "document.getElementById('done')").at(0.5, 0.5)
	v.check(v.page.Click(v.ctx, at.X+b[0], at.Y+b[1]))
	v.ended(name)
}

// ended waits until there is no page any more, and no cell runs.
func (v *visit) ended(name string) {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, 2*time.Minute)
	defer cancel()
	v.check(v.page.Until(ctx, v.lab, "!"+iframe))
	v.check(v.page.Until(ctx, v.lab, "![...document.querySelectorAll('.jp-InputArea-prompt')].some(p => p.textContent.includes('*'))"))
	var failed string
	v.check(v.page.Eval(v.ctx, v.lab, "[...document.querySelectorAll('.jp-RenderedText[data-mime-type*=stderr]')].map(e => e.textContent).join()", &failed))
	if failed != "" {
		v.Fatalf("%s: %s", name, failed)
	}
	m, err := v.page.Shot(v.ctx, image.Rectangle{})
	v.check(err)
	v.keep(name+"-left", m)
}

// In JupyterLab every widget follows a hand, and leaves a picture. It takes minutes: SAFEX_BROWSER=1 asks for it. SAFEX_SHOTS is a folder for screenshots,
// and SAFEX_FILM a file for a film of the rod that is dragged.
func TestBrowser(t *testing.T) {
	if os.Getenv("SAFEX_BROWSER") == "" {
		t.Skip("SAFEX_BROWSER=1 asks for it")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	page, err := browser.Open(ctx, 1120, 1250)
	if errors.Is(err, browser.ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	v := &visit{T: t, ctx: ctx, page: page, shot: os.Getenv("SAFEX_SHOTS")}
	if v.shot == "" {
		v.shot = t.TempDir()
	}
	v.check(os.MkdirAll(v.shot, 0o755))
	v.enter()
	prompt := v.where(v.lab, "document.querySelector('.jp-InputPrompt')").at(0.5, 0.5)
	v.check(page.Click(ctx, prompt[0], prompt[1]))
	v.check(page.ShiftEnter(ctx))

	origin, _ := v.open()
	v.check(v.until(origin, "document.getElementById('notes').textContent.includes('Episode 1, step')"))
	m, err := page.Shot(ctx, image.Rectangle{})
	v.check(err)
	v.keep("train", m)
	v.ended("train")

	origin, at := v.open()
	v.start(origin, at)
	v.sliders(origin, at, "start")
	v.done(origin, at, "start")

	origin, at = v.open()
	v.sliders(origin, at, "pessimism")
	v.done(origin, at, "pessimism")

	origin, at = v.open()
	for i, h := range v.handles(origin) {
		over := [2]float64{h[0] + 260, h[1] - 35}
		v.drag(origin, at, fmt.Sprint("eta-", i), append(between(h, [2]float64{h[0], h[1] - 35}, 6), between([2]float64{h[0], h[1] - 35}, over, 12)...)...)
	}
	v.sliders(origin, at, "eta")
	v.done(origin, at, "eta")

	origin, at = v.open()
	h := v.handles(origin)[0]
	v.drag(origin, at, "episode-along", between(h, [2]float64{h[0] + 200, h[1]}, 24)...)
	v.sliders(origin, at, "episode")
	v.done(origin, at, "episode")

	v.open()
	v.check(page.ShiftEnter(ctx)) // the last cell waits for one that nobody touches
	v.check(v.until(v.lab, "['As other cells waited', 'the last cell'].every(text => [...document.querySelectorAll('.jp-OutputArea-output')].some(o => o.textContent.includes(text)))"))
	v.ended("queued")
}

// enter opens the notebook in JupyterLab, with its kernel ready.
func (v *visit) enter() {
	v.Helper()
	log := io.Writer(io.Discard)
	if testing.Verbose() {
		log = os.Stderr
	}
	lab, err := jupyter.Find(".", log)
	v.check(err)
	v.check(lab.Prepare(v.ctx))
	const name = "my-test-of-widgets"
	path, run := filepath.Join(lab.Repo, "notebooks", name+".ipynb"), filepath.Join(lab.Repo, "notebooks", "runs", name)
	text, err := notebook(cells)
	v.check(err)
	v.check(os.RemoveAll(run))
	v.check(os.WriteFile(path, text, 0o644))
	serving, stop := context.WithCancel(v.ctx)
	ended := make(chan error, 1)
	links := make(chan string, 1)
	go func() {
		ended <- lab.Serve(serving, jupyter.Serving{IP: "127.0.0.1"}, func(link string) { links <- link })
	}()
	v.Cleanup(func() {
		stop()
		<-ended
		os.Remove(path)
		os.RemoveAll(run)
	})
	var link string
	select {
	case link = <-links:
	case err := <-ended:
		ended <- err
		v.check(err)
	}
	u, err := url.Parse(link)
	v.check(err)
	v.lab = "http://" + u.Host
	u.Path = "/lab/tree/" + name + ".ipynb"
	v.check(v.page.Go(v.ctx, u.String()))
	v.check(v.until(v.lab, "document.querySelector('.jp-Notebook .jp-Cell')"))
	v.check(v.until(v.lab, "fetch('/api/kernels').then(r => r.json()).then(all => { window.kernels = all; }) && window.kernels && window.kernels.some(k => k.connections > 0)"))
}

// start drags the rod half around, and films it if it is asked to.
func (v *visit) start(origin string, at rect) {
	v.Helper()
	h := v.handles(origin)[0]
	centre := v.where(origin, "document.getElementById('sketch')")
	c := [2]float64{centre.X + centre.W*1.25/4.3, centre.Y + centre.H/2}
	radius := math.Abs(c[1] - h[1])
	var way [][2]float64
	for i := range 40 {
		angle := 2.6 * float64(i) / 39 // from hanging, anticlockwise
		way = append(way, [2]float64{c[0] + radius*math.Sin(angle), c[1] + radius*math.Cos(angle)})
	}
	v.drag(origin, at, "start-angle", way...)
	film := os.Getenv("SAFEX_FILM")
	if film == "" {
		return
	}
	box := image.Rect(int(at.X), int(at.Y), int(at.X+at.W), int(at.Y+at.H))
	var frames []image.Image
	var round [][2]float64
	for i := range 48 {
		angle := 2.6 * (1 - float64(i)/47)
		round = append(round, [2]float64{at.X + c[0] + radius*math.Sin(angle), at.Y + c[1] + radius*math.Cos(angle)})
	}
	shoot := func() error {
		time.Sleep(60 * time.Millisecond)
		m, err := v.page.Shot(v.ctx, box)
		if err == nil {
			hand := round[1+len(frames)]
			frames = append(frames, pointed(m, int(hand[0])-box.Min.X, int(hand[1])-box.Min.Y))
		}
		return err
	}
	v.check(v.page.Drag(v.ctx, 0, shoot, round...))
	text, err := browser.Film(frames, 90*time.Millisecond)
	v.check(err)
	v.check(os.WriteFile(film, text, 0o644))
}

// pointed is a picture with the arrow of a mouse, which a browser without a window does not draw.
func pointed(m image.Image, x, y int) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, m.Bounds().Dx(), m.Bounds().Dy()))
	draw.Draw(out, out.Rect, m, m.Bounds().Min, draw.Src)
	const long = 18
	for j := range long {
		for i := range min(j*3/4, long-j+6) + 1 {
			c := color.White
			if i == 0 || i >= min(j*3/4, long-j+6)-1 || j >= long-2 {
				c = color.Black
			}
			out.Set(x+i, y+j, c)
		}
	}
	return out
}
