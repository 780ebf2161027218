package safex_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// No variable, parameter, constant, type or function has the name of what Go declares itself: a reader who meets max or any takes it for
// that. Fields and methods are reached by a dot, and may.
func TestPredeclared(t *testing.T) {
	files := token.NewFileSet()
	check := func(id *ast.Ident) {
		if id != nil && types.Universe.Lookup(id.Name) != nil {
			t.Errorf("%s: %s hides what Go declares under that name", files.Position(id.Pos()), id.Name)
		}
	}
	fields := func(list *ast.FieldList) {
		if list == nil {
			return
		}
		for _, f := range list.List {
			for _, id := range f.Names {
				check(id)
			}
		}
	}
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, x := range n.Lhs {
					if id, ok := x.(*ast.Ident); ok && n.Tok == token.DEFINE {
						check(id)
					}
				}
			case *ast.RangeStmt:
				for _, x := range []ast.Expr{n.Key, n.Value} {
					if id, ok := x.(*ast.Ident); ok && n.Tok == token.DEFINE {
						check(id)
					}
				}
			case *ast.ValueSpec:
				for _, id := range n.Names {
					check(id)
				}
			case *ast.TypeSpec:
				check(n.Name)
			case *ast.FuncDecl:
				if n.Recv == nil {
					check(n.Name)
				}
				fields(n.Recv)
			case *ast.FuncType:
				fields(n.Params)
				fields(n.Results)
				fields(n.TypeParams)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
