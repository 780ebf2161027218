package gx

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // the pure-Go backend, and no other but with the tag xla
)

// Variable is the environment variable that names the backend of all graphs: "go", which is GoMLX's in pure Go and in every
// build, or, with the build tag xla, "xla" for the first XLA plugin that is found, GPUs first, "xla:cpu" or "xla:cuda" for the
// plugin of that name, or "xla:/path/to/plugin.so". Unset, it is "xla" in a build with the tag, and "go" in all others.
const Variable = "SAFEX_BACKEND"

// opened are the backends behind what was asked for, or why there are none.
type opened struct {
	asked, name       string
	rollout, training compute.Backend
	lone              compute.Backend // nil of one that has no use for it
	err               error
}

// process are the backends of this process.
var process struct {
	sync.Mutex
	opened []*opened // of each that was asked for, once
	inUse  *opened   // nil before the first use
}

// Backend is GoMLX's backend for predictions and rollouts, one for the process. In pure Go it runs
// one operation after the other, each on all cores: rollouts are chains, and run 1.5 times as
// fast this way as with operations side by side.
func Backend() (compute.Backend, error) {
	b := inUse()
	return b.rollout, b.err
}

// TrainingBackend is GoMLX's backend for gradient steps, one for the process. In pure Go it runs
// independent operations side by side, and tensors of one backend are not for the other.
func TrainingBackend() (compute.Backend, error) {
	b := inUse()
	return b.training, b.err
}

// LoneBackend is a backend for gradient steps that several goroutines take side by side: in pure Go each operation runs in the
// goroutine that asked for it, and in no other. It is nil where operations have threads of their own, as in XLA.
func LoneBackend() (compute.Backend, error) {
	b := inUse()
	return b.lone, b.err
}

// Name is the backend in use: "go", or "xla:" with the plugin and the version of its interface, as in "xla:cpu-0.114". If it
// cannot be opened, it is what Variable asks for, and the error says what to do.
func Name() (string, error) {
	b := inUse()
	return b.name, b.err
}

// Loops tells whether graphs of b may hold loops: GoMLX's backend in pure Go can wait for ever in one that multiplies matrices.
func Loops(b compute.Backend) bool { return b.Name() == "xla" }

// Use takes the backend that Variable would name so, from now on and for all goroutines, and returns what was asked for
// before. Models and engines that were made before are not for it. It is for tests and measurements: Variable does the same
// from outside.
func Use(name string) (before string, err error) {
	process.Lock()
	defer process.Unlock()
	before = asked()
	if process.inUse != nil {
		before = process.inUse.asked
	}
	b := open(name)
	if b.err == nil {
		process.inUse = b
	}
	return before, b.err
}

func asked() string { return cmp.Or(os.Getenv(Variable), preferred) }

func inUse() *opened {
	process.Lock()
	defer process.Unlock()
	if process.inUse == nil {
		process.inUse = open(asked())
	}
	return process.inUse
}

// open opens what is asked for once. The process must be locked.
func open(asked string) *opened {
	for _, b := range process.opened {
		if b.asked == asked {
			return b
		}
	}
	b := &opened{asked: asked, name: asked}
	switch kind, plugin, _ := strings.Cut(asked, ":"); {
	case asked == "go":
		b.err = b.openGo()
	case kind == "xla":
		b.err = b.openXLA(plugin)
	default:
		b.err = fmt.Errorf("there is no %q: want go, xla, xla:NAME or xla:/path/to/plugin.so", asked)
	}
	if b.err != nil {
		b.err = fmt.Errorf("gx: %s: %w", Variable, b.err)
	}
	process.opened = append(process.opened, b)
	return b
}

func (b *opened) openGo() (err error) {
	if b.rollout, err = compute.NewWithConfig("go:ops_sequential"); err != nil {
		return err
	}
	if b.training, err = compute.NewWithConfig("go"); err != nil {
		return err
	}
	if b.lone, err = compute.NewWithConfig("go:ops_sequential"); err != nil {
		return err
	}
	// Its option parallelism=0 does the same, and prints a line.
	if workers := reflect.ValueOf(b.lone).Elem().FieldByName("Workers"); workers.IsValid() {
		if pool, ok := workers.Interface().(interface{ SetMaxParallelism(int) }); ok {
			pool.SetMaxParallelism(0)
			return nil
		}
	}
	return errors.New("GoMLX's backend has no workers to do without: this safex was built with another version of it than its go.mod says")
}

// Catch turns a panic of GoMLX, which some of its calls prefer to errors, into an error.
// Use it deferred.
func Catch(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("gx: GoMLX: %v", p)
	}
}
