package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// written are the files for others below a run folder, without their times and ids.
func written(t *testing.T, dir string) (events, offline int) {
	t.Helper()
	e, _ := filepath.Glob(filepath.Join(dir, "tensorboard", "events.out.tfevents.*"))
	o, _ := filepath.Glob(filepath.Join(dir, "wandb", "offline-run-*", "run-*.wandb"))
	return len(e), len(o)
}

func TestTrack(t *testing.T) {
	root := t.TempDir()
	a, b := filepath.Join(root, "a"), filepath.Join(root, "deep", "b")
	if _, errs, err := do(nil, train(a, "--tensorboard", "--wandb")...); err != nil || strings.Contains(errs, "not tracked") {
		t.Fatalf("%v: %s", err, errs)
	}
	if events, offline := written(t, a); events != 2 || offline != 1 {
		t.Errorf("%d event files and %d offline runs while it ran", events, offline)
	}
	if _, _, err := do(nil, train(b)...); err != nil {
		t.Fatal(err)
	}
	if events, offline := written(t, b); events != 0 || offline != 0 {
		t.Errorf("%d event files and %d offline runs that nobody asked for", events, offline)
	}
	if out, _, err := do(nil, "track", root, "--wandb=other"); err != nil || out != a+": 2 episodes\n"+b+": 2 episodes\n" {
		t.Errorf("error %v, said\n%s", err, out)
	}
	if events, offline := written(t, b); events != 0 || offline != 1 {
		t.Errorf("%d event files and %d offline runs afterwards", events, offline)
	}
	if _, _, err := do(nil, "resume", b, "--tensorboard"); err != nil {
		t.Fatal(err)
	}
	if events, _ := written(t, b); events != 2 {
		t.Errorf("%d event files after resume of a complete run", events)
	}
	// One that cannot be written is said, and the others are.
	if err := os.RemoveAll(filepath.Join(b, "tensorboard")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a, "steps.csv"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, errs, err := do(nil, "track", a, b, "--tensorboard")
	if err == nil || err.Error() != "1 of 2 runs were not written, for the reasons above" || !strings.Contains(errs, "steps.csv does not begin with the header") || out != b+": 2 episodes\n" {
		t.Errorf("error %v, said %s and %s", err, out, errs)
	}
	if events, _ := written(t, b); events != 2 {
		t.Errorf("%d event files of the sound run", events)
	}
}

// Trouble with what is written for others does not stop a run, and the line that it says can be copied.
func TestTrackTrouble(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "my run")
	if _, _, err := do(nil, train(dir)...); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "wandb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	out, errs, err := do(nil, "resume", dir, "--wandb=my project")
	if err != nil || !strings.Contains(out, "0 of 18 steps beyond a limit") || strings.Count(errs, "not tracked") != 1 || !strings.Contains(errs, "track '"+dir+"' --wandb='my project'") {
		t.Errorf("error %v, said %s and %s", err, out, errs)
	}
}

func TestTrackErrors(t *testing.T) {
	empty := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"track"}, "track takes run folders and --tensorboard, --wandb or both"},
		{[]string{"track", empty}, "track takes run folders and --tensorboard, --wandb or both"},
		{[]string{"track", empty, "--tensorboard"}, "is no run folder, and has none below it"},
		{[]string{"track", filepath.Join(empty, "none"), "--tensorboard"}, "no such file"},
		{[]string{"track", empty, "--wandb=a/b"}, `project "a/b": Weights & Biases takes no name`},
		{[]string{"train", "pendulum", "--wandb=a:b", "--out", filepath.Join(empty, "run")}, `project "a:b": Weights & Biases takes no name`},
		{[]string{"resume", empty, "--wandb=a?b"}, `project "a?b": Weights & Biases takes no name`},
	} {
		_, _, err := do(strings.NewReader(""), c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(sentence(err), "\n") {
			t.Errorf("safex %s: error %v, want one line with %q", strings.Join(c.args, " "), err, c.want)
		}
	}
	if left, _ := os.ReadDir(empty); len(left) != 0 {
		t.Errorf("left behind %v", left)
	}
}
