// Package alike compares what tests compare again and again: rows, lists of rows
// and pictures, which nearly always are the same. It exists for tests.
//
// go-cmp tells well how two values differ, and takes long to find out that they do
// not. So a plain comparison goes first, and go-cmp is asked only where that finds
// a difference, or cannot tell.
package alike

import (
	"reflect"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Diff is cmp.Diff of two values whose empty lists and maps count as none, with
// further options, which may only let more pass as equal.
func Diff(x, y any, options ...cmp.Option) string {
	if same(reflect.ValueOf(x), reflect.ValueOf(y)) {
		return ""
	}
	return cmp.Diff(x, y, append(options, cmpopts.EquateEmpty())...)
}

// same reports whether two values are surely equal: as reflect.DeepEqual, but that
// nil is an empty list or map, and a moment is the same in every zone.
func same(x, y reflect.Value) bool {
	if !x.IsValid() || !y.IsValid() || x.Type() != y.Type() {
		return !x.IsValid() && !y.IsValid()
	}
	switch x.Kind() {
	case reflect.Pointer, reflect.Interface:
		if x.IsNil() || y.IsNil() {
			return x.IsNil() && y.IsNil()
		}
		return x.Kind() == reflect.Pointer && x.Pointer() == y.Pointer() || same(x.Elem(), y.Elem())
	case reflect.Struct:
		return sameStruct(x, y)
	case reflect.Slice, reflect.Array:
		if x.Len() != y.Len() {
			return false
		}
		for i := range x.Len() {
			if !same(x.Index(i), y.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if x.Len() != y.Len() {
			return false
		}
		for all := x.MapRange(); all.Next(); {
			if other := y.MapIndex(all.Key()); !other.IsValid() || !same(all.Value(), other) {
				return false
			}
		}
		return true
	default:
		return x.Comparable() && x.Equal(y)
	}
}

func sameStruct(x, y reflect.Value) bool {
	if x.Type() == reflect.TypeFor[time.Time]() {
		if !x.CanInterface() || !y.CanInterface() {
			return false
		}
		one, ok1 := x.Interface().(time.Time)
		other, ok2 := y.Interface().(time.Time)
		return ok1 && ok2 && one.Equal(other)
	}
	for i := range x.NumField() {
		if !same(x.Field(i), y.Field(i)) {
			return false
		}
	}
	return true
}
