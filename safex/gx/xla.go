//go:build xla

package gx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
)

const preferred = "xla"

// openXLA opens a plugin: the first for "", one by name, or one by its absolute path. Rollouts and gradient steps share it.
func (b *opened) openXLA(plugin string) error {
	xla.EnableAutoInstall(false) // nothing is fetched at run time
	switch found := xla.GetAvailablePlugins(); {
	case strings.Contains(plugin, ","):
		return fmt.Errorf("%q: want a plugin alone, without options", plugin)
	case filepath.IsAbs(plugin):
		if _, err := os.Stat(plugin); err != nil {
			return err
		}
	case len(found) == 0:
		return errors.New("no XLA plugin is found: put pjrt_c_api_cpu_plugin.so, or pjrt_c_api_cuda_plugin.so beside a GPU, into a folder and name it in PJRT_PLUGIN_LIBRARY_PATH, as the README shows under “XLA and GPUs”, or set SAFEX_BACKEND=go")
	case plugin != "" && !slices.ContainsFunc(found, func(name string) bool { return name == plugin || strings.HasPrefix(name, plugin+"_v") }):
		return fmt.Errorf("there is no XLA plugin %q for this machine: there is %s", plugin, strings.Join(found, ", "))
	}
	// On GPUs products of float32 would else be rounded to the 10 bits of TF32.
	backend, err := xla.NewWithOptions(plugin+",tf32=false", nil)
	if err != nil {
		return err
	}
	loaded, err := pjrt.GetPlugin(backend.PluginName())
	if err != nil {
		return err
	}
	major, minor := loaded.Version()
	name := strings.TrimSuffix(filepath.Base(backend.PluginName()), ".so")
	name = strings.TrimSuffix(strings.TrimPrefix(name, "pjrt_c_api_"), "_plugin")
	b.name, b.rollout, b.training = fmt.Sprintf("xla:%s-%d.%d", name, major, minor), backend, backend
	return nil
}
