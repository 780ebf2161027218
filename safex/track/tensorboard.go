package track

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// events is the folder of the event files.
const events = "tensorboard"

// tensorBoard writes an event file for each episode that has none, or another. Its name is in the order of the episodes, as
// TensorBoard reads them.
func (r *record) tensorBoard() error {
	keep := map[string]bool{}
	for _, e := range r.episodes {
		file := fmt.Sprintf("events.out.tfevents.%010d.safex.%07d", r.began.Unix(), e.number)
		keep[file] = true
		told := r.told(e)
		if begins(filepath.Join(r.dir, events, file), told) {
			continue // with the figures of the time when it was written
		}
		if err := put(r.dir, filepath.Join(events, file), append(told, r.shown(e)...)); err != nil {
			return err
		}
	}
	return tidy(filepath.Join(r.dir, events), func(name string) bool { return keep[name] })
}

// begins tells whether a file is there and begins with data.
func begins(path string, data []byte) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	was := make([]byte, len(data))
	_, err = io.ReadFull(f, was)
	return err == nil && bytes.Equal(was, data)
}

// told is the beginning of the event file of an episode, all but its figures: the version of the format and the numbers, and
// in that of the random phase the settings.
func (r *record) told(e line) []byte {
	var version, summary message
	version.double(1, r.wall(e))
	version.text(3, "brain.Event:2")
	for _, v := range e.values {
		var m message
		m.text(1, v.name)
		m.float(2, float32(v.v))
		summary.bytes(1, m)
	}
	summary.bytes(1, histogram("Violations_hist", e.counts))
	if e.number == 0 {
		// Lines that are indented by four are code in Markdown, as which TensorBoard shows a text.
		summary.bytes(1, text("run.yaml", "    "+strings.ReplaceAll(strings.TrimRight(string(r.yaml), "\n"), "\n", "\n    ")))
	}
	return append(frame(version), frame(r.event(e, summary))...)
}

// shown are the figures of an episode, an event each. Those of all episodes so far wait for the last of the run.
func (r *record) shown(e line) (out []byte) {
	for _, f := range e.figures {
		if f.all && !r.finished {
			continue
		}
		var image, m, summary message
		image.int(1, int64(f.height))
		image.int(2, int64(f.width))
		image.int(3, 4) // RGBA
		image.bytes(4, f.data)
		m.text(1, "figures/"+f.name)
		m.bytes(4, image)
		summary.bytes(1, m)
		out = append(out, frame(r.event(e, summary))...)
	}
	return out
}

// event is an Event of TensorBoard's event.proto.
func (r *record) event(e line, summary message) (m message) {
	m.double(1, r.wall(e))
	m.int(2, int64(e.number))
	m.bytes(5, summary)
	return m
}

// text is a value of the plugin for texts: a string tensor without dimensions.
func text(name, s string) (m message) {
	const stringType = 7
	var plugin, metadata, tensor message
	plugin.text(1, "text")
	metadata.bytes(1, plugin)
	tensor.int(1, stringType)
	tensor.bytes(2, nil)
	tensor.text(8, s)
	m.text(1, name)
	m.bytes(8, tensor)
	m.bytes(9, metadata)
	return m
}

// histogram is a value that counts the numbers.
func histogram(name string, numbers []int) (m message) {
	width, bins := bin(numbers)
	sum, squares, least, most := 0.0, 0.0, math.Inf(1), math.Inf(-1)
	for _, n := range numbers {
		v := float64(n)
		sum, squares, least, most = sum+v, squares+v*v, min(least, v), max(most, v)
	}
	ends := make([]float64, len(bins))
	for i := range ends {
		ends[i] = float64((i+1)*width) - 0.5
	}
	var h message
	h.double(1, least)
	h.double(2, most)
	h.double(3, float64(len(numbers)))
	h.double(4, sum)
	h.double(5, squares)
	h.doubles(6, ends)
	h.doubles(7, bins)
	m.text(1, name)
	m.bytes(5, h)
	return m
}

// bin counts how many of the numbers, all at least 0, are in each of at most 512 bins, which is what Weights & Biases take. Each has
// width numbers, the first from 0 on.
func bin(numbers []int) (width int, bins []float64) {
	const most = 512
	width = slices.Max(numbers)/most + 1
	bins = make([]float64, slices.Max(numbers)/width+1)
	for _, n := range numbers {
		bins[n/width]++
	}
	return width, bins
}

// castagnoli is the polynomial of TFRecord's checksums.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is a TFRecord: length, its checksum, data, their checksum.
func frame(data []byte) []byte {
	masked := func(b []byte) uint32 {
		c := crc32.Checksum(b, castagnoli)
		return (c>>15 | c<<17) + 0xa282ead8
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	out = binary.LittleEndian.AppendUint32(out, masked(out))
	out = append(out, data...)
	return binary.LittleEndian.AppendUint32(out, masked(data))
}
