package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be meant is refused in a sentence, before anything is made.
func TestLabRefuses(t *testing.T) {
	t.Setenv("JUPYTER_DATA_DIR", t.TempDir())
	for args, want := range map[string]string{
		"--install --run x.ipynb":      "choose one of --install, --uninstall, --prepare and --run",
		"--name mine":                  "give it with --install or --uninstall",
		"--save":                       "give it with --run NOTEBOOK",
		"--install --name a/b":         "no kernel can be called",
		"--uninstall --name unheardof": "there is no kernel unheardof",
		"--run unheardof.ipynb":        "there is no notebook unheardof.ipynb",
	} {
		if _, _, err := do(nil, append([]string{"lab"}, strings.Fields(args)...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("lab %s: error %v, want %q", args, err, want)
		}
	}
}

// In a clone the kernel is the one that the notebooks ask for.
func TestLabUninstalls(t *testing.T) {
	data := t.TempDir()
	t.Setenv("JUPYTER_DATA_DIR", data)
	dir := filepath.Join(data, "kernels", "gonb")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kernel.json"), []byte(`{"metadata": {"safex": "/a/clone"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	out, _, err := do(nil, "lab", "--uninstall")
	if err != nil || !strings.Contains(out, "The kernel gonb is removed") {
		t.Errorf("it said %q, error %v", out, err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("it is still there")
	}
}
