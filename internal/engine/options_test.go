package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
)

// relies says which kinds change an object whose version a caller may rely on.
func relies(kind countersign.ChangeKind) bool {
	switch kind {
	case countersign.KindUserUpdate, countersign.KindUserChangeRole, countersign.KindUserGrant, countersign.KindUserRevoke,
		countersign.KindUserSetPermissions, countersign.KindUserOnboardingCode, countersign.KindUserResetDevice, countersign.KindUserSuspend,
		countersign.KindUserReactivate, countersign.KindUserDelete, countersign.KindGroupUpdate, countersign.KindGroupReplaceMembers,
		countersign.KindGroupDelete, countersign.KindMembershipUpdate, countersign.KindMembershipRemove, countersign.KindCredentialRevoke,
		countersign.KindCredentialCollect, countersign.KindPermissionUpdate, countersign.KindPermissionRemove, countersign.KindPolicyPut,
		countersign.KindOrganizationUpdate, countersign.KindOrganizationSeal, countersign.KindRecoveryReplace:
		return true
	default:
		return false
	}
}

// seen is the version of the object a change is about, as a reader gets it with
// the object.
func (h *house) seen(op countersign.Change) int64 {
	h.t.Helper()
	ctx, ada := h.t.Context(), h.As("ada").Actor
	var version int64
	var err error
	user := func(id countersign.UserID) {
		u, _, readErr := h.Engine.User(ctx, ada, id)
		version, err = u.Version, readErr
	}
	group := func(id countersign.GroupID) {
		g, _, readErr := h.Engine.Group(ctx, ada, id)
		version, err = g.ObjectVersion(), readErr
	}
	membership := func(id countersign.MembershipID) {
		m, _, readErr := h.Engine.Membership(ctx, ada, id)
		version, err = m.Version, readErr
	}
	credential := func(id countersign.CredentialID) {
		c, _, readErr := h.Engine.Credential(ctx, ada, id)
		version, err = c.Version, readErr
	}
	catalogue := func(p countersign.Permission) {
		list, _, readErr := h.Engine.Permissions(ctx, ada)
		err = readErr
		version = list[slices.IndexFunc(list, func(c countersign.CataloguePermission) bool { return c.Permission == p })].Version
	}
	organization := func() countersign.Organization {
		o, readErr := h.Engine.Organization(ctx, ada)
		err = readErr
		return o
	}
	switch c := op.(type) {
	case *countersign.UpdateUser:
		user(c.UserID)
	case *countersign.ChangeRole:
		user(c.UserID)
	case *countersign.GrantPermissions:
		user(c.UserID)
	case *countersign.RevokePermissions:
		user(c.UserID)
	case *countersign.SetPermissions:
		user(c.UserID)
	case *countersign.MakeOnboardingCode:
		user(c.UserID)
	case *countersign.ResetDevice:
		user(c.UserID)
	case *countersign.SuspendUser:
		user(c.UserID)
	case *countersign.ReactivateUser:
		user(c.UserID)
	case *countersign.DeleteUser:
		user(c.UserID)
	case *countersign.UpdateGroup:
		group(c.GroupID)
	case *countersign.ReplaceMembers:
		group(c.GroupID)
	case *countersign.DeleteGroup:
		group(c.GroupID)
	case *countersign.UpdateMembership:
		membership(c.MembershipID)
	case *countersign.RemoveMembership:
		membership(c.MembershipID)
	case *countersign.RevokeCredential:
		credential(c.CredentialID)
	case *countersign.CollectSecret:
		credential(c.CredentialID)
	case *countersign.UpdatePermission:
		catalogue(c.Permission)
	case *countersign.RemovePermission:
		catalogue(c.Permission)
	case *countersign.PutPolicy:
		version = organization().PolicyVersion
	case *countersign.UpdateOrganization, *countersign.SealOrganization:
		version = organization().Version
	case *countersign.ReplaceRecovery:
		set, readErr := h.Engine.Recovery(ctx, ada)
		version, err = set.Version, readErr
	default:
		h.t.Fatalf("%s is about nothing that exists", op.Kind())
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return version
}

func TestAChangeMayRelyOnAVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		sealed := newHouse(t, h.Store)
		sealed.crew().Seal()
		h.applies("ada", h.sample(countersign.KindRecoveryReplace)) // what is replaced has a version
		for _, kind := range ordinaryKinds() {
			t.Run(string(kind), func(t *testing.T) {
				h := h.in(t)
				if kind == countersign.KindCredentialCollect || kind == countersign.KindDrillRun {
					h = sealed.in(t)
				}
				op := h.sample(kind)
				if !relies(kind) {
					_, err := h.asks(op, engine.Options{IfMatch: 1})
					refused(t, err, "invalid", "If-Match")
					return
				}
				version := h.seen(op)
				for _, other := range []int64{max(version-1, 1), version + 1, 1 << 40} {
					if other == version {
						continue // 0 would not ask
					}
					_, err := h.asks(op, engine.Options{IfMatch: other})
					refused(t, err, "version_moved", "If-Match")
				}
				// A dry run relies on it as well.
				if _, err := h.asks(op, engine.Options{IfMatch: version, DryRun: true}); err != nil {
					t.Errorf("a dry run on what was seen: %v", err)
				}
				if kind == countersign.KindOrganizationSeal {
					return // others still need the bootstrap
				}
				if _, err := h.asks(op, engine.Options{IfMatch: version}); err != nil {
					t.Errorf("on what was seen: %v", err)
				}
			})
		}
	})
}

// Who is in a group is part of what a reader of the group saw.
func TestAGroupsVersionMovesWithItsMembers(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		group := h.team()
		rename := &countersign.UpdateGroup{GroupID: group, Name: countersign.Some("Renamed")}
		before := h.seen(rename)
		id := h.member(h.ID("vera"), group)
		for _, move := range []func(){
			func() {},
			func() {
				h.applies("ada", &countersign.UpdateMembership{MembershipID: id, Role: countersign.Some(countersign.GroupAdmin)})
			},
			func() { h.applies("ada", &countersign.RemoveMembership{MembershipID: id}) },
			func() {
				h.applies("ada", &countersign.ReplaceMembers{GroupID: group, MemberIDs: []countersign.UserID{h.ID("bot")}})
			},
			func() { h.applies("ada", &countersign.DeleteUser{UserID: h.ID("bot")}) },
		} {
			move()
			_, err := h.submit("ada", engine.Options{IfMatch: before}, rename)
			refused(t, err, "version_moved", "If-Match")
			before = h.seen(rename)
			if _, err := h.submit("ada", engine.Options{IfMatch: before, DryRun: true}, rename); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// traces are what a transaction could leave behind besides rows, of which the
// log is compared with every one in the end.
type traces struct {
	Head    countersign.Head
	Numbers []int64
	Keys    int
}

func (h *house) traces(keys ...string) traces {
	h.t.Helper()
	s := traces{Head: h.head()}
	undo := countersign.E(countersign.Refused, "", "only looking")
	err := h.Store.Write(h.t.Context(), h.Org.ID, func(tx store.WriteTx) error {
		s.Numbers, s.Keys = nil, 0
		for _, sequence := range []store.Sequence{store.UserNumbers, store.GroupNumbers, store.MembershipNumbers} {
			next, err := tx.Allot(h.t.Context(), sequence, 1)
			if err != nil {
				return err
			}
			s.Numbers = append(s.Numbers, next)
		}
		for _, key := range keys {
			for _, name := range h.cast {
				if _, err := tx.Remembered(h.t.Context(), h.ID(name), "test", key, time.Time{}); err == nil {
					s.Keys++
				}
			}
		}
		return undo
	})
	if countersign.KindOf(err) != countersign.Refused {
		h.t.Fatal(err)
	}
	return s
}

func TestADryRunLeavesNoTrace(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		sealed := newHouse(t, h.Store)
		sealed.crew().Seal()
		leavesNone := func(h *house, do func(o engine.Options) (engine.Result, error), state countersign.ChangeState) {
			h.t.Helper()
			before := h.traces("dry")
			for range 2 {
				result, err := do(engine.Options{DryRun: true, Once: once("dry", "a")})
				if err != nil || !result.DryRun || result.Replayed != nil || result.Change.State != state || len(result.Secrets) != 0 {
					h.t.Errorf("a dry run gives %s, %d secrets (%v)", result.Change.State, len(result.Secrets), err)
				}
			}
			if diff := cmp.Diff(before, h.traces("dry")); diff != "" {
				h.t.Errorf("a dry run left (-before +after)\n%s", diff)
			}
		}
		rows := fates()
		for _, kind := range ordinaryKinds() {
			t.Run(string(kind), func(t *testing.T) {
				if kind == countersign.KindDrillRun { // of which there is none before the seal
					leavesNone(sealed.in(t), func(o engine.Options) (engine.Result, error) { return sealed.in(t).asks(sealed.sample(kind), o) }, countersign.ChangePending)
					return
				}
				op, at := h.in(t).sample(kind), h.in(t)
				if kind == countersign.KindCredentialCollect {
					op, at = sealed.in(t).sample(kind), sealed.in(t)
				}
				leavesNone(at, func(o engine.Options) (engine.Result, error) { return at.asks(op, o) }, countersign.ChangeApplied)
				if rows[kind].need > 0 {
					at = sealed.in(t)
					op = at.sample(kind)
					leavesNone(at, func(o engine.Options) (engine.Result, error) { return at.asks(op, o) }, countersign.ChangePending)
				}
			})
		}
		held := sealed.mustHold(&countersign.CreateGroup{Name: "Voted"}).Change
		leavesNone(sealed, func(o engine.Options) (engine.Result, error) {
			return sealed.Engine.Decide(t.Context(), sealed.As("grace").Actor, held.ID, engine.Vote{Decision: countersign.Approve, Digest: held.Digest}, o)
		}, countersign.ChangeApplied)
		leavesNone(sealed, func(o engine.Options) (engine.Result, error) {
			return sealed.Engine.Decide(t.Context(), sealed.As("grace").Actor, held.ID, engine.Vote{Decision: countersign.Deny, Digest: held.Digest}, o)
		}, countersign.ChangeRejected)
		leavesNone(sealed, func(o engine.Options) (engine.Result, error) {
			return sealed.Engine.Cancel(t.Context(), sealed.As("ada").Actor, held.ID, o)
		}, countersign.ChangeCancelled)
		leavesNone(sealed, func(o engine.Options) (engine.Result, error) {
			return sealed.Engine.Replace(t.Context(), sealed.As("ada").Actor, held.ID, []countersign.Change{&countersign.CreateGroup{Name: "Instead"}}, o)
		}, countersign.ChangePending)
	})
}

// A dry run that is refused leaves no answer under its key either: the request
// itself may follow with it.
func TestARefusedDryRunIsNotRemembered(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		o := engine.Options{DryRun: true, Once: once("dry", "a")}
		_, err := h.submit("ada", o, &countersign.AddPermission{Permission: countersign.UsersRead})
		if _, stored := h.kept("ada", "dry"); scenario.CodeOf(err) != "permission_taken" || stored {
			t.Errorf("remembered: %t (%v)", stored, err)
		}
		_, err = h.submit("ada", engine.Options{Once: once("dry", "b")}, &countersign.CreateGroup{Name: "For good"})
		if err != nil {
			t.Errorf("the key of a dry run is taken: %v", err)
		}
	})
}

// A dry run says what would come of it: the same facts, the same requirement.
func TestADryRunSaysWhatWouldHappen(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		op := &countersign.GrantPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{countersign.VaultsCreate}}
		dry, err := h.submit("ada", engine.Options{DryRun: true}, op)
		if err != nil {
			t.Fatal(err)
		}
		held := h.mustHold(op)
		for what, pair := range map[string][2]any{
			"effects": {dry.Change.Effects, held.Change.Effects}, "base": {dry.Change.Base, held.Change.Base},
			"pools": {dry.Change.Pools, held.Change.Pools}, "excluded": {dry.Change.Excluded, held.Change.Excluded},
			"requirement": {dry.Change.Requirement, held.Change.Requirement}, "rules": {dry.Change.RuleIDs, held.Change.RuleIDs},
		} {
			if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
				t.Errorf("%s (-dry +held)\n%s", what, diff)
			}
		}
		if dry.Preview == nil || dry.Preview.Impact.Gains != 1 || !dry.Preview.Reachable {
			t.Errorf("the preview is %+v", dry.Preview)
		}
	})
}

// Whatever is already so is refused, held or not, alone or in a batch.
func TestWhatChangesNothingIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		sealed := newHouse(t, h.Store)
		sealed.crew().Seal()
		for _, at := range []*house{h, sealed} {
			nothing := []countersign.Change{
				&countersign.ChangeRole{UserID: at.ID("vera"), Role: countersign.RoleViewer},
				&countersign.ReactivateUser{UserID: at.ID("vera")},
				&countersign.UpdateOrganization{Name: countersign.Some(at.Org.Name)},
				&countersign.PutPolicy{Policy: countersign.TwoPersonPolicy()},
			}
			if at == sealed {
				put, err := at.Engine.Policy(t.Context(), at.As("ada").Actor)
				if err != nil {
					t.Fatal(err)
				}
				nothing[3] = &countersign.PutPolicy{Policy: put.Policy}
			}
			for _, ops := range [][]countersign.Change{nothing[:1], nothing[1:2], nothing[2:3], nothing[3:], nothing} {
				before := at.head().Size
				_, err := at.submit("ada", engine.Options{}, ops...)
				refused(t, err, "no_effect", "")
				if at.head().Size != before {
					t.Errorf("%s moved the log", kindsOf(ops))
				}
			}
		}
		// One operation that does something carries the others along.
		h.applies("ada", &countersign.ReactivateUser{UserID: h.ID("vera")}, &countersign.CreateGroup{Name: "Something"})
	})
}
