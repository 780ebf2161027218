package vec

// The functions are written once, in avx512.go. Those of shorter vectors are made of them. What takes most of the time is in assembly
// instead: dense layers, and swish on amd64.
//
//go:generate sh -c "(echo '// Code generated from avx512.go by go generate; DO NOT EDIT.'; echo; sed 's/width512 = 16/width256 = 8/g; s/AVX512/AVX2/g; s/32x16/32x8/g; s/64x8/64x4/g; s/512/256/g' avx512.go) > avx2.go"
//go:generate sh -c "(echo '// Code generated from avx512.go by go generate; DO NOT EDIT.'; echo; sed 's/width512 = 16/width128 = 4/g; s/AVX512/NEON/g; s/32x16/32x4/g; s/64x8/64x2/g; s/512/128/g; s/amd64/arm64/g; /ClearAVXUpperBits/d' avx512.go) > neon.go"
