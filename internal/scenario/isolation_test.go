package scenario_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// TestNothingCrossesOrganizations lets an admin of one organization name every
// id of another, in every change and every read. The answers must be those for
// ids that do not exist at all.
func TestNothingCrossesOrganizations(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		mine := scenario.New(t, scenario.Direct, open())
		mine.Admins("grace", "linus").People(countersign.RoleViewer, "vera")
		other := mine.Beside(scenario.Direct, "Southwind Bank")
		other.Admins("grace", "linus").People(countersign.RoleViewer, "victim")
		group := other.Group("Treasury", []countersign.Permission{countersign.VaultsCreate}, "victim")
		membership := membershipOf(t, other, group)
		held := other.Seal().As("ada").Asks(other.Grant("victim", countersign.VaultsCreate))
		before := position(t, other)

		theirs := ids{
			user: other.ID("victim"), group: group, membership: membership,
			credential: other.As("victim").Actor.Credential, change: held.ID,
		}
		nobodys := ids{
			user: "01890a5d-0000-7000-8000-000000000001", group: "01890a5d-0000-7000-8000-000000000002",
			membership: "01890a5d-0000-7000-8000-000000000003", credential: "01890a5d-0000-7000-8000-000000000004",
			change: "01890a5d-0000-7000-8000-000000000005",
		}
		for name, ask := range questions(mine, held.Digest) {
			got, want := ask(theirs), ask(nobodys)
			if strings.HasPrefix(name, "submit") && countersign.KindOf(want) != countersign.NotFound {
				t.Errorf("%s is refused before anybody looks the id up: %v", name, want)
			}
			if got == nil && want == nil {
				t.Errorf("%s: neither a foreign nor an unknown id is refused", name)
				continue
			}
			if plain(got, theirs) != plain(want, nobodys) {
				t.Errorf("%s tells a foreign id from an unknown one:\n%v\n%v", name, got, want)
			}
		}
		if after := position(t, other); after != before {
			t.Errorf("the other organization's log moved from %d to %d", before, after)
		}
		other.As("ada").Sees(held).MustBe(countersign.ChangePending)
	})
}

type ids struct {
	user       countersign.UserID
	group      countersign.GroupID
	membership countersign.MembershipID
	credential countersign.CredentialID
	change     countersign.ChangeID
}

// questions is every way to name an id: each change kind with each id field
// filled, by reflection so that no kind is forgotten, and every read.
func questions(w *scenario.World, digest string) map[string]func(ids) error {
	out := map[string]func(ids) error{}
	ctx, actor := w.Context(), w.As("ada").Actor
	for _, kind := range countersign.ChangeKinds() {
		sample, _ := countersign.NewChange(kind)
		if !namesIDs(sample) || kind == countersign.KindRecoveryAccess { // which nobody can ask for
			continue
		}
		out["submit "+string(kind)] = func(x ids) error {
			c, _ := countersign.NewChange(kind)
			fillIDs(reflect.ValueOf(c).Elem(), x)
			_, err := w.Engine.Submit(ctx, actor, []countersign.Change{c}, engine.Options{DryRun: true})
			return err
		}
	}
	reads := map[string]func(ids) error{
		"user":           func(x ids) error { _, _, err := w.Engine.User(ctx, actor, x.user); return err },
		"group":          func(x ids) error { _, _, err := w.Engine.Group(ctx, actor, x.group); return err },
		"membership":     func(x ids) error { _, _, err := w.Engine.Membership(ctx, actor, x.membership); return err },
		"effective":      func(x ids) error { _, _, err := w.Engine.Effective(ctx, actor, x.user); return err },
		"credentials":    func(x ids) error { _, _, err := w.Engine.Credentials(ctx, actor, x.user); return err },
		"credential":     func(x ids) error { _, _, err := w.Engine.Credential(ctx, actor, x.credential); return err },
		"change":         func(x ids) error { _, err := w.Engine.Change(ctx, actor, x.change); return err },
		"import":         func(x ids) error { _, err := w.Engine.Import(ctx, actor, x.change); return err },
		"imported batch": func(x ids) error { _, err := w.Engine.ImportBatch(ctx, actor, x.change, 0); return err },
		"send to import": func(x ids) error {
			rows := &countersign.ImportRows{Salt: strings.Repeat("0a", 16), Groups: []countersign.ImportGroup{{Line: 2, Name: "x"}}}
			_, err := w.Engine.Submit(ctx, actor, []countersign.Change{countersign.NewImportBatch(x.change, 0, nil, rows)}, engine.Options{})
			return err
		},
		"approve": func(x ids) error {
			_, err := w.Engine.Decide(ctx, actor, x.change, engine.Vote{Decision: countersign.Approve, Digest: digest}, engine.Options{})
			return err
		},
		"cancel": func(x ids) error { _, err := w.Engine.Cancel(ctx, actor, x.change, engine.Options{}); return err },
		"replace": func(x ids) error {
			_, err := w.Engine.Replace(ctx, actor, x.change, []countersign.Change{&countersign.CreateGroup{Name: "x"}}, engine.Options{})
			return err
		},
		"check": func(x ids) error {
			v, err := w.Engine.Check(ctx, actor, engine.Question{User: x.user, Permission: countersign.VaultsCreate})
			if err == nil && !v.Allowed {
				err = errors.New(v.Why)
			}
			return err
		},
		"list users": func(x ids) error {
			l, err := w.Engine.Users(ctx, actor, countersign.UserFilter{IDs: []countersign.UserID{x.user}, IncludeDeleted: true}, nil, countersign.Page{Limit: 9})
			return emptied(l.Total, err)
		},
		"list users of a group": func(x ids) error {
			l, err := w.Engine.Users(ctx, actor, countersign.UserFilter{GroupIDs: []countersign.GroupID{x.group}}, nil, countersign.Page{Limit: 9})
			return emptied(l.Total, err)
		},
		"page after a user": func(x ids) error {
			_, err := w.Engine.Users(ctx, actor, countersign.UserFilter{}, nil, countersign.Page{After: string(x.user), Limit: 9})
			return err
		},
		"list memberships": func(x ids) error {
			l, err := w.Engine.Memberships(ctx, actor, countersign.MembershipFilter{GroupIDs: []countersign.GroupID{x.group}}, nil, countersign.Page{Limit: 9})
			return emptied(l.Total, err)
		},
		"list changes about": func(x ids) error {
			l, err := w.Engine.Changes(ctx, actor, engine.ChangeFilter{UserID: x.user}, countersign.Page{Limit: 9})
			return emptied(l.Total, err)
		},
	}
	for name, fn := range reads {
		out["read "+name] = fn
	}
	return out
}

var errEmpty = errors.New("an empty list")

func emptied(total int, err error) error {
	if err == nil && total == 0 {
		return errEmpty
	}
	return err
}

// namesIDs reports whether a kind refers to anything that exists.
func namesIDs(c countersign.Change) bool {
	v := reflect.ValueOf(c).Elem()
	fillIDs(v, ids{user: "u", group: "g", membership: "m", credential: "c"})
	return !v.IsZero() && c.Kind() != countersign.KindUserActivate && c.Kind() != countersign.KindCredentialRedeem
}

// fillIDs fills every field that refers to something, but no allotted one, and
// gives the rest what validation asks for.
func fillIDs(v reflect.Value, x ids) {
	kind := v.Addr().Interface().(countersign.Change).Kind()
	for i := range v.NumField() {
		name, tag := v.Type().Field(i).Name, v.Type().Field(i).Tag.Get("json")
		allotted := strings.Contains(tag, "omitzero") && (strings.HasSuffix(name, "ID") || name == "Number" || name == "Memberships")
		creates := kind == countersign.KindUserInvite || kind == countersign.KindUserCreateAPIUser ||
			kind == countersign.KindUserCreateAPISigner || kind == countersign.KindGroupCreate
		if allotted || !v.Type().Field(i).IsExported() {
			continue
		}
		switch field := v.Field(i).Addr().Interface().(type) {
		case *countersign.UserID:
			*field = x.user
		case *countersign.GroupID:
			*field = x.group
		case *countersign.MembershipID:
			*field = x.membership
		case *countersign.CredentialID:
			*field = x.credential
		case *[]countersign.UserID:
			*field = []countersign.UserID{x.user}
		case *[]countersign.GroupID:
			*field = []countersign.GroupID{x.group}
		}
		if creates || !v.IsZero() {
			fillRest(v.Field(i), name)
		}
	}
}

func fillRest(field reflect.Value, name string) {
	switch f := field.Addr().Interface().(type) {
	case *string:
		*f = map[string]string{"Name": "A name", "Email": "a@b.example"}[name]
	case *countersign.Role:
		*f = countersign.RoleViewer
	case *countersign.CredentialType:
		*f = countersign.Token
	case *[]countersign.Permission:
		*f = []countersign.Permission{countersign.UsersRead}
	case *countersign.Opt[string]:
		if name == "Name" || name == "Description" {
			*f = countersign.Some("A name")
		}
	case *countersign.Opt[countersign.MembershipRole]:
		*f = countersign.Some(countersign.GroupAdmin)
	}
}

// plain writes an error without the ids that were asked about.
func plain(err error, x ids) string {
	if err == nil {
		return "granted"
	}
	text := err.Error()
	for _, id := range []string{string(x.user), string(x.group), string(x.membership), string(x.credential), string(x.change)} {
		text = strings.ReplaceAll(text, id, "<id>")
	}
	var own *countersign.Error
	if errors.As(err, &own) {
		text += own.Code + own.Field
	}
	return text
}

func membershipOf(t *testing.T, w *scenario.World, group countersign.GroupID) countersign.MembershipID {
	t.Helper()
	list, err := w.Engine.Memberships(t.Context(), w.As("ada").Actor, countersign.MembershipFilter{GroupIDs: []countersign.GroupID{group}}, nil, countersign.Page{Limit: 1})
	if err != nil || len(list.Items) != 1 {
		t.Fatal(list.Total, err)
	}
	return list.Items[0].ID
}

func position(t *testing.T, w *scenario.World) int64 {
	t.Helper()
	_, head, err := w.Engine.Entries(t.Context(), w.As("ada").Actor, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	return head.Size
}
