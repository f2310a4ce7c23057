package storetest

import (
	"fmt"
	"reflect"
	"time"
)

// sample returns a value whose every field is set, each to something else and
// to something else again for another seed.
func sample[T any](seed int) T {
	var v T
	next := seed * 1000
	fill(reflect.ValueOf(&v).Elem(), &next)
	return v
}

func fill(v reflect.Value, next *int) {
	*next++
	if _, ok := v.Interface().(time.Time); ok {
		v.Set(reflect.ValueOf(time.UnixMicro(1_700_000_000_000_000 + int64(*next)*1_000_001).UTC()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d äöü € 𝄞 'quoted' \"twice\" %%", *next))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*next))
	case reflect.Uint8:
		v.SetUint(uint64(*next % 256))
	case reflect.Slice:
		n := 2
		if v.Type().Elem().Kind() == reflect.Uint8 {
			n = 32
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(v.Index(i), next)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, next)
			fill(value, next)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	default:
		panic(fmt.Sprintf("storetest: no sample of %s yet", v.Type()))
	}
}

// zeroFields names the fields of v that hold nothing, at any depth.
func zeroFields(v reflect.Value, path string) []string {
	if v.IsZero() {
		return []string{path}
	}
	if _, ok := v.Interface().(time.Time); ok {
		return nil
	}
	var zero []string
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			zero = append(zero, zeroFields(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return nil
		}
		for i := range v.Len() {
			zero = append(zero, zeroFields(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	default:
	}
	return zero
}

// oneTruthEach returns copies of v, a struct, in which one of its booleans is
// true and the others are false: all true, they could be mistaken for each other.
func oneTruthEach(v any) (copies []any) {
	for i := range truths(reflect.ValueOf(v)) {
		c := reflect.New(reflect.TypeOf(v)).Elem()
		c.Set(reflect.ValueOf(v))
		for j, truth := range truths(c) {
			truth.SetBool(i == j)
		}
		copies = append(copies, c.Interface())
	}
	return copies
}

// truths finds the booleans of a struct and of the structs in it.
func truths(v reflect.Value) (found []reflect.Value) {
	if v.Kind() == reflect.Bool {
		return []reflect.Value{v}
	}
	if _, ok := v.Interface().(time.Time); ok || v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		found = append(found, truths(v.Field(i))...)
	}
	return found
}
