package jupyter

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/renameio/v2"

	"github.com/rischiboy/safe_exploration/safex/internal/group"
)

// environment is that of JupyterLab: it reads and writes nothing of the user's own Jupyter.
func (l *Lab) environment() []string {
	return append(os.Environ(),
		"JUPYTER_PATH="+l.dot("jupyter"), "JUPYTER_CONFIG_DIR="+l.dot("config"), "JUPYTER_RUNTIME_DIR="+l.dot("runtime"),
		"JUPYTER_DATA_DIR="+l.dot("data"), "IPYTHONDIR="+l.dot("ipython"))
}

// A Serving is how JupyterLab is started.
type Serving struct {
	Port    int    // 0 is the first free one from 8888 on
	IP      string // to listen on
	Token   string // that the link must carry; "" draws one
	Browser bool   // open one
}

// Serve runs JupyterLab on the reader's copies of the notebooks until ctx is cancelled. ready is told the link once it answers.
func (l *Lab) Serve(ctx context.Context, s Serving, ready func(link string)) error {
	if err := l.Copies(); err != nil {
		return err
	}
	const first = "/lab/tree/" + own + "pendulum.ipynb"
	port, err := freePort(s.IP, s.Port)
	if err != nil {
		return err
	}
	if s.Token == "" {
		s.Token = strings.ToLower(rand.Text())
	}
	args := []string{"lab",
		"--ServerApp.ip=" + s.IP, "--ServerApp.port=" + strconv.Itoa(port), "--ServerApp.port_retries=0",
		"--IdentityProvider.token=" + s.Token, "--ServerApp.root_dir=" + filepath.Join(l.Repo, "notebooks"),
		"--LabApp.default_url=" + first, "--log-level=WARN"}
	if !s.Browser {
		args = append(args, "--no-browser")
	}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-root")
	}
	c := exec.CommandContext(ctx, l.jupyter(), args...)
	c.Dir, c.Env, c.Stderr = l.Repo, l.environment(), l.Log
	group.Own(c) // we end JupyterLab without its question
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	if err := c.Start(); err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	host := s.IP
	if ip := net.ParseIP(s.IP); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	address := "http://" + net.JoinHostPort(host, strconv.Itoa(port))
	client := http.Client{Timeout: 5 * time.Second}
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		select {
		case err := <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("jupyter: JupyterLab ended before it answered on port %d: %v", port, err)
		case <-tick.C:
		}
		if r, err := client.Get(address + "/api"); err == nil {
			r.Body.Close()
			tick.Stop()
			break
		}
	}
	ready(address + first + "?token=" + s.Token)
	err = <-ended
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("jupyter: JupyterLab ended: %v", err)
}

// freePort is port, or the first free one from 8888 on if it is 0.
func freePort(ip string, port int) (int, error) {
	free := func(p int) bool {
		c, err := net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(p)))
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	if port != 0 {
		if !free(port) {
			return 0, fmt.Errorf("jupyter: port %d is in use or not permitted: choose another with --port, or leave it out", port)
		}
		return port, nil
	}
	for p := 8888; p < 8988; p++ {
		if free(p) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("jupyter: no port from 8888 to 8987 is free: choose one with --port")
}

// Notebook is the path of a notebook, which may be named without the folder of the clone's own. It fails
// if there is none, so that a slip of the pen is told before anything is built.
func (l *Lab) Notebook(name string) (string, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("jupyter: %w", err)
	}
	if !exists(path) {
		if path = filepath.Join(l.Repo, "notebooks", filepath.Base(name)); !exists(path) {
			return "", fmt.Errorf("jupyter: there is no notebook %s", name)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("jupyter: %w", err)
	}
	var content struct {
		Cells []json.RawMessage `json:"cells"`
	}
	if err := json.Unmarshal(text, &content); err != nil || content.Cells == nil || filepath.Ext(path) != ".ipynb" {
		return "", fmt.Errorf("jupyter: %s is no notebook: name a file .ipynb that JupyterLab has saved", name)
	}
	return path, nil
}

// complaint is what the cell that failed wrote to its standard error, taken out of what nbconvert says of it, but for the exit
// status that the kernel adds; "" if it wrote nothing.
func complaint(text string) string {
	const mark = "----- stderr -----\n"
	parts := strings.Split(text, mark)
	var said []string
	for _, p := range parts[1:] {
		p, _, _ = strings.Cut(p, "------------------")
		p, _, _ = strings.Cut(p, "----- stdout -----")
		if p = strings.TrimSpace(p); !strings.HasPrefix(p, "exit status ") {
			said = append(said, p)
		}
	}
	return strings.Join(said, "\n")
}

// Execute runs a notebook from its first cell to its last, without a browser, and fails if a cell fails.
// With save, its outputs are written into it; otherwise it is left alone.
func (l *Lab) Execute(ctx context.Context, notebook string, save bool) error {
	path, err := l.Notebook(notebook)
	if err != nil {
		return err
	}
	out := l.dot("out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	began := time.Now()
	l.print("%s: running …", filepath.Base(path))
	alone := slices.DeleteFunc(l.environment(), func(v string) bool { // nobody watches, whoever started this: see nb.Attended
		return strings.HasPrefix(v, "JPY_SESSION_NAME=") || strings.HasPrefix(v, "VSCODE_PID=")
	})
	err = l.command(ctx, filepath.Dir(path), alone, l.jupyter(), "nbconvert", "--to", "notebook", "--execute",
		"--ExecutePreprocessor.timeout=1800", "--ExecutePreprocessor.kernel_name=gonb", "--log-level=ERROR", "--output-dir", out, path)
	if err != nil {
		if said := complaint(err.Error()); said != "" {
			return fmt.Errorf("jupyter: %s: a cell failed: %s", notebook, said)
		}
		return fmt.Errorf("jupyter: %s: a cell failed: %w", notebook, err)
	}
	l.print("%s: every cell ran, %.0f s", filepath.Base(path), time.Since(began).Seconds())
	if !save {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(out, filepath.Base(path)))
	if err == nil {
		text, err = Tidy(text)
	}
	if err == nil {
		err = renameio.WriteFile(path, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("jupyter: %s: %w", notebook, err)
	}
	return nil
}
