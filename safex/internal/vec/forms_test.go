package vec

import (
	"os"
	"strings"
	"testing"
)

// The forms of shorter vectors are avx512.go at another width.
func TestFormsAreGenerated(t *testing.T) {
	from, err := os.ReadFile("avx512.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]*strings.Replacer{
		"avx2.go": strings.NewReplacer("width512 = 16", "width256 = 8", "AVX512", "AVX2", "32x16", "32x8", "64x8", "64x4", "512", "256"),
		"neon.go": strings.NewReplacer("width512 = 16", "width128 = 4", "AVX512", "NEON", "32x16", "32x4", "64x8", "64x2", "512", "128", "amd64", "arm64", "\tarchsimd.ClearAVXUpperBits()\n", ""),
	} {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, code, _ := strings.Cut(string(got), "\n\n"); code != other.Replace(string(from)) {
			t.Errorf("%s is not what avx512.go makes of it: run go generate", name)
		}
	}
}
