package jupyter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Tidy makes an executed notebook fit to be committed, so that two of them differ only where their
// results do: pieces of one stream are joined as a terminal would show them, and times and ids of
// the execution are dropped.
func Tidy(notebook []byte) ([]byte, error) {
	var nb map[string]any
	if err := json.Unmarshal(notebook, &nb); err != nil {
		return nil, fmt.Errorf("jupyter: no notebook: %w", err)
	}
	cells, _ := nb["cells"].([]any)
	for i, c := range cells {
		cell, ok := c.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("jupyter: cell %d is no object", i)
		}
		cell["metadata"] = map[string]any{}
		cell["id"] = fmt.Sprintf("cell-%d", i+1)
		outputs, ok := cell["outputs"].([]any)
		if !ok {
			continue
		}
		var kept []any
		for _, o := range outputs {
			output, _ := o.(map[string]any)
			if output["output_type"] == "stream" && len(kept) > 0 {
				if last := kept[len(kept)-1].(map[string]any); last["output_type"] == "stream" && last["name"] == output["name"] {
					last["text"] = joined(last["text"]) + joined(output["text"])
					continue
				}
			}
			delete(output, "transient")
			kept = append(kept, output)
		}
		for _, o := range kept {
			if output := o.(map[string]any); output["output_type"] == "stream" {
				output["text"] = terminal(joined(output["text"]))
			}
		}
		if kept == nil {
			kept = []any{}
		}
		cell["outputs"] = kept
	}
	nb["metadata"] = map[string]any{
		"kernelspec":    map[string]any{"display_name": "Go (safex)", "language": "go", "name": "gonb"},
		"language_info": map[string]any{"name": "go", "file_extension": ".go", "mimetype": "text/x-go"},
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(nb); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// joined is the text of a stream, which notebooks keep as one string or as a list of lines.
func joined(text any) string {
	switch t := text.(type) {
	case string:
		return t
	case []any:
		var b strings.Builder
		for _, part := range t {
			if s, ok := part.(string); ok {
				b.WriteString(s)
			}
		}
		return b.String()
	}
	return ""
}

// terminal is what is left of each line after its carriage returns.
func terminal(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		l = strings.TrimRight(l, "\r")
		lines[i] = l[strings.LastIndexByte(l, '\r')+1:]
	}
	return strings.Join(lines, "\n")
}
