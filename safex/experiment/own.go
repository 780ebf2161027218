package experiment

import (
	"fmt"
	"reflect"

	"github.com/rischiboy/safe_exploration/safex"
)

// AddTask adds a task of the program's own to Tasks, by its name: a safex.Task, or parameters with a method Task, whose present values
// are then the defaults. The error says what is wrong with it.
func AddTask(m safex.Maker) error {
	if m == nil || reflect.ValueOf(m).Kind() == reflect.Pointer && reflect.ValueOf(m).IsNil() {
		return fmt.Errorf("a task of the program's own is nil")
	}
	system, err := m.Task().System()
	if err != nil {
		return err
	}
	return Tasks.add(Entry[safex.Maker]{Name: system.Name, Make: func() safex.Maker { return fresh(m) }})
}

// fresh is a copy of a value, which nobody else has.
func fresh[T any](v T) T {
	at := reflect.ValueOf(v)
	if at.Kind() == reflect.Pointer {
		at = at.Elem()
	}
	p := reflect.New(at.Type())
	p.Elem().Set(at)
	return p.Interface().(T)
}

// Unkept is the first setting of a part that is there and that run.yaml does not hold, as a function; "" if there is none.
func Unkept(part any) string {
	at := reflect.ValueOf(part)
	for at.Kind() == reflect.Pointer || at.Kind() == reflect.Interface {
		at = at.Elem()
	}
	if at.Kind() != reflect.Struct || at.Type() == reflect.TypeFor[safex.Task]() {
		return ""
	}
	for i := range at.NumField() {
		f := at.Type().Field(i)
		switch {
		case f.IsExported() && f.Tag.Get("json") == "-" && !at.Field(i).IsZero():
			return f.Name + " of " + typeName(part)
		case f.IsExported() && (f.Type.Kind() == reflect.Interface || f.Type.Kind() == reflect.Struct):
			if below := Unkept(at.Field(i).Interface()); below != "" {
				return below
			}
		}
	}
	return ""
}
