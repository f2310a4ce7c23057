package engine_test

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/testdb"
)

// Whoever looks at an organization looks away again, whatever he was told: one
// that stays pinned can never be let go. Every method is called there is, so one
// that is added is held to this too.
func TestNoMethodLeavesAPin(t *testing.T) {
	t.Parallel()
	w := found(t, testdb.SQLite(t), 1)
	ada := w.found[0]
	mallory := ada
	mallory.User = nobody
	// Two pin on purpose, one never ends, and what one holds is no organization.
	except := []string{"Hold", "Late", "Watch", "LoadAs"}
	methods, called := reflect.TypeFor[*engine.Engine](), 0
	for i := range methods.NumMethod() {
		m := methods.Method(i)
		if slices.Contains(except, m.Name) {
			continue
		}
		for who, actor := range map[string]countersign.Actor{"an admin": ada, "nobody": mallory} {
			e := withMemory(w.store, 0)
			args := []reflect.Value{reflect.ValueOf(e)}
			for in := 1; in < m.Type.NumIn(); in++ {
				args = append(args, argument(t.Context(), m.Type.In(in), actor))
			}
			// A bug that panics must not leave one either: a nil plan is one.
			panicked := calls(m.Func, args)
			if panicked != nil && m.Name != "SubmitPlanned" {
				t.Errorf("%s, asked by %s: %v", m.Name, who, panicked)
			}
			if n := pinsLeft(e); n != 0 {
				t.Errorf("%s, asked by %s, leaves %d pins", m.Name, who, n)
			}
			called++
		}
	}
	if called < 60 {
		t.Errorf("only %d methods were called", called)
	}
}

// pinsLeft counts the pins that stay: a load may go on after who asked has left.
func pinsLeft(e *engine.Engine) int32 {
	for range 2000 {
		if e.Pins() == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return e.Pins()
}

// argument is a value of a type: what leads to the actor's organization where it
// matters, else nothing.
func argument(ctx context.Context, of reflect.Type, actor countersign.Actor) reflect.Value {
	switch of {
	case reflect.TypeFor[context.Context]():
		return reflect.ValueOf(ctx)
	case reflect.TypeFor[countersign.Actor]():
		return reflect.ValueOf(actor)
	case reflect.TypeFor[countersign.OrganizationID]():
		return reflect.ValueOf(actor.Organization)
	case reflect.TypeFor[[]countersign.Change]():
		return reflect.ValueOf([]countersign.Change{&countersign.CreateGroup{Name: "Pinned"}})
	}
	if of.Kind() == reflect.Func {
		return reflect.MakeFunc(of, func([]reflect.Value) []reflect.Value { return nil })
	}
	return reflect.Zero(of)
}

func calls(method reflect.Value, args []reflect.Value) (panicked any) {
	defer func() { panicked = recover() }()
	for _, result := range method.Call(args) {
		// A look is made to pin, until whoever opened it closes it.
		if look, is := result.Interface().(*engine.Look); is && look != nil {
			look.Close()
		}
	}
	return nil
}
