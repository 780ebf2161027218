package track

import (
	"encoding/binary"
	"math"
)

// A message is a protocol buffer, as its bytes are written: https://protobuf.dev/programming-guides/encoding. The number
// of a field comes first.
type message []byte

// The wire types that are used.
const (
	varint = 0
	eight  = 1 // bytes
	sized  = 2
	four   = 5 // bytes
)

func (m *message) key(field, wire int) { *m = binary.AppendUvarint(*m, uint64(field)<<3|uint64(wire)) }

func (m *message) int(field int, v int64) {
	m.key(field, varint)
	*m = binary.AppendUvarint(*m, uint64(v))
}

func (m *message) double(field int, v float64) {
	m.key(field, eight)
	*m = binary.LittleEndian.AppendUint64(*m, math.Float64bits(v))
}

func (m *message) float(field int, v float32) {
	m.key(field, four)
	*m = binary.LittleEndian.AppendUint32(*m, math.Float32bits(v))
}

// doubles is a packed list.
func (m *message) doubles(field int, vs []float64) {
	var packed []byte
	for _, v := range vs {
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(v))
	}
	m.bytes(field, packed)
}

// bytes is a string, or a message within this one.
func (m *message) bytes(field int, b []byte) {
	m.key(field, sized)
	*m = binary.AppendUvarint(*m, uint64(len(b)))
	*m = append(*m, b...)
}

func (m *message) text(field int, s string) { m.bytes(field, []byte(s)) }
