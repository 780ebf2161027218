//go:build goexperiment.simd && amd64

package vec

import (
	"os"
	"strings"
	"testing"
)

// avx2.go is avx512.go at half the width.
func TestAVX2IsGenerated(t *testing.T) {
	from, err := os.ReadFile("avx512.go")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("avx2.go")
	if err != nil {
		t.Fatal(err)
	}
	half := strings.NewReplacer("width512 = 16", "width256 = 8", "AVX512", "AVX2", "32x16", "32x8", "64x8", "64x4", "512", "256")
	if _, code, _ := strings.Cut(string(got), "\n\n"); code != half.Replace(string(from)) {
		t.Error("avx2.go is not what avx512.go makes of it: run go generate")
	}
}
