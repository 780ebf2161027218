package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"
)

// The figures in notebooks/figures are what the files in notebooks/results give, to the byte on the processors that CI has. Others round
// products with additions once, and may differ by a shade in 255. The figures of notebooks are not among them.
func TestCommittedFigures(t *testing.T) {
	t.Chdir("../..")
	dir := t.TempDir()
	out, _, err := do(nil, "figures", "--out", dir)
	if err != nil {
		t.Fatal(err)
	}
	const filter = "notebooks/results/filter/"
	for _, args := range [][]string{ // of pages that say so
		{filter + "filter.json", "--only", "filtered", "--out", dir},
		{filter + "frontier.json", "--only", "frontier", "--out", dir},
		{filter + "actsafe.json", filter + "actsafe-peers.json", "--only", "evaluation", "--out", dir},
		{filter + "members.json", "--only", "tasks", "--out", filepath.Join(dir, "members")},
		{filter + "plants.json", "--only", "tasks", "--out", filepath.Join(dir, "plants")},
		{filter + "baselines.json", "--only", "learning", "--out", filepath.Join(dir, "baselines")},
		{"notebooks/results/speed/peers.json", "--out", dir},
		{filter + "safempc.json", filter + "safempc-exact.json", filter + "safempc-peers.json", "--only", "fallback", "--out", dir},
		{filter + "hucrl.json", filter + "hucrl-free.json", "--only", "returns", "--out", dir},
	} {
		more, _, err := do(nil, append([]string{"figures"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		out += more
	}
	paths := strings.Fields(out)
	for _, name := range []string{"scale.png", "control.png", "control-horizon.png", "control-speed.png", "coverage.png", "gap.png", "filtered.png", "peers.png"} {
		if !slices.Contains(paths, filepath.Join(dir, name)) {
			t.Errorf("%s was not drawn: %q", name, paths)
		}
	}
	for _, path := range paths {
		fresh, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(filepath.Join(drawn, name))
		same := bytes.Equal(fresh, kept)
		if runtime.GOARCH != "amd64" && !same && err == nil {
			same, err = cmpimg.EqualApprox("png", fresh, kept, 0.01)
		}
		if err != nil || !same {
			t.Errorf("%s is not what the results give (error %v): draw it again by safex figures, as its page says, and look at it", name, err)
		}
	}
}

// The same folder gives the figures that there are, in the folder and the format that are asked for.
func TestFigures(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, _, err := do(nil, train(dir)...); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "figures", "learning.png")
	before, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	// Those of a folder of runs are in it, and those of a run too, where they are not among its own: nothing is left where one works.
	study := filepath.Join(t.TempDir(), "study")
	if err := os.Mkdir(study, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(study, "run"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if out, _, err := do(nil, "figures", study, "--only", "learning"); err != nil || strings.TrimSpace(out) != filepath.Join(study, "figures", "learning.png") {
		t.Errorf("drew %q, error %v", out, err)
	}
	here := t.TempDir()
	t.Chdir(here)
	out, _, err := do(nil, "figures", dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range []string{"learning", "histogram", "violations"} {
		want = append(want, filepath.Join(dir, "drawn", name+".png"))
	}
	if left, err := os.ReadDir(here); err != nil || len(left) > 0 {
		t.Errorf("it left %v in the working folder, error %v", left, err)
	}
	if after, err := os.ReadFile(own); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the figure of the run itself is another one, error %v", err)
	}
	if got := strings.Split(strings.TrimSpace(out), "\n"); !slices.Equal(got, want) {
		t.Errorf("drew %q, want %q", got, want)
	}
	file, other := filepath.Join(filepath.Dir(dir), "one.json"), t.TempDir()
	if _, _, err := do(nil, "report", dir, "--save", file); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		file string
	}{
		{[]string{file, "--only", "learning", "--format", "svg", "--band", "minmax"}, "learning.svg"},
		{[]string{file, "--only", "violations,histogram"}, "histogram.png"},
		{[]string{dir, "--only", "episode", "--episode", "0"}, "episode.png"},
		{[]string{dir, "--only", "learning", "--episode", "1", "--format", "pdf"}, "episode.pdf"},
		{[]string{dir, "--episode", "1", "--format", "svg"}, "episode.svg"},
	} {
		if _, _, err := do(nil, append([]string{"figures", "--out", other}, c.args...)...); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(other, c.file)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v, error %v", c.file, info, err)
		}
	}
	// A learning curve from the file is that from the folder.
	if _, _, err := do(nil, "figures", file, "--out", other); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(want[0])
	b, err := os.ReadFile(filepath.Join(other, "learning.png"))
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("the file gives another figure than the folder, error %v", err)
	}
	t.Chdir(t.TempDir())
	if err := os.CopyFS("run", os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	t.Chdir("run")
	if out, _, err := do(nil, "figures", ".", "--only", "learning"); err != nil || strings.TrimSpace(out) != filepath.Join("drawn", "learning.png") {
		t.Errorf("in the folder of the run: drew %q, error %v", out, err)
	}
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "there is no notebooks/results/*.json here"},
		{[]string{"nowhere"}, `there is no "nowhere"`},
		{[]string{"."}, "holds no run"},
		{[]string{dir, "--only", "lerning"}, `there is no figure "lerning": did you mean learning?`},
		{[]string{dir, "--only", "beta"}, "there is no variant beta-…"},
		{[]string{dir, "--only", "episode", "--episode", "7"}, "has no episode 7: it has 0 to 1"},
		{[]string{dir, "--episode", "-3"}, "episode -3: want 0"},
		{[]string{dir, "--format", "gif"}, `there is no format "gif"`},
		{[]string{dir, "--out", filepath.Join(dir, "figures")}, "name another folder with --out"},
		{[]string{dir, "--band", "sd"}, `there is no band "sd"`},
		{[]string{dir, "--reached", "much"}, `reached "much": want a return or a share`},
		{[]string{file, "--only", "episode"}, "figure episode is of one run folder"},
		{[]string{dir, "--only", "learning", "--out", filepath.Join(file, "x")}, "not a directory"},
	} {
		if _, _, err := do(nil, append([]string{"figures"}, c.args...)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("safex figures %s: error %v, want %q", strings.Join(c.args, " "), err, c.want)
		}
	}
}
