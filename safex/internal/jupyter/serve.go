package jupyter

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

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
		"--ServerApp.root_dir=" + filepath.Join(l.Repo, "notebooks"),
		"--LabApp.default_url=" + first, "--log-level=WARN"}
	if !s.Browser {
		args = append(args, "--no-browser")
	}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-root")
	}
	c := exec.CommandContext(ctx, l.jupyter(), args...)
	said, err := os.Create(l.dot(fmt.Sprintf("jupyter-%d.log", port)))
	if err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	defer said.Close()
	c.Dir, c.Stdout, c.Stderr = l.Repo, said, said            // its lines and those of the kernels would push the link out of sight
	c.Env = append(l.environment(), "JUPYTER_TOKEN="+s.Token) // an argument would be seen by everybody on this machine
	group.Own(c)                                              // we end JupyterLab without its question
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
			return fmt.Errorf("jupyter: JupyterLab ended before it answered on port %d: %v; %s says more", port, err, said.Name())
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
	return fmt.Errorf("jupyter: JupyterLab ended: %v; %s says more", err, said.Name())
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
	if !free(0) { // any
		return 0, fmt.Errorf("jupyter: %s is no address of this machine to listen on: choose another with --ip, or leave it out", ip)
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
