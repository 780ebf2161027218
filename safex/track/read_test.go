package track

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is here reads the formats from their descriptions, and shares nothing with what writes them.

// crc is a reflected CRC of 32 bits, bit by bit.
func crc(polynomial uint32, b []byte) uint32 {
	c := ^uint32(0)
	for _, v := range b {
		c ^= uint32(v)
		for range 8 {
			if c&1 == 1 {
				c = c>>1 ^ polynomial
			} else {
				c >>= 1
			}
		}
	}
	return ^c
}

const (
	ieee   = 0xedb88320
	crc32c = 0x82f63b78
)

// The check values of the CRC catalogue: CRC-32/ISO-HDLC and CRC-32/ISCSI.
func TestCRC(t *testing.T) {
	if a, b := crc(ieee, []byte("123456789")), crc(crc32c, []byte("123456789")); a != 0xcbf43926 || b != 0xe3069283 {
		t.Errorf("%x and %x", a, b)
	}
}

// A field is one of a protocol buffer: a number, or bytes.
type field struct {
	number int
	bits   uint64
	bytes  []byte
}

func (f field) double() float64 { return math.Float64frombits(f.bits) }

// fields takes a protocol buffer apart.
func fields(t testing.TB, b []byte) (all []field) {
	t.Helper()
	varint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatalf("no varint in %x", b)
		}
		b = b[n:]
		return v
	}
	for len(b) > 0 {
		key := varint()
		f := field{number: int(key >> 3)}
		switch key & 7 {
		case 0:
			f.bits = varint()
		case 1:
			f.bits, b = binary.LittleEndian.Uint64(b), b[8:]
		case 2:
			n := varint()
			f.bytes, b = b[:n:n], b[n:]
		case 5:
			f.bits, b = uint64(binary.LittleEndian.Uint32(b)), b[4:]
		default:
			t.Fatalf("wire type %d", key&7)
		}
		all = append(all, f)
	}
	return all
}

// get is the field of that number, which there is at most once.
func get(t testing.TB, all []field, number int) (got field) {
	t.Helper()
	for _, f := range all {
		if f.number == number {
			if got.number != 0 {
				t.Fatalf("field %d is there twice", number)
			}
			got = f
		}
	}
	return got
}

// A point is a number that TensorBoard shows, or a picture, a text or a histogram.
type point struct {
	wall    float64
	value   float64
	picture []byte
	text    string
	bins    []float64
}

// readEvents reads the event files of a run folder, and fails if one is damaged or has a tag twice in a step.
func readEvents(t testing.TB, dir string) map[string]map[int]point {
	t.Helper()
	tags := map[string]map[int]point{}
	files, err := filepath.Glob(filepath.Join(dir, "tensorboard", "*tfevents*"))
	if err != nil {
		t.Fatal(err)
	}
	masked := func(b []byte) uint32 {
		c := crc(crc32c, b)
		return (c>>15 | c<<17) + 0xa282ead8
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; len(b) > 0; n++ {
			if len(b) < 16 || masked(b[:8]) != binary.LittleEndian.Uint32(b[8:]) {
				t.Fatalf("%s: the length of record %d is damaged", file, n)
			}
			size := binary.LittleEndian.Uint64(b)
			if uint64(len(b)) < 16+size || masked(b[12:12+size]) != binary.LittleEndian.Uint32(b[12+size:]) {
				t.Fatalf("%s: record %d is damaged", file, n)
			}
			event := fields(t, b[12:12+size])
			b = b[16+size:]
			if version := get(t, event, 3); n == 0 {
				if string(version.bytes) != "brain.Event:2" {
					t.Fatalf("%s: version %q", file, version.bytes)
				}
				continue
			}
			step, wall := int(get(t, event, 2).bits), get(t, event, 1).double()
			for _, f := range fields(t, get(t, event, 5).bytes) {
				v := fields(t, f.bytes)
				tag, p := string(get(t, v, 1).bytes), point{wall: wall}
				switch simple, picture, histogram, tensor := get(t, v, 2), get(t, v, 4), get(t, v, 5), get(t, v, 8); {
				case simple.number != 0:
					p.value = float64(math.Float32frombits(uint32(simple.bits)))
				case picture.number != 0:
					p.picture = get(t, fields(t, picture.bytes), 4).bytes
				case histogram.number != 0:
					for b := get(t, fields(t, histogram.bytes), 7).bytes; len(b) > 0; b = b[8:] {
						p.bins = append(p.bins, math.Float64frombits(binary.LittleEndian.Uint64(b)))
					}
				case tensor.number != 0:
					if plugin := fields(t, get(t, fields(t, get(t, v, 9).bytes), 1).bytes); string(get(t, plugin, 1).bytes) != "text" {
						t.Fatalf("plugin of %s", tag)
					}
					p.text = string(get(t, fields(t, tensor.bytes), 8).bytes)
				default:
					t.Fatalf("%s has nothing", tag)
				}
				if tags[tag] == nil {
					tags[tag] = map[int]point{}
				}
				if _, twice := tags[tag][step]; twice {
					t.Fatalf("%s: %s is there twice in step %d", file, tag, step)
				}
				tags[tag][step] = p
			}
		}
	}
	return tags
}

// An offlineFile is what a file of Weights & Biases says.
type offlineFile struct {
	project, group, job, name, id string
	tags                          []string
	config                        map[string]any
	rows                          []map[string]any // a key "a.b" is b of a
	summary                       map[string]any
	files                         []string
	finished                      bool
}

// readOffline reads the offline run of a run folder, and fails if it is damaged or has a step twice.
func readOffline(t testing.TB, dir string) (o offlineFile) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "wandb", "offline-run-*", "run-*.wandb"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for n, record := range readLog(t, b) {
		r := fields(t, record)
		if len(r) != 2 || r[0].number != 1 || r[0].bits != uint64(n+1) {
			t.Fatalf("record %d begins with %v", n, r[0])
		}
		body := fields(t, r[1].bytes)
		switch r[1].number {
		case 21:
			if n != 0 || len(fields(t, get(t, body, 1).bytes)) != 2 {
				t.Fatalf("record %d is a header", n)
			}
		case 17:
			o.id, o.project = string(get(t, body, 1).bytes), string(get(t, body, 3).bytes)
			o.group, o.job, o.name = string(get(t, body, 6).bytes), string(get(t, body, 7).bytes), string(get(t, body, 8).bytes)
			o.config = readItems(t, fields(t, get(t, body, 4).bytes), 1)
			for _, f := range body {
				if f.number == 10 {
					o.tags = append(o.tags, string(f.bytes))
				}
			}
		case 2:
			row := readItems(t, body, 2)
			step := int(get(t, fields(t, get(t, body, 2).bytes), 1).bits)
			if step != len(o.rows) || row["_step"] != float64(step) {
				t.Fatalf("step %d after %d rows says %v", step, len(o.rows), row["_step"])
			}
			o.rows = append(o.rows, row)
		case 6:
			for _, f := range body {
				o.files = append(o.files, string(get(t, fields(t, f.bytes), 1).bytes))
			}
		case 3:
			o.summary = readItems(t, body, 1)
		case 18:
			o.finished = true
		case 12:
		default:
			t.Fatalf("record %d is a %d", n, r[1].number)
		}
	}
	for _, f := range o.files {
		if _, err := os.Stat(filepath.Join(filepath.Dir(files[0]), "files", f)); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// readLog joins the pieces of each record, in blocks of 32768 bytes with 7 bytes before each piece.
func readLog(t testing.TB, b []byte) (records [][]byte) {
	t.Helper()
	if !strings.HasPrefix(string(b), ":W&B\xe1\xbe\x00") {
		t.Fatalf("the file begins with %q", b[:min(7, len(b))])
	}
	var parts []byte
	open := false
	for at := 7; at < len(b); {
		if left := 32768 - at%32768; left < 7 {
			if slices.Max(b[at:at+left]) != 0 {
				t.Fatal("the end of a block is not empty")
			}
			at += left
			continue
		}
		n, kind := int(binary.LittleEndian.Uint16(b[at+4:])), b[at+6]
		if at%32768+7+n > 32768 {
			t.Fatalf("a piece of %d bytes at %d crosses a block", n, at)
		}
		if crc(ieee, b[at+6:at+7+n]) != binary.LittleEndian.Uint32(b[at:]) {
			t.Fatalf("a piece at %d is damaged", at)
		}
		if begins := kind == 1 || kind == 2; begins == open || kind < 1 || kind > 4 {
			t.Fatalf("a piece at %d of kind %d", at, kind)
		}
		parts, open = append(parts, b[at+7:at+7+n]...), kind == 2 || kind == 3
		if !open {
			records, parts = append(records, parts), nil
		}
		at += 7 + n
	}
	if open {
		t.Fatal("the last record has no end")
	}
	return records
}

// readItems are the fields 1 of a record: names in field key, JSON in field 16.
func readItems(t testing.TB, body []field, key int) map[string]any {
	t.Helper()
	items := map[string]any{}
	for _, f := range body {
		if f.number != 1 {
			continue
		}
		var names []string
		var v any
		for _, part := range fields(t, f.bytes) {
			switch part.number {
			case key:
				names = append(names, string(part.bytes))
			case 16:
				if err := json.Unmarshal(part.bytes, &v); err != nil {
					switch string(part.bytes) {
					case "NaN":
						v = math.NaN()
					case "Infinity":
						v = math.Inf(1)
					default:
						t.Fatal(err)
					}
				}
			default:
				t.Fatalf("field %d of an item", part.number)
			}
		}
		name := strings.Join(names, ".")
		if _, twice := items[name]; twice || name == "" {
			t.Fatalf("item %q is there twice", name)
		}
		items[name] = v
	}
	return items
}
