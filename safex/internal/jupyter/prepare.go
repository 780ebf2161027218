// Package jupyter makes what the notebooks need, the Go kernel of go.mod and JupyterLab in a private
// virtual environment, all inside the repository's folder .safex, and starts them.
package jupyter

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/rischiboy/safe_exploration/safex/internal/disk"
)

// Module is the module whose notebooks are served.
const Module = "github.com/rischiboy/safe_exploration"

// requirements are the packages of JupyterLab, exactly, a line each. The Dockerfile installs the same.
//
//go:embed requirements.txt
var requirements string

// Toolchain and experiment of every kernel, whatever the command was started with.
const toolchain, experiment, buildFlags = "go1.27.3", "simd", "-ldflags=-w -buildvcs=false"

// kernelName is what the notebooks of safex ask for.
const kernelName = "gonb"

// tools are the kernel, and what finds the imports of a cell for it.
var tools = [2]string{"github.com/janpfeifer/gonb", "golang.org/x/tools/cmd/goimports"}

// A Lab is a clone of the repository with what its notebooks need.
type Lab struct {
	Repo string    // top folder of the clone, absolute
	Log  io.Writer // progress, a line a step
	mu   sync.Mutex
}

// Find returns the Lab of the clone that dir is in.
func Find(dir string, log io.Writer) (*Lab, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("jupyter: %w", err)
	}
	for at := start; ; at = filepath.Dir(at) {
		mod, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module "+Module+"\n") && exists(filepath.Join(at, "safex")) { // a go.mod may lie alone
			return &Lab{Repo: at, Log: log}, nil
		}
		if at == filepath.Dir(at) {
			return nil, fmt.Errorf("jupyter: %s is not inside a clone of %s: change into one first", start, Module)
		}
	}
}

func (l *Lab) dot(parts ...string) string {
	return filepath.Join(append([]string{l.Repo, ".safex"}, parts...)...)
}

// Prepare makes everything that is not there yet. Independent steps run side by side. A step that was
// done before for the same versions is skipped.
func (l *Lab) Prepare(ctx context.Context) error {
	if err := os.MkdirAll(l.dot(), 0o755); err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	goroot, err := l.goroot(ctx)
	if err != nil {
		return err
	}
	env := append(os.Environ(), "GOTOOLCHAIN="+toolchain, "GOEXPERIMENT="+experiment)
	sum, err := os.ReadFile(filepath.Join(l.Repo, "go.sum"))
	if err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	versions := hash(sum, []byte(toolchain+experiment+buildFlags+runtime.GOARCH))

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	start := func(name, stamp string, done func() bool, do func() error) {
		wait.Go(func() {
			if err := l.step(name, stamp, done, do); err != nil {
				cancel(err)
			}
		})
	}
	bin := l.dot("bin")
	start("Go kernel for Jupyter", versions, func() bool { return exists(l.tool("gonb")) && exists(l.tool("goimports")) }, func() error {
		return l.command(ctx, l.Repo, env, program(filepath.Join(goroot, "bin"), "go"), "build", "-o", bin+string(filepath.Separator), tools[0], tools[1])
	})
	start("JupyterLab", strings.TrimSpace(requirements), func() bool { return l.works(ctx) }, func() error {
		return l.virtualEnvironment(ctx)
	})
	start("libraries of the notebooks", versions, func() bool { return true }, func() error {
		dir, err := os.MkdirTemp(l.dot(), "warm-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		return l.warm(ctx, goroot, dir, l.Repo, append(env, "GOFLAGS="+buildFlags))
	})
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return l.configure(goroot)
}

// works tells whether the virtual environment runs: not if it is incomplete, or its Python is gone or another.
func (l *Lab) works(ctx context.Context) bool {
	const there = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('jupyterlab', 'nbclient', 'nbconvert'))))" // to import them takes a second
	return exists(l.jupyter()) && exec.CommandContext(ctx, l.script("python3"), "-c", there).Run() == nil
}

// step does a step unless its stamp says that it was done, in this place: the programs of a virtual
// environment name their folder, and do not start in a clone that was moved.
func (l *Lab) step(name, stamp string, done func() bool, do func() error) error {
	path := l.dot("done-" + strings.ReplaceAll(name, " ", "-"))
	stamp += " in " + l.Repo
	if old, err := os.ReadFile(path); err == nil {
		if strings.TrimSpace(string(old)) == stamp && done() {
			return nil
		}
		l.print("%s: what is there is incomplete, or of another place or version, and is made again", name)
	}
	began := time.Now()
	l.print("%s: making it ready …", name)
	if err := do(); err != nil {
		return fmt.Errorf("jupyter: %s: %w", name, err)
	}
	l.print("%s: ready after %.0f s", name, time.Since(began).Seconds())
	return disk.Write(path, []byte(stamp))
}

func (l *Lab) print(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.Log, format+"\n", args...)
}

// command runs a program and, if it fails, returns the end of what it printed.
func (l *Lab) command(ctx context.Context, dir string, env []string, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.WaitDelay = 10 * time.Second // a kernel that is left behind holds on to its output
	c.Dir, c.Env = dir, env
	out, err := c.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%s %s: %w: %s", name, args[0], err, end(string(out)))
}

// end is the end of what a program printed.
func end(text string) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-2000):]
}

var errNoGo = errors.New("jupyter: there is no go command: install Go 1.21 or newer from https://go.dev/dl")

// goroot is where the Go of the kernels lives.
func (l *Lab) goroot(ctx context.Context) (string, error) {
	c := exec.CommandContext(ctx, "go", "env", "GOROOT")
	c.Dir, c.Env = l.Repo, append(os.Environ(), "GOTOOLCHAIN="+toolchain, "GOEXPERIMENT=") // Go 1.24 crashes on one that it does not know
	out, err := c.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errNoGo
	}
	if err != nil {
		return "", fmt.Errorf("jupyter: go env GOROOT with GOTOOLCHAIN=%s: %w", toolchain, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// virtualEnvironment installs JupyterLab beside the user's own Python packages.
func (l *Lab) virtualEnvironment(ctx context.Context) error {
	const instead = "or use the notebooks in Docker: docker build -t safex . and what the README says of it"
	python, err := exec.LookPath("python3")
	if err != nil {
		return fmt.Errorf("there is no python3: install Python 3.10 or newer (on Debian and Ubuntu: apt install python3-venv), %s", instead)
	}
	if err := l.command(ctx, l.Repo, os.Environ(), python, "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s is older than 3.10 or has no venv: install it (on Debian and Ubuntu: apt install python3-venv), %s", python, instead)
	}
	if err := l.command(ctx, l.Repo, os.Environ(), python, "-m", "venv", "--clear", l.dot("venv")); err != nil {
		return err
	}
	pip := append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, strings.Fields(requirements)...)
	return l.command(ctx, l.Repo, os.Environ(), l.script("python3"), pip...)
}

// warm builds in an empty folder, once and with the network on, what a cell builds: in a workspace with a module, which needs the
// go.mod files of the whole module graph.
func (l *Lab) warm(ctx context.Context, goroot, dir, module string, env []string) error {
	var src strings.Builder
	src.WriteString("package main\n\nimport (\n")
	libraries, err := l.libraries()
	if err != nil {
		return err
	}
	for _, p := range libraries {
		fmt.Fprintf(&src, "\t_ %q\n", p)
	}
	src.WriteString(")\n\nfunc main() {}\n")
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(src.String()), 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{{"mod", "init", "warm"}, {"work", "init", ".", module}, {"build", "-o", os.DevNull, "."}} {
		if err := l.command(ctx, dir, env, program(filepath.Join(goroot, "bin"), "go"), args...); err != nil {
			return err
		}
	}
	return nil
}

// libraries are the packages of this module that a cell can import.
func (l *Lab) libraries() (paths []string, err error) {
	err = filepath.WalkDir(filepath.Join(l.Repo, "safex"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		switch d.Name() {
		case "internal", "cmd", "testdata":
			return fs.SkipDir
		}
		at, err := filepath.Rel(l.Repo, path)
		if err != nil {
			return err
		}
		pkg, err := build.ImportDir(path, 0)
		if err == nil && len(pkg.GoFiles) > 0 && !strings.HasSuffix(pkg.Name, "test") { // those are for tests
			paths = append(paths, Module+"/"+filepath.ToSlash(at))
		}
		return nil
	})
	return paths, err
}

// configure writes the kernel and JupyterLab's settings.
func (l *Lab) configure(goroot string) error {
	err := writeJSON(l.dot("jupyter", "kernels", kernelName, "kernel.json"), kernel(l.dot("bin"), goroot, l.Repo, "Go (safex)"))
	if err != nil {
		return err
	}
	return writeJSON(l.dot("config", "labconfig", "page_config.json"), map[string]any{
		"disabledExtensions": map[string]bool{"@jupyterlab/apputils-extension:announcements": true},
	})
}

// kernel says how Jupyter starts the kernel whose programs are in the folder bin, with the Go of goroot and the module in a folder.
func kernel(bin, goroot, module, display string) map[string]any {
	env := map[string]string{
		"PATH":   strings.Join([]string{filepath.Join(goroot, "bin"), bin, os.Getenv("PATH")}, string(filepath.ListSeparator)),
		"GOROOT": goroot, "GOTOOLCHAIN": "local", "GOEXPERIMENT": experiment, "GOPROXY": "off", "GOFLAGS": buildFlags,
	}
	for _, name := range []string{"GOMODCACHE", "GOCACHE", "CGO_ENABLED"} {
		if v := os.Getenv(name); v != "" {
			env[name] = v
		}
	}
	return map[string]any{
		"argv":         []string{program(bin, "gonb"), "--kernel", "{connection_file}", "-raw_error=true", "-go_work=" + module},
		"display_name": display, "language": "go", "interrupt_mode": "message", "env": env, "metadata": map[string]any{mark: module},
	}
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", " ")
	if err == nil {
		err = disk.Write(path, text)
	}
	if err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	return nil
}

func (l *Lab) tool(name string) string { return program(l.dot("bin"), name) }

// program is the file of a program in a folder.
func program(dir, name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, name)
}

// script is a program of the virtual environment.
func (l *Lab) script(name string) string {
	if runtime.GOOS == "windows" {
		return l.dot("venv", "Scripts", strings.TrimSuffix(name, "3")+".exe")
	}
	return l.dot("venv", "bin", name)
}

func (l *Lab) jupyter() string { return l.script("jupyter") }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func hash(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
