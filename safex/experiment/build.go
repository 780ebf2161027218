package experiment

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// Version is the version of safex.
const Version = "0.12.0"

// Build is the version, the Go that compiled it, whether with SIMD, for which machine, whether it computes with vector
// instructions there, and the Backend if that is another than go. The same seed gives the same bits within one Build on one kind
// of processor.
func Build() string {
	form := "vectors"
	if vec.Current() == vec.Portable {
		form = "portable"
	}
	build := fmt.Sprintf("%s %s %s/%s %s", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, form)
	if backend, _ := Backend(); backend != "go" {
		build += " " + backend
	}
	return build
}

// SIMD tells whether this build computes with vector instructions. Without, it computes the same,
// several times slower and with other last bits.
func SIMD() bool { return strings.Contains(runtime.Version(), "simd") }

// Backend is what trains networks and runs graphs: "go", or, in a build with the tag xla, "xla:" with its plugin, as in
// "xla:cpu-0.114". The environment variable SAFEX_BACKEND chooses it. If it cannot be opened, the error says what to do.
func Backend() (string, error) { return gx.Name() }
