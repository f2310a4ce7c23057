package access_test

import (
	"errors"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
)

func isForbidden(err error, code string) bool {
	var own *countersign.Error
	return errors.As(err, &own) && own.Kind == countersign.Forbidden && own.Code == code
}

// What recovery keys may have done is written down kind by kind: a new kind is not
// theirs until somebody says so here.
func TestWhatRecoveryKeysMayHaveDone(t *testing.T) {
	admin := func(change func(*countersign.InvitePerson)) *countersign.InvitePerson {
		c := &countersign.InvitePerson{Role: countersign.RoleAdmin}
		change(c)
		return c
	}
	for _, kind := range countersign.ChangeKinds() {
		c, _ := countersign.NewChange(kind)
		if kind == countersign.KindUserInvite {
			c = admin(func(*countersign.InvitePerson) {})
		}
		err := access.Recovery(c)
		switch kind {
		case countersign.KindPolicyPut, countersign.KindUserChangeRole, countersign.KindUserInvite, countersign.KindRecoveryAccess,
			countersign.KindOrganizationThaw:
			if err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		default:
			if !isForbidden(err, "not_recoverable") {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
	for name, c := range map[string]*countersign.InvitePerson{
		"a viewer":         admin(func(c *countersign.InvitePerson) { c.Role = countersign.RoleViewer }),
		"into a group":     admin(func(c *countersign.InvitePerson) { c.GroupIDs = []countersign.GroupID{"treasury"} }),
		"with a profile":   admin(func(c *countersign.InvitePerson) { c.Profile = countersign.Profile{"phone": "1"} }),
		"without any role": admin(func(c *countersign.InvitePerson) { c.Role = countersign.RoleNone }),
	} {
		if !isForbidden(access.Recovery(c), "not_recoverable") {
			t.Errorf("an invitation of %s passes", name)
		}
	}
	roles := []countersign.Role{countersign.RoleAdmin, countersign.RoleTrader, countersign.RoleViewer, countersign.RoleNone, ""}
	for _, from := range roles {
		for _, to := range roles {
			makes, unmakes := to == countersign.RoleAdmin, from == countersign.RoleAdmin
			if err := access.RecoversRole(from, to); (err == nil) != (makes != unmakes) {
				t.Errorf("from %q to %q: %v", from, to, err)
			}
		}
	}
	if !isForbidden(access.EndsRecovery(), "recovery_not_cancellable") {
		t.Error("a recovery can be cancelled")
	}
	// And nobody who has signed in asks for the way in that only the keys open.
	everything := func(countersign.Permission) bool { return true }
	for _, method := range []countersign.AuthMethod{countersign.ByToken, countersign.BySignature, countersign.ByAccessToken, countersign.ByEnrolmentCode, countersign.ByRecovery} {
		if access.Request(countersign.Actor{User: "ada", Method: method}, everything, &countersign.RecoverAccess{UserID: "ada"}, true) == nil {
			t.Errorf("by %s it is asked for", method)
		}
	}
}
