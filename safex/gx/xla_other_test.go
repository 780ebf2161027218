//go:build !xla

package gx_test

// refused are names that cannot be used, each with a part of its error.
var refused = map[string]string{
	"": "want go, xla", "GO": "want go, xla", "go:parallelism=1": "want go, xla", "xla": "-tags xla", "xla:cuda": "-tags xla",
}
