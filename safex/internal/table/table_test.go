package table

import (
	"fmt"
	"strings"
	"testing"
)

func TestPage(t *testing.T) {
	type row struct {
		name string
		n    int
	}
	data := []row{{"a|b<c", 1}, {"long\x1bname", 22}}
	head, rows, left := Cells(data, 1,
		Column[row]{Name: "name", Of: func(r row) string { return r.name }},
		Column[row]{Name: "n", Of: func(r row) string { return fmt.Sprint(r.n) }},
		Column[row]{Name: "never", Has: func(r row) bool { return r.n > 99 }, Of: func(row) string { return "x" }})
	if left != 1 {
		t.Errorf("%d columns of its own", left)
	}
	var p Page
	p.Say("Said of %d.", 2)
	p.Say("And more.")
	p.Add("a title", head, rows...)
	p.Add("", []string{"b", "c"}, []string{"5", "6"})
	p.Say("The end.")
	var text, markdown strings.Builder
	if p.Text(&text) != nil || p.Markdown(&markdown) != nil {
		t.Fatal("it cannot be written")
	}
	if want := "Said of 2.\nAnd more.\n\na title\nname       n\na|b<c      1\nlong name  22\n\nb  c\n5  6\n\nThe end.\n"; text.String() != want {
		t.Errorf("text\n%s\nwant\n%s", text.String(), want)
	}
	if want := "Said of 2.\nAnd more.\n\na title\n\n| name | n |\n|---|---|\n| a\\|b&lt;c | 1 |\n| long name | 22 |\n\n| b | c |\n|---|---|\n| 5 | 6 |\n\nThe end.\n"; markdown.String() != want {
		t.Errorf("Markdown\n%s\nwant\n%s", markdown.String(), want)
	}
}
