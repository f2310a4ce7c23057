package access_test

import (
	"errors"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
)

// Each kind that reduces power has a permission of its own; no other permission
// helps, and no other kind can be done as an emergency.
func TestEmergenciesAskForTheirPermission(t *testing.T) {
	ada := countersign.Actor{User: "ada", Type: countersign.Person, Method: countersign.ByToken}
	everything := func(countersign.Permission) bool { return true }
	possible := 0
	for _, kind := range countersign.ChangeKinds() {
		need, ok := countersign.EmergencyPermission(kind)
		if !ok {
			if err := access.Emergency(ada, everything, kind); !errors.Is(err, countersign.Forbidden) {
				t.Errorf("%s is done as an emergency: %v", kind, err)
			}
			continue
		}
		possible++
		if err := access.Emergency(ada, holding(need), kind); err != nil {
			t.Errorf("%s with %s: %v", kind, need, err)
		}
		others := func(p countersign.Permission) bool { return p != need }
		if err := access.Emergency(ada, others, kind); !access.Missing(err) {
			t.Errorf("%s without %s: %v", kind, need, err)
		}
	}
	if possible != 3 {
		t.Errorf("%d kinds can be done as an emergency", possible)
	}
}

func TestOnlyPeopleActInAnEmergency(t *testing.T) {
	everything := func(countersign.Permission) bool { return true }
	person := countersign.Actor{User: "ada", Type: countersign.Person, Method: countersign.ByToken}
	for what, change := range map[string]func(a *countersign.Actor){
		"an API user":           func(a *countersign.Actor) { a.Type = countersign.APIUser },
		"an end user":           func(a *countersign.Actor) { a.Type = countersign.EndUser },
		"somebody for another":  func(a *countersign.Actor) { a.Subject = "grace" },
		"a session of a client": func(a *countersign.Actor) { a.Method = countersign.ByAccessToken },
		"a signed request":      func(a *countersign.Actor) { a.Method = countersign.BySignature },
		"who came with a code":  func(a *countersign.Actor) { a.Method = countersign.ByEnrolmentCode },
		"the system":            func(a *countersign.Actor) { a.Method = countersign.BySystem },
	} {
		actor := person
		change(&actor)
		if err := access.Emergency(actor, everything, countersign.KindUserSuspend); !errors.Is(err, countersign.Forbidden) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := access.Emergency(person, everything, countersign.KindUserSuspend); err != nil {
		t.Error(err)
	}
}
