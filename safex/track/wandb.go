package track

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of a Record of wandb_internal.proto.
const (
	historyField = 2
	summaryField = 3
	filesField   = 6
	metricField  = 12
	runField     = 17
	exitField    = 18
	headerField  = 21
)

// images is the folder of the pictures in that of an offline run.
const images = "files/media/images/figures"

// wandB writes the offline run anew: its pictures first, then the file that names them, then what no longer belongs to it goes.
func (r *record) wandB(project string) error {
	began, id, ok := offline(r.dir)
	if !ok {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d\n%s", r.began.Unix(), r.yaml))
		began, id = r.began, hex.EncodeToString(sum[:4])
	}
	folder := filepath.Join("wandb", "offline-run-"+began.Format(stamp)+"-"+id)
	log, keep := &transactions{out: []byte(":W&B\xe1\xbe\x00")}, map[string]bool{}
	log.header()
	log.run(r, project, id)
	log.metric("", "Episode", "")
	log.metric("*", "", "Episode")
	last := map[string]string{}
	for _, e := range r.episodes {
		items, files := r.items(e)
		for _, f := range files {
			keep[filepath.Base(f.path)] = true
			at := filepath.Join(folder, "files", filepath.FromSlash(f.path))
			if info, err := os.Stat(filepath.Join(r.dir, at)); err == nil && info.Size() == int64(len(f.data)) {
				continue // its name has its checksum
			}
			if err := put(r.dir, at, f.data); err != nil {
				return err
			}
		}
		log.files(files)
		log.history(e.number, items)
		for _, i := range items {
			if len(i.name) == 1 {
				last[i.name[0]] = i.json
			}
		}
	}
	log.summary(last)
	if r.finished {
		log.exit(r.episodes[len(r.episodes)-1].seconds)
	}
	file := filepath.Join(folder, "run-"+id+".wandb")
	if old, err := os.ReadFile(filepath.Join(r.dir, file)); err != nil || !bytes.Equal(old, log.out) {
		if err := put(r.dir, file, log.out); err != nil {
			return err
		}
		os.Remove(filepath.Join(r.dir, file+".synced")) // by which wandb sync would leave out what is new
	}
	if _, err := os.Stat(filepath.Join(r.dir, folder, images)); err != nil {
		return nil // a run without figures
	}
	return tidy(filepath.Join(r.dir, folder, images), func(name string) bool { return keep[name] })
}

// An item is a number or a text of an episode, as JSON. Parts of a picture have the name of the picture and their own.
type item struct {
	name []string
	json string
}

// A media is a picture in the folder of files.
type media struct {
	path string // with slashes
	data []byte
}

// items is what is told of an episode.
func (r *record) items(e line) (items []item, files []media) {
	add := func(json string, name ...string) { items = append(items, item{name, json}) }
	for _, v := range e.values {
		add(number(v.v), v.name)
	}
	width, bins := bin(e.counts)
	ends := make([]float64, len(bins)+1)
	for i := range ends {
		ends[i] = float64(i*width) - 0.5
	}
	add(`"histogram"`, "Violations_hist", "_type")
	add(encoded(bins), "Violations_hist", "values")
	add(encoded(ends), "Violations_hist", "bins")
	for _, f := range e.figures {
		sum := sha256.Sum256(f.data)
		hash := hex.EncodeToString(sum[:])
		at := path.Join("media/images/figures", fmt.Sprintf("%s_%d_%s.png", f.name, e.number, hash[:20]))
		files = append(files, media{at, f.data})
		name := "figures/" + f.name
		add(`"image-file"`, name, "_type")
		add(`"png"`, name, "format")
		add(encoded(at), name, "path")
		add(encoded(hash), name, "sha256")
		add(encoded(len(f.data)), name, "size")
		add(encoded(f.width), name, "width")
		add(encoded(f.height), name, "height")
	}
	add(strconv.Itoa(e.number), "_step")
	add(number(e.seconds), "_runtime")
	add(number(r.wall(e)), "_timestamp")
	return items, files
}

// number is JSON with NaN and Infinity, as Weights & Biases write it.
func number(v float64) string {
	switch {
	case v != v:
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// encoded is JSON of something that has it.
func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // finite numbers and texts
	}
	return string(text)
}

// transactions is the file of an offline run: Records in the blocks of a LevelDB log whose checksum is the plain one of IEEE.
type transactions struct {
	out []byte
	n   int64 // Records so far
}

// block is the size of a block. A piece does not cross its end.
const block = 32 << 10

// add appends a Record.
func (t *transactions) add(field protowire.Number, body message) {
	const full, first, middle, last, head = 1, 2, 3, 4, 7
	t.n++
	var m message
	m.int(1, t.n)
	m.bytes(field, body)
	for rest, begun := []byte(m), false; ; begun = true {
		room := block - len(t.out)%block
		if room < head {
			t.out = append(t.out, make([]byte, room)...)
			room = block
		}
		n := min(len(rest), room-head)
		kind := byte(middle)
		switch ends := n == len(rest); {
		case !begun && ends:
			kind = full
		case !begun:
			kind = first
		case ends:
			kind = last
		}
		sum := crc32.Update(crc32.ChecksumIEEE([]byte{kind}), crc32.IEEETable, rest[:n])
		t.out = binary.LittleEndian.AppendUint32(t.out, sum)
		t.out = binary.LittleEndian.AppendUint16(t.out, uint16(n))
		t.out = append(append(t.out, kind), rest[:n]...)
		if rest = rest[n:]; kind == full || kind == last {
			return
		}
	}
}

// header names the version whose format this is, and the oldest that reads it.
func (t *transactions) header() {
	var version, m message
	version.text(1, "0.31.0")
	version.text(2, "0.70.0")
	m.bytes(1, version)
	t.add(headerField, m)
}

func (t *transactions) run(r *record, project, id string) {
	var m, config, began message
	for _, key := range slices.Sorted(maps.Keys(r.config)) {
		var update message
		update.text(1, key)
		update.bytes(16, r.config[key])
		config.bytes(1, update)
	}
	began.int(1, r.began.Unix())
	m.text(1, id)
	m.text(3, project)
	m.bytes(4, config)
	m.text(6, r.group)
	m.text(7, r.job)
	m.text(8, r.name)
	for _, tag := range r.tags {
		m.text(10, tag)
	}
	m.bytes(17, began)
	t.add(runField, m)
}

// metric says that a metric, or those of a pattern, are drawn over another.
func (t *transactions) metric(pattern, name, over string) {
	var m, options message
	if name != "" {
		m.text(1, name)
	}
	if pattern != "" {
		m.text(2, pattern)
	}
	if over != "" {
		m.text(4, over)
		options.int(1, 1) // the other is added where it is missing
	}
	options.int(3, 1) // by us
	m.bytes(6, options)
	t.add(metricField, m)
}

func (t *transactions) files(files []media) {
	if len(files) == 0 {
		return
	}
	const mediaType = 2
	var m message
	for _, f := range files {
		var file message
		file.text(1, f.path)
		file.int(3, mediaType)
		m.bytes(1, file)
	}
	t.add(filesField, m)
}

func (t *transactions) history(step int, items []item) {
	var m, at message
	for _, i := range items {
		var update message
		for _, name := range i.name {
			update.text(2, name)
		}
		update.text(16, i.json)
		m.bytes(1, update)
	}
	at.int(1, int64(step))
	m.bytes(2, at)
	t.add(historyField, m)
}

// summary has the last of each number.
func (t *transactions) summary(last map[string]string) {
	var m message
	for _, key := range slices.Sorted(maps.Keys(last)) {
		var update message
		update.text(1, key)
		update.text(16, last[key])
		m.bytes(1, update)
	}
	t.add(summaryField, m)
}

func (t *transactions) exit(seconds float64) {
	var m message
	m.int(1, 0)
	m.int(2, int64(seconds))
	t.add(exitField, m)
}
