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
func openXLA(plugin string) (*opened, error) {
	xla.EnableAutoInstall(false) // nothing is fetched at run time
	switch found := xla.GetAvailablePlugins(); {
	case strings.Contains(plugin, ","):
		return nil, fmt.Errorf("%q: want a plugin alone, without options", plugin)
	case filepath.IsAbs(plugin):
		if _, err := os.Stat(plugin); err != nil {
			return nil, err
		}
	case len(found) == 0:
		return nil, errors.New("no XLA plugin is found: put pjrt_c_api_cpu_plugin.so, or pjrt_c_api_cuda_plugin.so beside a GPU, into a folder and name it in PJRT_PLUGIN_LIBRARY_PATH, as the README shows under “XLA and GPUs”, or set SAFEX_BACKEND=go")
	case plugin != "" && !slices.ContainsFunc(found, func(name string) bool { return name == plugin || strings.HasPrefix(name, plugin+"_v") }):
		return nil, fmt.Errorf("there is no XLA plugin %q: there is %s", plugin, strings.Join(found, ", "))
	}
	// On GPUs products of float32 would else be rounded to the 10 bits of TF32.
	b, err := xla.NewWithOptions(plugin+",tf32=false", nil)
	if err != nil {
		return nil, err
	}
	loaded, err := pjrt.GetPlugin(b.PluginName())
	if err != nil {
		return nil, err
	}
	major, minor := loaded.Version()
	name := filepath.Base(b.PluginName())
	name = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(name, ".so"), "pjrt_c_api_"), "_plugin")
	return &opened{name: fmt.Sprintf("xla:%s-%d.%d", name, major, minor), rollout: b, training: b}, nil
}
