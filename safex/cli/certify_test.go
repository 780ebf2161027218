package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/certify"
)

// The plans of a run are certified, in a table with what it means or in JSON; a rollout outside of its tube makes the command fail after
// it has printed.
func TestCertify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, _, err := do(nil, train(dir, "--calibrate", "none")...); err != nil {
		t.Fatal(err)
	}
	out, errs, err := do(nil, "certify", dir, "--adversary", "vertices", "--adversary", "sign-gradient")
	if err != nil || !strings.Contains(out, "\n| 1 | 2 | ") || !strings.Contains(out, " of 8 executed steps.") || !strings.Contains(out, "a plan that vertices or sign-gradient does not break") {
		t.Errorf("error %v, printed\n%s", err, out)
	}
	if !strings.Contains(errs, "certifying 8 plans of episode 1;") {
		t.Errorf("printed to standard error\n%s", errs)
	}
	out, _, err = do(nil, "certify", dir, "--all", "--beta", "0.5", "--noise", "0,0,1e-4", "--rollouts", "8", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 1 {
		t.Fatalf("error %v, printed\n%s", err, out)
	}
	for key, want := range map[string]float64{"episode": 1, "plans": 8, "escapes": 0, "beta": 0.5} {
		if rows[0][key] != want {
			t.Errorf("%s is %v, want %v", key, rows[0][key], want)
		}
	}

	here := t.TempDir()
	for _, c := range []struct {
		args []string
		file string
		want string // begins with
	}{
		{[]string{"--figure", "tube.png"}, "tube.png", "\x89PNG"},
		{[]string{"--figure", "new/tube.svg", "--step", "3", "--json"}, "new/tube.svg", "<?xml"},
		{[]string{"--kernels", "kernels.pdf"}, "kernels.pdf", "%PDF"},
	} {
		for i := range c.args {
			if c.args[i] == c.file {
				c.args[i] = filepath.Join(here, c.file)
			}
		}
		_, errs, err := do(nil, append([]string{"certify", dir}, c.args...)...)
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(filepath.Join(here, c.file))
		if err != nil || !strings.HasPrefix(string(file), c.want) || !strings.HasSuffix(errs, "drew "+filepath.Join(here, c.file)+"\n") {
			t.Errorf("%v: error %v, %d bytes, printed\n%s", c.args, err, len(file), errs)
		}
	}

	a := certify.Default()
	a.Adversaries = []string{"vertices"}
	c, err := a.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range c.Run(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	c.Proofs[2].Escapes = 3
	c.Escape = &certify.Escape{Episode: 1, Step: 2, After: 4, Of: "omega", By: 0.5, Unit: "rad/s"}
	for _, asJSON := range []bool{false, true} {
		var printed bytes.Buffer
		command := certifyCommand()
		command.SetOut(&printed)
		err := proved(command, c, asJSON)
		if err == nil || !strings.Contains(err.Error(), "left their tube: 3, ") || !strings.Contains(err.Error(), "step 2 of episode 1, after 4 of its steps, omega is beyond its bound by 0.5 rad/s") {
			t.Errorf("error %v", err)
		}
		if want := map[bool]string{false: " | 3 |\n", true: `"escapes":3`}[asJSON]; !strings.Contains(printed.String(), want) {
			t.Errorf("no %q in\n%s", want, &printed)
		}
	}

	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "certify takes one RUN"},
		{[]string{dir, "--all", "--episode", "1"}, "exclude each other"},
		{[]string{dir, "--noise", "1,2"}, "has 2 numbers"},
		{[]string{dir, "--step", "3"}, "--step is that of the plan that --figure draws"},
		{[]string{dir, "--step", "-1", "--figure", "a.png"}, "--step is that of the plan that --figure draws"},
		{[]string{dir, "--step", "8", "--figure", "a.png"}, "episode 1 has no step 8: it has 0 to 7"},
		{[]string{dir, "--figure", "tube.gif"}, "tube.gif is no name for a figure: want one that ends in .png, .svg or .pdf"},
		{[]string{dir, "--kernels", "kernels"}, "kernels is no name for a figure"},
		{[]string{dir, "--episode", "2"}, "episode 2 is none of the planned ones"},
	} {
		if _, _, err := do(nil, append([]string{"certify"}, c.args...)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}
