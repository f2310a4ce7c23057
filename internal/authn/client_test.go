package authn_test

import (
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
)

// TestAClientIsKnownByIdAndSecret, and nobody learns which of the two was wrong.
func TestAClientIsKnownByIdAndSecret(t *testing.T) {
	t.Parallel()
	w := world(t)
	c, second := register(t, w, "bot"), register(t, w, "bot")
	revoked := register(t, w, "bot")
	submit(t, w, &countersign.RevokeCredential{CredentialID: revoked.actor.Credential})
	beside := w.Beside(scenario.Direct, "Other").People(countersign.RoleViewer, "vera").Account("bot", "vera")
	other := register(t, beside, "bot")
	if c.actor.User != w.ID("bot") || c.actor.Person() != w.ID("vera") || c.actor.Organization != w.Org.ID || other.actor.Organization != beside.Org.ID {
		t.Errorf("%+v", c.actor)
	}
	var told string
	for name, pair := range map[string][2]string{
		"wrong secret": {c.id, c.secret + "x"}, "no secret": {c.id, ""}, "unknown id": {"nobody", c.secret}, "nothing": {"", ""},
		"another client's secret": {c.id, second.secret}, "another organization's": {c.id, other.secret}, "revoked": {revoked.id, revoked.secret},
		"a token as secret": {c.id, w.As("bot").Token}, "no text": {"\x00\xff", "x"},
	} {
		_, err := w.Authn.Client(t.Context(), pair[0], pair[1], home)
		mustBeCode(t, err, authn.CodeClientInvalid)
		if told == "" && err != nil {
			told = err.Error()
		}
		if err == nil || err.Error() != told {
			t.Errorf("%s: %v, others are told %s", name, err, told)
		}
	}
	w.Clock.Pass(countersign.DefaultTokenLife)
	_, err := w.Authn.Client(t.Context(), c.id, c.secret, home)
	mustBeCode(t, err, authn.CodeClientInvalid)
}

func TestAClientWhoseAccountStoppedGetsNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, w *scenario.World){
		"account suspended":       func(t *testing.T, w *scenario.World) { submit(t, w, &countersign.SuspendUser{UserID: w.ID("bot")}) },
		"responsible person away": func(t *testing.T, w *scenario.World) { submit(t, w, &countersign.SuspendUser{UserID: w.ID("vera")}) },
		"from another address": func(t *testing.T, w *scenario.World) {
			submit(t, w, &countersign.UpdateUser{UserID: w.ID("bot"), AllowedIPs: countersign.Some([]string{"198.51.100.1"})})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t)
			c := register(t, w, "bot")
			end(t, w)
			_, right := w.Authn.Client(t.Context(), c.id, c.secret, home)
			_, wrong := w.Authn.Client(t.Context(), c.id, "guess", home)
			mustBeCode(t, right, authn.CodeClientStopped)
			mustBeCode(t, wrong, authn.CodeClientInvalid)
		})
	}
}

// TestAPersonLetsAClientActForHim only if it may.
func TestAPersonLetsAClientActForHim(t *testing.T) {
	t.Parallel()
	w := world(t).Account("weak", "vera")
	submit(t, w, &countersign.RevokePermissions{UserID: w.ID("weak"), Permissions: []countersign.Permission{countersign.GroupsUpdate}})
	c, weak := register(t, w, "bot"), register(t, w, "weak")
	beside := w.Beside(scenario.Direct, "Other").People(countersign.RoleViewer, "vera").Account("bot", "vera")
	foreign := register(t, beside, "bot")
	client, err := w.Authn.ClientFor(t.Context(), c.id, w.As("vera").Actor)
	if want := c.actor; err != nil || client.Subject != w.ID("vera") || client.User != want.User || client.Credential != want.Credential || client.Person() != w.ID("vera") {
		t.Errorf("%+v %v", client, err)
	}
	for name, id := range map[string]string{"one of little rights": weak.id, "another organization's": foreign.id, "unknown": "nobody"} {
		if _, err := w.Authn.ClientFor(t.Context(), id, w.As("vera").Actor); countersign.KindOf(err) != countersign.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Engine.Submit(t.Context(), w.As("ada").Actor, []countersign.Change{&countersign.SuspendUser{UserID: w.ID("bot")}}, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	_, err = w.Authn.ClientFor(t.Context(), c.id, w.As("ada").Actor)
	mustBeCode(t, err, authn.CodeClientStopped)
}
