package track

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// python is an interpreter that has the packages tensorboard and wandb: the one that SAFEX_PYTHON names, or python3.
func python(t *testing.T) string {
	t.Helper()
	named := os.Getenv("SAFEX_PYTHON")
	bin := named
	if bin == "" {
		bin = "python3"
	}
	if out, err := exec.Command(bin, "-c", "import tensorboard, wandb").CombinedOutput(); err != nil {
		if named != "" {
			t.Fatalf("SAFEX_PYTHON is %s, which has no tensorboard and wandb: %v: %s", named, err, out)
		}
		t.Skip("no Python with the packages tensorboard and wandb; SAFEX_PYTHON can name one")
	}
	return bin
}

// quiet is the environment of wandb without a home, a network or reports of errors.
func quiet(t *testing.T, more ...string) []string {
	home := t.TempDir()
	return append(append(os.Environ(), "HOME="+home, "WANDB_CONFIG_DIR="+home, "WANDB_CACHE_DIR="+home, "WANDB_ERROR_REPORTING=false", "WANDB_MODE=offline"), more...)
}

// The packages tensorboard and wandb read what was written.
func TestPython(t *testing.T) {
	bin := python(t)
	dir := followed(t, short(t))
	script, err := filepath.Abs(filepath.Join("testdata", "read.py"))
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(bin, script, dir)
	c.Env, c.Dir = quiet(t), t.TempDir() // where wandb writes logs
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	var got struct {
		Versions        []string
		Scalars, Images map[string][][2]float64
		Histograms      map[string][][]float64
		Texts           map[string]string
		Records         []struct {
			Type    string
			History struct{ Item map[string]any }
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("tensorboard %s, wandb %s", got.Versions[0], got.Versions[1])
	tags, log := readEvents(t, dir), readOffline(t, dir)
	shown := 0
	for tag, steps := range tags {
		for step, p := range steps {
			want := [2]float64{float64(step), p.value}
			list := got.Scalars[tag]
			switch {
			case p.picture != nil:
				list, want[1] = got.Images[tag], float64(len(p.picture))
			case p.bins != nil:
				list = nil
				for _, h := range got.Histograms[tag] {
					list = append(list, [2]float64{h[0], h[1]})
				}
				want[1] = p.bins[0]
			case p.text != "":
				if got.Texts[tag] != p.text {
					t.Errorf("tensorboard reads the text %s as %q", tag, got.Texts[tag])
				}
				continue
			}
			shown++
			if n := count(list, want); n != 1 || len(list) != len(steps) {
				t.Errorf("tensorboard reads %s as %v, want %v once", tag, list, want)
			}
		}
	}
	if shown < 60 {
		t.Errorf("%d numbers and pictures: the test tests little", shown)
	}
	kinds, rows := map[string]int{}, 0
	for _, r := range got.Records {
		kinds[r.Type]++
		if r.Type != "history" {
			continue
		}
		for name, v := range log.rows[rows] {
			if u, ok := r.History.Item[name]; !ok {
				t.Errorf("wandb does not read %s of episode %d", name, rows)
			} else if x, ok := v.(float64); ok && u != x || !ok && kind(u) != kind(v) {
				t.Errorf("wandb reads %s of episode %d as %v, want %v", name, rows, u, v)
			}
		}
		rows++
	}
	if rows != 4 || kinds["header"] != 1 || kinds["run"] != 1 || kinds["metric"] != 2 || kinds["summary"] != 1 || kinds["exit"] != 1 || kinds["files"] != 3 {
		t.Errorf("wandb reads %v", kinds)
	}
}

func count(list [][2]float64, want [2]float64) (n int) {
	for _, v := range list {
		if v == want {
			n++
		}
	}
	return n
}

// kind is the type of a value of JSON.
func kind(v any) string {
	text, _ := json.Marshal(v)
	return strings.Trim(string(text[:1]), "0123456789-")
}

// The command wandb sync uploads a run: its settings, its group, every episode once, and every picture. The server here says no more
// than what wandb 0.31 asks.
func TestSync(t *testing.T) {
	bin := python(t)
	out, err := exec.Command(bin, "-c", "import wandb; print(wandb.__version__)").Output()
	if err != nil {
		t.Fatal(err)
	}
	if version := strings.TrimSpace(string(out)); !strings.HasPrefix(version, "0.31.") {
		t.Skipf("the server of this test speaks to wandb 0.31, and this is %s", version)
	}
	dir := followed(t, short(t))
	var lock sync.Mutex
	var settings map[string]any
	lines, uploaded := map[int]string{}, map[string][]byte{}
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		var in io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			in = unzipped
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Error(err)
		}
		type object = map[string]any
		answer := object{}
		switch path := r.URL.Path; {
		case path == "/graphql":
			var q struct {
				Query     string
				Variables map[string]any
			}
			if err := json.Unmarshal(body, &q); err != nil {
				t.Error(err)
			}
			switch {
			case strings.Contains(q.Query, "upsertBucket"):
				if settings == nil { // the first has the names
					settings = q.Variables
				}
				project := object{"id": "p", "name": q.Variables["project"], "entity": object{"id": "e", "name": "me"}}
				answer["upsertBucket"] = object{"inserted": true, "bucket": object{
					"id": "b", "name": q.Variables["name"], "displayName": "", "description": "", "config": "{}", "project": project, "historyLineCount": 0}}
			case strings.Contains(q.Query, "createRunFiles"):
				var files []object
				names, _ := q.Variables["files"].([]any)
				for _, name := range names {
					files = append(files, object{"name": name, "uploadUrl": server.URL + "/upload/" + name.(string)})
				}
				answer["createRunFiles"] = object{"runID": "b", "uploadHeaders": []string{}, "files": files}
			case strings.Contains(q.Query, "__type"):
				for _, kind := range []string{"QueryType", "MutationType", "ServerInfoType", "TypeInfo"} {
					answer[kind] = object{"fields": []string{}, "inputFields": []string{}}
				}
			default:
				answer["viewer"] = object{"id": "v", "entity": "me", "username": "me", "teams": object{"edges": []string{}}, "flags": "{}"}
				answer["serverInfo"] = object{"cliVersionInfo": object{"max_cli_version": "0.99.0"}, "features": []string{}}
			}
			answer = object{"data": answer}
		case strings.HasPrefix(path, "/upload/"):
			uploaded[strings.TrimPrefix(path, "/upload/")] = body
		case strings.HasSuffix(path, "/file_stream"):
			var s struct {
				Files map[string]struct {
					Offset  int
					Content []string
				}
			}
			if err := json.Unmarshal(body, &s); err != nil {
				t.Error(err)
			}
			history := s.Files["wandb-history.jsonl"]
			for i, line := range history.Content {
				if _, twice := lines[history.Offset+i]; twice {
					t.Errorf("line %d of the history comes twice", history.Offset+i)
				}
				lines[history.Offset+i] = line
			}
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	folders, err := filepath.Glob(filepath.Join(dir, "wandb", "offline-run-*"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("%d offline runs, error %v", len(folders), err)
	}
	c := exec.Command(bin, "-m", "wandb", "sync", folders[0])
	c.Dir = t.TempDir()
	c.Env = quiet(t, "WANDB_MODE=online", "WANDB_BASE_URL="+server.URL, "WANDB_API_KEY="+strings.Repeat("0123456789", 4))
	said, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	lock.Lock()
	defer lock.Unlock()
	if settings["groupName"] != "pitch/pessimistic-linear-unfiltered" || settings["jobType"] != "pessimistic-linear" || settings["displayName"] != "seed 7" || settings["project"] != "safex" {
		t.Errorf("uploaded as %v: %s", settings, said)
	}
	if config, _ := settings["config"].(string); !strings.Contains(config, `"Noise":0.002`) {
		t.Errorf("uploaded the settings %s", config)
	}
	log := readOffline(t, dir)
	for i, row := range log.rows {
		var got map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatalf("line %d of the history is %q: %v", i, lines[i], err)
		}
		for name, v := range row {
			u := got[name]
			if base, part, nested := strings.Cut(name, "."); nested {
				whole, _ := got[base].(map[string]any)
				u = whole[part]
			}
			if x, ok := v.(float64); ok && u != x || u == nil {
				t.Errorf("uploaded %s of episode %d as %v, want %v", name, i, u, v)
			}
		}
	}
	if len(lines) != len(log.rows) {
		t.Errorf("uploaded %d lines for %d episodes", len(lines), len(log.rows))
	}
	for _, name := range log.files {
		if !bytes.Equal(uploaded[name], file(t, folders[0], filepath.Join("files", name))) {
			t.Errorf("uploaded %d bytes of %s", len(uploaded[name]), name)
		}
	}
}
