package jupyter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// A Kernel is what Jupyter runs Go cells with, installed for the user: the notebooks of every folder can have it.
type Kernel struct {
	Name string // that a notebook asks for
	Dir  string // that holds it, in Jupyter's folder of the user
}

// mark is who wrote a kernel, in its metadata, with the folder of its module: no other is replaced or removed.
const mark = "safex"

// NamedKernel is the user's kernel of a name, there or not.
func NamedKernel(name string) (Kernel, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(name) {
		return Kernel{}, fmt.Errorf("jupyter: no kernel can be called %q: want letters of ASCII, digits, dots, hyphens and underscores", name)
	}
	data, err := userData()
	if err != nil {
		return Kernel{}, err
	}
	return Kernel{name, filepath.Join(data, "kernels", name)}, nil
}

// userData is the folder of the user that every Jupyter of theirs looks into.
func userData() (string, error) {
	if d := os.Getenv("JUPYTER_DATA_DIR"); d != "" {
		return d, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("jupyter: %w: set it, or JUPYTER_DATA_DIR", err)
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Jupyter"), nil
	case "windows":
		return filepath.Join(cmp.Or(os.Getenv("APPDATA"), filepath.Join(home, "AppData", "Roaming")), "jupyter"), nil
	}
	return filepath.Join(cmp.Or(os.Getenv("XDG_DATA_HOME"), filepath.Join(home, ".local", "share")), "jupyter"), nil
}

// ours tells whether the kernel can be replaced: if safex wrote it, or if there is none. It is an error if somebody else did.
func (k Kernel) ours() (there bool, err error) {
	text, err := os.ReadFile(filepath.Join(k.Dir, "kernel.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	var spec struct {
		Metadata map[string]any `json:"metadata"`
	}
	if err == nil {
		err = json.Unmarshal(text, &spec)
	}
	if err != nil {
		return true, fmt.Errorf("jupyter: %s: %w", k.Dir, err)
	}
	if spec.Metadata[mark] == nil {
		return true, fmt.Errorf("jupyter: %s holds a kernel %s that safex did not write: choose another name with --name", k.Dir, k.Name)
	}
	return true, nil
}

// Uninstall removes a kernel that Install wrote.
func (k Kernel) Uninstall() error {
	there, err := k.ours()
	if err == nil && !there {
		err = fmt.Errorf("jupyter: there is no kernel %s in %s", k.Name, filepath.Dir(k.Dir))
	}
	if err != nil {
		return err
	}
	if err := os.RemoveAll(k.Dir); err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	return nil
}

// A User is a module whose packages cells of an installed kernel import, besides those of safex: a clone of safex, or a module that
// requires it.
type User struct {
	Lab           // of the source of safex
	Module string // folder of the module, absolute
	Path   string // of the module
}

// FindUser returns the module that dir is in.
func FindUser(ctx context.Context, dir string, log io.Writer) (*User, error) {
	if l, err := Find(dir, log); err == nil {
		return &User{Lab: Lab{Repo: l.Repo, Log: log}, Module: l.Repo, Path: Module}, nil
	}
	ask := func(args ...string) (string, error) {
		c := exec.CommandContext(ctx, "go", args...)
		c.Dir, c.Env = dir, append(os.Environ(), "GOTOOLCHAIN="+toolchain, "GOEXPERIMENT=")
		out, err := c.Output()
		return strings.TrimSpace(string(out)), err
	}
	mod, err := ask("env", "GOMOD")
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errNoGo
	}
	at, _ := filepath.Abs(dir)
	if err != nil || mod == "" || mod == os.DevNull {
		return nil, fmt.Errorf("jupyter: %s is in no Go module: change into a clone of %s, or into a module that requires it", at, Module)
	}
	u := &User{Lab: Lab{Log: log}, Module: filepath.Dir(mod)}
	if u.Repo, err = ask("list", "-m", "-f", "{{.Dir}}", Module); err != nil || u.Repo == "" {
		return nil, fmt.Errorf("jupyter: the module of %s does not require %s, or has not downloaded it: import a package of safex and run go mod tidy", at, Module)
	}
	if u.Path, err = ask("list", "-m"); err != nil {
		return nil, fmt.Errorf("jupyter: go list -m in %s: %w", at, err)
	}
	if u.Path == Module { // Find would have found a whole one
		return nil, fmt.Errorf("jupyter: %s has the go.mod of %s and not its source: change into a whole clone", u.Module, Module)
	}
	return u, nil
}

// KernelName is what the kernel of the module is called by itself: of a clone of safex what its notebooks ask for, of another module
// that with the last part of the module's path.
func (u *User) KernelName() string {
	if u.Path == Module {
		return kernelName
	}
	base := path.Base(u.Path)
	if regexp.MustCompile(`^v[0-9]+$`).MatchString(base) {
		base = path.Base(path.Dir(u.Path))
	}
	return kernelName + "-" + strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(base, "-"))
}

// Install makes the kernel of the module, with the network on, and leaves it where every Jupyter of the user finds it. The kernel uses
// the module where it is now, and nothing else of safex.
func (u *User) Install(ctx context.Context, k Kernel) error {
	if _, err := k.ours(); err != nil {
		return err
	}
	goroot, err := u.goroot(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(k.Dir, 0o755); err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	began := time.Now()
	u.print("kernel %s: making it ready …", k.Name)
	dir, err := os.MkdirTemp("", "safex-install-")
	if err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	defer os.RemoveAll(dir)
	env := append(os.Environ(), "GOTOOLCHAIN="+toolchain, "GOEXPERIMENT="+experiment, "GOFLAGS="+buildFlags)
	if err := u.warm(ctx, goroot, dir, u.Module, env); err != nil {
		return fmt.Errorf("jupyter: kernel %s: %w", k.Name, err)
	}
	if err := u.command(ctx, u.Repo, env, program(filepath.Join(goroot, "bin"), "go"), "build", "-o", k.Dir+string(filepath.Separator), tools[0], tools[1]); err != nil {
		return fmt.Errorf("jupyter: kernel %s: %w", k.Name, err)
	}
	display := "Go (safex)"
	if u.Path != Module {
		display = "Go (safex, " + u.Path + ")"
	}
	if err := writeJSON(filepath.Join(k.Dir, "kernel.json"), kernel(k.Dir, goroot, u.Module, display)); err != nil {
		return err
	}
	u.print("kernel %s: ready after %.0f s, in %s", k.Name, time.Since(began).Seconds(), k.Dir)
	return nil
}
