package gx_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/gx"
)

// What cannot be used says what could, and leaves the backend that was in use.
func TestUseRefuses(t *testing.T) {
	asked, err := gx.Use("go")
	if err != nil {
		t.Fatal(err)
	}
	defer gx.Use(asked)
	backend, err := gx.Backend()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range refused {
		if _, err := gx.Use(name); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want a sentence with %q", name, err, want)
		}
		if now, err := gx.Backend(); now != backend || err != nil {
			t.Fatalf("%q left another backend: %v, %v", name, now, err)
		}
	}
}

// The pure-Go backend is in every build, once, and Use goes there and back.
func TestUse(t *testing.T) {
	asked, err := gx.Use("go")
	if err != nil {
		t.Fatal(err)
	}
	defer gx.Use(asked)
	first, err := gx.Backend()
	if err != nil {
		t.Fatal(err)
	}
	if name, err := gx.Name(); name != "go" || err != nil {
		t.Errorf("the name of go is %q, %v", name, err)
	}
	if before, err := gx.Use("go"); before != "go" || err != nil {
		t.Errorf("before go there was %q, %v", before, err)
	}
	if again, err := gx.Backend(); again != first || err != nil {
		t.Errorf("go is %v, and was %v: %v", again, first, err)
	}
}

// The lone backend has no workers, whatever the others have.
func TestLone(t *testing.T) {
	asked, err := gx.Use("go")
	if err != nil {
		t.Fatal(err)
	}
	defer gx.Use(asked)
	lone, err := gx.LoneBackend()
	if err != nil {
		t.Fatal(err)
	}
	training, err := gx.TrainingBackend()
	if err != nil {
		t.Fatal(err)
	}
	if none := "parallelism=0"; !strings.Contains(lone.Description(), none) || strings.Contains(training.Description(), none) {
		t.Errorf("the lone backend is %s, and that of training %s", lone.Description(), training.Description())
	}
}

// The environment chooses the backend of a process, and a name that is none is an error at the first use.
func TestEnvironmentChooses(t *testing.T) {
	if os.Getenv("GX_TELL") != "" {
		fmt.Println(gx.Name())
		return
	}
	for asked, want := range map[string]string{"go": "go <nil>\n", "gpu": `gpu gx: SAFEX_BACKEND: there is no "gpu": want go, xla, xla:NAME or xla:/path/to/plugin.so` + "\n"} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestEnvironmentChooses$")
		cmd.Env = append(os.Environ(), "GX_TELL=1", gx.Variable+"="+asked)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s=%s: %s %v", gx.Variable, asked, out, err)
		}
	}
}
