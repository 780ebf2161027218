package jupyter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// home is a home of a user who has nothing in it.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("JUPYTER_DATA_DIR", filepath.Join(dir, "jupyter"))
	return dir
}

// module is a folder with a module of its own, below which there is a package.
func module(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "below"), 0o755), os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A kernel is of the clone, or of the module that requires safex, that the user stands in; anywhere else says what to do.
func TestFindUser(t *testing.T) {
	ctx := context.Background()
	u, err := FindUser(ctx, ".", nil)
	if err != nil || u.Module != u.Repo || u.KernelName() != "gonb" {
		t.Errorf("in a clone: %+v, error %v", u, err)
	}
	dir := module(t, "module example.com/My+Arm/v2\n\ngo 1.27.3\n\nrequire "+Module+" v0.0.0\n\nreplace "+Module+" => "+u.Repo+"\n")
	own, err := FindUser(ctx, filepath.Join(dir, "below"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if at, _ := filepath.EvalSymlinks(dir); own.Repo != u.Repo || own.Module != dir && own.Module != at || own.Path != "example.com/My+Arm/v2" || own.KernelName() != "gonb-my-arm" {
		t.Errorf("in a module of %s: %+v, kernel %s", dir, own, own.KernelName())
	}
	for dir, want := range map[string]string{
		t.TempDir(): "is in no Go module: change into a clone of",
		module(t, "module example.com/arm\n\ngo 1.27.3\n"): "does not require " + Module,
		module(t, "module "+Module+"\n\ngo 1.27.3\n"):      "and not its source",
	} {
		if _, err := FindUser(ctx, dir, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("in %s: error %v, want %q", dir, err, want)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := FindUser(ctx, dir, nil); !errors.Is(err, errNoGo) {
		t.Errorf("without Go: error %v", err)
	}
}

// Where Jupyter looks is where a kernel goes to.
func TestUserData(t *testing.T) {
	dir := home(t)
	k, err := NamedKernel("gonb")
	if err != nil || k.Dir != filepath.Join(dir, "jupyter", "kernels", "gonb") {
		t.Errorf("%+v, error %v", k, err)
	}
	for _, name := range []string{"", "../gonb", "a b", "ä"} {
		if _, err := NamedKernel(name); err == nil || !strings.Contains(err.Error(), "no kernel can be called") {
			t.Errorf("%q: error %v", name, err)
		}
	}
}

// A kernel of somebody else is neither replaced nor removed, and one of ours is removed whole.
func TestOurs(t *testing.T) {
	home(t)
	k, err := NamedKernel("gonb")
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Uninstall(); err == nil || !strings.Contains(err.Error(), "there is no kernel gonb") {
		t.Errorf("error %v", err)
	}
	file := filepath.Join(k.Dir, "kernel.json")
	if err := writeJSON(file, map[string]any{"argv": []string{"gonb"}}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"install": (&User{}).Install(context.Background(), k), "uninstall": k.Uninstall()} {
		if err == nil || !strings.Contains(err.Error(), "safex did not write: choose another name with --name") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := writeJSON(file, kernel(k.Dir, "/go", "/arm", "Go")); err != nil {
		t.Fatal(err)
	}
	if err := k.Uninstall(); err != nil || exists(k.Dir) {
		t.Errorf("error %v, and it is there: %v", err, exists(k.Dir))
	}
}

// What Jupyter is told of a kernel: its programs, its Go first, the module, and nothing from the network.
func TestKernel(t *testing.T) {
	t.Setenv("GOMODCACHE", "/elsewhere")
	text, err := json.Marshal(kernel("/kernels/gonb", "/go", "/arm", "Go (safex)"))
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		Argv     []string
		Env      map[string]string
		Metadata map[string]string
	}
	if err := json.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(k.Argv, "-go_work=/arm") || k.Argv[0] != program("/kernels/gonb", "gonb") || k.Metadata[mark] != "/arm" {
		t.Errorf("it is started by %q, with %v", k.Argv, k.Metadata)
	}
	if first, _, _ := strings.Cut(k.Env["PATH"], string(filepath.ListSeparator)); first != filepath.Join("/go", "bin") || k.Env["GOPROXY"] != "off" || k.Env["GOEXPERIMENT"] != "simd" || k.Env["GOMODCACHE"] != "/elsewhere" {
		t.Errorf("its environment is %v", k.Env)
	}
}

// A user who has nothing but Go gets a kernel of their module, in their home: its programs run, and Jupyter finds it. A module that is
// not tidy is left as it is.
func TestInstall(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the kernel")
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} { // which are below the home otherwise
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, strings.TrimSpace(string(out)))
	}
	clone, err := Find(".", nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := module(t, "module example.com/arm\n\ngo 1.27.3\n\nrequire "+Module+" v0.0.0\n\nreplace "+Module+" => "+clone.Repo+"\n")
	user := t.TempDir()
	t.Setenv("HOME", user)
	t.Setenv("JUPYTER_DATA_DIR", "")
	t.Setenv("XDG_DATA_HOME", "")
	var said bytes.Buffer
	u, err := FindUser(context.Background(), dir, &said)
	if err != nil {
		t.Fatal(err)
	}
	k, err := NamedKernel(u.KernelName())
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Install(context.Background(), k); err != nil {
		if strings.Contains(err.Error(), "dial tcp") || strings.Contains(err.Error(), "module lookup disabled") {
			t.Skip("the modules of the kernel are not here, and there is no network")
		}
		t.Fatal(err)
	}
	if !strings.HasPrefix(k.Dir, user) || filepath.Base(k.Dir) != "gonb-arm" || !strings.Contains(said.String(), "ready after") {
		t.Errorf("it is in %s; it said %s", k.Dir, &said)
	}
	text, err := os.ReadFile(filepath.Join(k.Dir, "kernel.json"))
	var spec struct {
		Argv []string
		Name string `json:"display_name"`
	}
	if err := errors.Join(err, json.Unmarshal(text, &spec)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(spec.Argv[0], "-V").CombinedOutput(); err != nil || !exists(program(k.Dir, "goimports")) || spec.Name != "Go (safex, example.com/arm)" {
		t.Errorf("%s, %v: %v: %s", spec.Name, spec.Argv, err, out)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("in the module are %v, error %v", left, err)
	}
	if err := k.Uninstall(); err != nil || exists(k.Dir) {
		t.Errorf("it cannot be removed: %v", err)
	}
}
