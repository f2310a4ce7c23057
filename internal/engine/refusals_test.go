package engine_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
)

// sample is one acceptable change of every kind, on objects of its own. Kinds
// that only a code or a held request leads to name objects that fit.
func (h *house) sample(kind countersign.ChangeKind) countersign.Change {
	h.t.Helper()
	switch kind {
	case countersign.KindUserInvite:
		return &countersign.InvitePerson{Name: "Somebody", Email: strings.ReplaceAll(h.name("a"), " ", "") + "@" + somebodys, Role: countersign.RoleNone}
	case countersign.KindUserCreateAPIUser:
		return &countersign.CreateAPIUser{Name: "Account", Role: countersign.RoleNone, ResponsiblePersonID: h.ID("ada")}
	case countersign.KindUserCreateAPISigner:
		return &countersign.CreateAPISigner{Name: "Signer", ResponsiblePersonID: h.ID("ada")}
	case countersign.KindUserCreateEndUser:
		return &countersign.CreateEndUser{ExternalID: h.name("customer")}
	case countersign.KindUserUpdate:
		return &countersign.UpdateUser{UserID: h.account(), Name: countersign.Some("Renamed")}
	case countersign.KindUserChangeRole:
		return &countersign.ChangeRole{UserID: h.person(countersign.RoleNone), Role: countersign.RoleViewer}
	case countersign.KindUserGrant:
		return &countersign.GrantPermissions{UserID: h.person(countersign.RoleNone), Permissions: []countersign.Permission{countersign.AuditRead}}
	case countersign.KindUserRevoke:
		id := h.person(countersign.RoleNone)
		h.approved(&countersign.GrantPermissions{UserID: id, Permissions: []countersign.Permission{countersign.AuditRead}})
		return &countersign.RevokePermissions{UserID: id, Permissions: []countersign.Permission{countersign.AuditRead}}
	case countersign.KindUserSetPermissions:
		return &countersign.SetPermissions{UserID: h.person(countersign.RoleNone), Permissions: []countersign.Permission{countersign.AuditRead}}
	case countersign.KindUserOnboardingCode:
		return &countersign.MakeOnboardingCode{UserID: h.person(countersign.RoleNone)}
	case countersign.KindUserActivate:
		id := h.person(countersign.RoleNone)
		code := h.applies("ada", &countersign.MakeOnboardingCode{UserID: id})
		return &countersign.ActivateUser{UserID: id, CodeID: only[*countersign.MakeOnboardingCode](code).CredentialID}
	case countersign.KindUserResetDevice:
		return &countersign.ResetDevice{UserID: h.activePerson(countersign.RoleNone)}
	case countersign.KindUserSuspend:
		return &countersign.SuspendUser{UserID: h.account()}
	case countersign.KindUserReactivate:
		id := h.account()
		h.approved(&countersign.SuspendUser{UserID: id})
		return &countersign.ReactivateUser{UserID: id}
	case countersign.KindUserDelete:
		return &countersign.DeleteUser{UserID: h.account()}
	default:
		return h.otherSample(kind)
	}
}

// ordinaryKinds are those that can be asked for at any time, and leave the others
// possible: not freeze, thaw and ratification, which have tests of their own.
func ordinaryKinds() []countersign.ChangeKind {
	return slices.DeleteFunc(askable(), func(kind countersign.ChangeKind) bool {
		return kind == countersign.KindOrganizationFreeze || kind == countersign.KindOrganizationThaw || kind == countersign.KindEmergencyRatify
	})
}

func (h *house) otherSample(kind countersign.ChangeKind) countersign.Change {
	h.t.Helper()
	switch kind {
	case countersign.KindGroupCreate:
		return &countersign.CreateGroup{Name: h.name("group")}
	case countersign.KindGroupUpdate:
		return &countersign.UpdateGroup{GroupID: h.team(), Description: countersign.Some("Described")}
	case countersign.KindGroupReplaceMembers:
		return &countersign.ReplaceMembers{GroupID: h.team(), MemberIDs: []countersign.UserID{h.account()}}
	case countersign.KindGroupDelete:
		return &countersign.DeleteGroup{GroupID: h.team()}
	case countersign.KindMembershipAdd:
		return &countersign.AddMembership{UserID: h.account(), GroupID: h.team()}
	case countersign.KindMembershipUpdate:
		return &countersign.UpdateMembership{MembershipID: h.member(h.account(), h.team()), Role: countersign.Some(countersign.GroupAdmin)}
	case countersign.KindMembershipRemove:
		return &countersign.RemoveMembership{MembershipID: h.member(h.account(), h.team())}
	case countersign.KindCredentialCreate:
		return &countersign.CreateCredential{UserID: h.account(), Type: countersign.Token}
	case countersign.KindCredentialIssueCode:
		return &countersign.IssueEnrolmentCode{UserID: h.activePerson(countersign.RoleNone)}
	case countersign.KindCredentialCollect:
		return &countersign.CollectSecret{CredentialID: h.token(h.account())}
	case countersign.KindCredentialRedeem:
		code := h.approved(&countersign.IssueEnrolmentCode{UserID: h.activePerson(countersign.RoleNone)})
		return &countersign.RedeemCode{CodeID: only[*countersign.IssueEnrolmentCode](code).CredentialID}
	case countersign.KindCredentialRevoke:
		return &countersign.RevokeCredential{CredentialID: h.token(h.account())}
	case countersign.KindPermissionAdd:
		return &countersign.AddPermission{Permission: countersign.Permission(strings.ReplaceAll(h.name("desk.of"), " ", "-"))}
	case countersign.KindPermissionUpdate:
		return &countersign.UpdatePermission{Permission: h.permission(), Description: "Described"}
	case countersign.KindPermissionRemove:
		return &countersign.RemovePermission{Permission: h.permission()}
	case countersign.KindPolicyPut:
		policy := countersign.TwoPersonPolicy()
		policy.Name = h.name("policy")
		return &countersign.PutPolicy{Policy: policy}
	case countersign.KindOrganizationUpdate:
		return &countersign.UpdateOrganization{Name: countersign.Some(h.name("Northwind"))}
	case countersign.KindOrganizationSeal:
		return &countersign.SealOrganization{}
	case countersign.KindImportOpen:
		return importing(customers(h.name("imported"))).open
	case countersign.KindImportBatch:
		return h.opened(importing(customers(h.name("imported")))).batch(0)
	case countersign.KindRecoveryReplace:
		return &countersign.ReplaceRecovery{Recovery: newSafe(h.t, 2, 3).set}
	case countersign.KindDrillRun:
		return &countersign.RunDrill{RuleID: "policy-needs-two"}
	default:
		h.t.Fatalf("%s has no sample: make one", kind)
		return nil
	}
}

// asks submits a change the way its kind is submitted: who redeems a code acts
// by that code.
func (h *house) asks(op countersign.Change, o engine.Options) (engine.Result, error) {
	h.t.Helper()
	actor := h.As("ada").Actor
	if k := op.Kind(); k == countersign.KindUserActivate || k == countersign.KindCredentialRedeem {
		actor.Method = countersign.ByEnrolmentCode
	}
	return h.Engine.Submit(h.t.Context(), actor, dialecttest.Sealing([]countersign.Change{op}), o)
}

// mustRefuse asks, and looks that nothing has come of it.
func (h *house) mustRefuse(op countersign.Change, code, field string) {
	h.t.Helper()
	before := h.head().Size
	_, err := h.asks(op, engine.Options{})
	refused(h.t, err, code, field)
	if h.movedSince(before) {
		h.t.Errorf("a refusal moved the log from %d", before)
	}
}

// Whatever a change names must exist, and live.
func TestWhatAChangeNamesMustExist(t *testing.T) {
	codes := map[string]string{
		"user_id": "user_unknown", "responsible_person_id": "user_unknown", "member_ids": "user_unknown", "group_ids": "group_unknown",
		"group_id": "group_unknown", "membership_id": "membership_unknown", "credential_id": "credential_unknown",
		"code_id": "code_invalid", "permission": "permission_unknown", "permissions": "permission_unknown",
	}
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		gone := h.account()
		closed := h.team()
		left := h.member(h.ID("vera"), h.team())
		h.applies("ada", &countersign.DeleteUser{UserID: gone}, &countersign.DeleteGroup{GroupID: closed}, &countersign.RemoveMembership{MembershipID: left})
		removed := h.permission()
		h.applies("ada", &countersign.RemovePermission{Permission: removed})
		dead := map[string]map[string]string{
			"user_unknown":       {"unknown": nobody, "deleted": string(gone)},
			"group_unknown":      {"unknown": nobody, "deleted": string(closed)},
			"membership_unknown": {"unknown": nobody, "removed": string(left)},
			"credential_unknown": {"unknown": nobody},
			"code_invalid":       {"unknown": nobody, "no code": string(h.As("vera").Actor.Credential)},
			"permission_unknown": {"unknown": "desk.unknown", "removed": string(removed)},
		}
		for _, kind := range askable() {
			for field, code := range codes {
				empty, _ := countersign.NewChange(kind)
				if slices.Contains(allottedFields()[kind], field) || !name(empty, field, "") || exempt(kind, field) {
					continue
				}
				at := field
				if code == "code_invalid" {
					at = "code"
				}
				for what, id := range dead[code] {
					t.Run(fmt.Sprintf("%s %s %s", kind, field, what), func(t *testing.T) {
						op := h.in(t).sample(kind)
						name(op, field, id)
						h.in(t).mustRefuse(op, code, at)
					})
				}
			}
		}
	})
}

// exempt are names that may name nothing: what is taken away or added, and the
// user beside a code, which alone decides whom it belongs to.
func exempt(kind countersign.ChangeKind, field string) bool {
	return kind == countersign.KindPermissionAdd || (kind == countersign.KindUserRevoke && field == "permissions") ||
		(kind == countersign.KindUserActivate && field == "user_id")
}

// name puts an id into a field of a change, if it has such a field.
func name(op countersign.Change, field, id string) bool {
	v := reflect.ValueOf(op).Elem()
	for i := range v.NumField() {
		tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if tag != field {
			continue
		}
		f := v.Field(i)
		if f.Kind() == reflect.Struct { // an Opt
			f.FieldByName("Set").SetBool(true)
			f = f.FieldByName("Value")
		}
		if f.Kind() == reflect.Slice {
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			f = f.Index(0)
		}
		f.SetString(id)
		return true
	}
	return false
}

// allottedFields are those that only the directory fills.
func allottedFields() map[countersign.ChangeKind][]string {
	return map[countersign.ChangeKind][]string{
		countersign.KindUserInvite:          {"user_id", "number", "memberships"},
		countersign.KindUserCreateAPIUser:   {"user_id", "number", "memberships"},
		countersign.KindUserCreateAPISigner: {"user_id", "number"},
		countersign.KindUserCreateEndUser:   {"user_id", "number"},
		countersign.KindUserOnboardingCode:  {"credential_id"},
		countersign.KindUserActivate:        {"credential_id"},
		countersign.KindGroupCreate:         {"group_id", "number", "memberships"},
		countersign.KindGroupReplaceMembers: {"memberships"},
		countersign.KindMembershipAdd:       {"membership_id", "number"},
		countersign.KindCredentialCreate:    {"credential_id", "client_id"},
		countersign.KindCredentialIssueCode: {"credential_id"},
		countersign.KindCredentialRedeem:    {"credential_id"},
		countersign.KindImportOpen:          {"import_id"},
		countersign.KindDrillRun:            {"drill_id"},
	}
}

func TestAllottedFieldsAreRefusedByName(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		// Defaults are filled too, and may be given.
		defaults := []string{"role", "invitability", "member_viewability"}
		for _, kind := range ordinaryKinds() {
			t.Run(string(kind), func(t *testing.T) {
				h := h.in(t)
				for _, field := range allottedFields()[kind] {
					op := h.sample(kind)
					give(op, field)
					h.mustRefuse(op, "invalid", field)
				}
				if kind == countersign.KindOrganizationSeal || kind == countersign.KindCredentialCollect || kind == countersign.KindDrillRun {
					return // the first would end the story, the others need one
				}
				given := h.sample(kind)
				if c, ok := given.(*countersign.CreateCredential); ok {
					c.Type = countersign.OAuthClient
				}
				result, err := h.asks(given, engine.Options{})
				if err != nil {
					t.Fatal(err)
				}
				for _, field := range filled(given, result.Change.Operations[0]) {
					if !slices.Contains(allottedFields()[kind], field) && !slices.Contains(defaults, field) {
						t.Errorf("the engine fills %s, which clients may give: is it allotted?", field)
					}
				}
			})
		}
	})
}

// give puts something into a field.
func give(op countersign.Change, field string) {
	v := reflect.ValueOf(op).Elem()
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag != field {
			continue
		}
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(nobody)
		case reflect.Int64:
			f.SetInt(7)
		default:
			f.Set(reflect.MakeSlice(f.Type(), 0, 0))
		}
	}
}

// filled lists the fields that are empty in one change and not in the other.
func filled(before, after countersign.Change) []string {
	var fields []string
	b, a := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	for i := range b.NumField() {
		if empty(b.Field(i)) && !empty(a.Field(i)) {
			tag, _, _ := strings.Cut(b.Type().Field(i).Tag.Get("json"), ",")
			fields = append(fields, tag)
		}
	}
	return fields
}

func empty(v reflect.Value) bool { return v.IsZero() || (v.Kind() == reflect.Slice && v.Len() == 0) }

// rule is one thing that is refused.
type rule struct {
	name string
	op   func(h *house) countersign.Change
	code string
	// field the error names.
	field string
}

func refusals() []rule {
	return slices.Concat(userRefusals(), groupRefusals(), credentialRefusals(), organizationRefusals())
}

func userRefusals() []rule {
	update := func(id func(h *house) countersign.UserID, c countersign.UpdateUser) func(h *house) countersign.Change {
		return func(h *house) countersign.Change {
			copied := c
			copied.UserID = id(h)
			return &copied
		}
	}
	person := func(h *house) countersign.UserID { return h.person(countersign.RoleNone) }
	vera := func(h *house) countersign.UserID { return h.ID("vera") }
	role := func(id func(h *house) countersign.UserID, r countersign.Role) func(h *house) countersign.Change {
		return func(h *house) countersign.Change { return &countersign.ChangeRole{UserID: id(h), Role: r} }
	}
	return []rule{
		{"only a person can be admin", func(h *house) countersign.Change {
			return &countersign.CreateAPIUser{Name: "A", Role: countersign.RoleAdmin, ResponsiblePersonID: h.ID("ada")}
		}, "invalid", "role"},
		{"an API user does not become admin", role((*house).account, countersign.RoleAdmin), "invalid", "role"},
		{"a signer has no role", role((*house).signer, countersign.RoleViewer), "invalid", "role"},
		{"an end user has no role", role((*house).endUser, countersign.RoleNone), "invalid", "role"},
		{"no role is no role", role(vera, countersign.NoRole), "invalid", "role"},
		{"an unknown role", role(vera, "owner"), "invalid", "role"},
		{"a person has a role", func(*house) countersign.Change { return &countersign.InvitePerson{Name: "A", Email: "r@" + somebodys} }, "invalid", "role"},
		{"an account has a role", func(h *house) countersign.Change {
			return &countersign.CreateAPIUser{Name: "A", ResponsiblePersonID: h.ID("ada")}
		}, "invalid", "role"},
		{"the role he has", role(vera, countersign.RoleViewer), "no_effect", ""},

		{"an account needs a responsible person", func(*house) countersign.Change {
			return &countersign.CreateAPIUser{Name: "A", Role: countersign.RoleNone}
		}, "invalid", "responsible_person_id"},
		{"a signer needs a responsible person", func(*house) countersign.Change { return &countersign.CreateAPISigner{Name: "A"} }, "invalid", "responsible_person_id"},
		{"an account answers for nobody", func(h *house) countersign.Change {
			return &countersign.CreateAPISigner{Name: "A", ResponsiblePersonID: h.account()}
		}, "invalid", "responsible_person_id"},
		{"an end user answers for nobody", func(h *house) countersign.Change {
			return &countersign.CreateAPIUser{Name: "A", Role: countersign.RoleNone, ResponsiblePersonID: h.endUser()}
		}, "invalid", "responsible_person_id"},
		{"responsibility passes to people only", update((*house).account, countersign.UpdateUser{ResponsiblePersonID: countersign.Some(countersign.UserID(nobody))}), "user_unknown", "responsible_person_id"},
		{"responsibility is not given up", update((*house).account, countersign.UpdateUser{ResponsiblePersonID: countersign.Null[countersign.UserID]()}), "invalid", "responsible_person_id"},
		{"nobody answers for a person", func(h *house) countersign.Change {
			return &countersign.UpdateUser{UserID: h.ID("vera"), ResponsiblePersonID: countersign.Some(h.ID("ada"))}
		}, "invalid", "responsible_person_id"},

		{"a person has no external id", update(vera, countersign.UpdateUser{ExternalID: countersign.Some("x")}), "invalid", "external_id"},
		{"a person calls from anywhere", update(vera, countersign.UpdateUser{AllowedIPs: countersign.Some([]string{"192.0.2.1"})}), "invalid", "allowed_ips"},
		{"an account has no email", update((*house).account, countersign.UpdateUser{Email: countersign.Some("a@" + somebodys)}), "invalid", "email"},
		{"a signer has no addresses", update((*house).signer, countersign.UpdateUser{AllowedIPs: countersign.Some([]string{"192.0.2.1"})}), "invalid", "allowed_ips"},
		{"an end user has no email", update((*house).endUser, countersign.UpdateUser{Email: countersign.Some("a@" + somebodys)}), "invalid", "email"},
		{"a name is not cleared", update(vera, countersign.UpdateUser{Name: countersign.Null[string]()}), "invalid", "name"},
		{"an email is not cleared", update(vera, countersign.UpdateUser{Email: countersign.Null[string]()}), "invalid", "email"},
		{"an external id is not cleared", update((*house).endUser, countersign.UpdateUser{ExternalID: countersign.Null[string]()}), "invalid", "external_id"},
		{"an address is an address", update((*house).account, countersign.UpdateUser{AllowedIPs: countersign.Some([]string{"192.0.2.1/33"})}), "invalid", "allowed_ips"},
		{"a profile has names of its own", update(vera, countersign.UpdateUser{Profile: countersign.Some(countersign.Profile{"shoe_size": "43"})}), "invalid", "profile"},
		{"an entry is no novel", update(vera, countersign.UpdateUser{Profile: countersign.Some(countersign.Profile{"phone": strings.Repeat("1", 101)})}), "too_long", "profile.phone"},
		{"an entry can be seen", update(vera, countersign.UpdateUser{Profile: countersign.Some(countersign.Profile{"address": "a\u202eb"})}), "invalid", "profile.address"},
		{"an entry taken out that is not there", update(vera, countersign.UpdateUser{Profile: countersign.Some(countersign.Profile{"phone": ""})}), "no_effect", ""},
		{"an empty profile emptied", update(vera, countersign.UpdateUser{Profile: countersign.Null[countersign.Profile]()}), "no_effect", ""},
		{"nothing is named", update(vera, countersign.UpdateUser{}), "invalid", ""},
		{"the name he has", func(h *house) countersign.Change {
			return &countersign.UpdateUser{UserID: h.ID("vera"), Name: countersign.Some(" " + h.As("vera").User.Name + " ")}
		}, "no_effect", ""},

		{"a signer holds no permissions", func(h *house) countersign.Change {
			return &countersign.GrantPermissions{UserID: h.signer(), Permissions: []countersign.Permission{countersign.UsersRead}}
		}, "invalid", "user_id"},
		{"an end user holds no permissions", func(h *house) countersign.Change {
			return &countersign.SetPermissions{UserID: h.endUser(), Permissions: []countersign.Permission{}}
		}, "invalid", "user_id"},
		{"a permission twice", func(h *house) countersign.Change {
			return &countersign.GrantPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{countersign.AuditRead, countersign.AuditRead}}
		}, "invalid", "permissions"},
		{"a permission in other letters is another one", func(h *house) countersign.Change {
			return &countersign.GrantPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{"Audit.Read"}}
		}, "permission_unknown", "permissions"},
		{"no permission at all", func(h *house) countersign.Change { return &countersign.GrantPermissions{UserID: h.ID("vera")} }, "invalid", "permissions"},
		{"a list must be given", func(h *house) countersign.Change { return &countersign.SetPermissions{UserID: h.ID("vera")} }, "invalid", "permissions"},
		{"what he does not hold", func(h *house) countersign.Change {
			return &countersign.RevokePermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{countersign.AccountsDelete}}
		}, "no_effect", ""},

		{"who waits for a code cannot be suspended", func(h *house) countersign.Change { return &countersign.SuspendUser{UserID: person(h)} }, "wrong_state", "user_id"},
		{"who waits for a code is not reactivated", func(h *house) countersign.Change { return &countersign.ReactivateUser{UserID: person(h)} }, "wrong_state", "user_id"},
		{"who is active is not reactivated", func(h *house) countersign.Change { return &countersign.ReactivateUser{UserID: h.ID("vera")} }, "no_effect", ""},
		{"who is suspended is not suspended", func(h *house) countersign.Change {
			id := h.account()
			h.approved(&countersign.SuspendUser{UserID: id})
			return &countersign.SuspendUser{UserID: id}
		}, "no_effect", ""},
		{"who is active needs no onboarding code", func(h *house) countersign.Change { return &countersign.MakeOnboardingCode{UserID: h.ID("vera")} }, "wrong_state", "user_id"},
		{"who waits for a code has no device", func(h *house) countersign.Change { return &countersign.ResetDevice{UserID: person(h)} }, "wrong_state", "user_id"},
		{"an account has no device", func(h *house) countersign.Change { return &countersign.ResetDevice{UserID: h.ID("bot")} }, "invalid", "user_id"},
		{"an end user has no device", func(h *house) countersign.Change { return &countersign.ResetDevice{UserID: h.endUser()} }, "invalid", "user_id"},
	}
}

func groupRefusals() []rule {
	add := func(change func(h *house, c *countersign.AddMembership)) func(h *house) countersign.Change {
		return func(h *house) countersign.Change {
			c := &countersign.AddMembership{UserID: h.ID("vera"), GroupID: h.team()}
			change(h, c)
			return c
		}
	}
	return []rule{
		{"an audience is one of three", func(h *house) countersign.Change {
			return &countersign.CreateGroup{Name: h.name("g"), Invitability: "everyone"}
		}, "invalid", "invitability"},
		{"an audience is not cleared", func(h *house) countersign.Change {
			return &countersign.UpdateGroup{GroupID: h.team(), MemberViewability: countersign.Null[countersign.Audience]()}
		}, "invalid", "member_viewability"},
		{"a group has a name", func(*house) countersign.Change { return &countersign.CreateGroup{Name: " \u3000 "} }, "invalid", "name"},
		{"a name is not cleared", func(h *house) countersign.Change {
			return &countersign.UpdateGroup{GroupID: h.team(), Name: countersign.Null[string]()}
		}, "invalid", "name"},
		{"permissions are not null", func(h *house) countersign.Change {
			return &countersign.UpdateGroup{GroupID: h.team(), Permissions: countersign.Null[[]countersign.Permission]()}
		}, "invalid", "permissions"},
		{"nothing is named", func(h *house) countersign.Change { return &countersign.UpdateGroup{GroupID: h.team()} }, "invalid", ""},
		{"what it is", func(h *house) countersign.Change {
			id := h.team()
			return &countersign.UpdateGroup{GroupID: id, Name: countersign.Some(h.group(id).Name), Permissions: countersign.Some([]countersign.Permission{}), Description: countersign.Null[string]()}
		}, "no_effect", ""},
		{"a signer joins no group", add(func(h *house, c *countersign.AddMembership) { c.UserID = h.signer() }), "not_a_member_type", "user_id"},
		{"an end user joins no group", add(func(h *house, c *countersign.AddMembership) { c.UserID = h.endUser() }), "not_a_member_type", "user_id"},
		{"a signer is no first member", func(h *house) countersign.Change {
			return &countersign.CreateGroup{Name: h.name("g"), MemberIDs: []countersign.UserID{h.signer()}}
		}, "not_a_member_type", "member_ids"},
		{"an end user is not put in", func(h *house) countersign.Change {
			return &countersign.ReplaceMembers{GroupID: h.team(), MemberIDs: []countersign.UserID{h.endUser()}}
		}, "not_a_member_type", "member_ids"},
		{"nobody is in a group twice", add(func(h *house, c *countersign.AddMembership) { c.GroupID = h.team(c.UserID) }), "already_member", "user_id"},
		{"a list names nobody twice", func(h *house) countersign.Change {
			return &countersign.ReplaceMembers{GroupID: h.team(), MemberIDs: []countersign.UserID{h.ID("vera"), h.ID("vera")}}
		}, "invalid", "member_ids"},
		{"the members it has", func(h *house) countersign.Change {
			return &countersign.ReplaceMembers{GroupID: h.team(h.ID("vera")), MemberIDs: []countersign.UserID{h.ID("vera")}}
		}, "no_effect", ""},
		{"a list of members must be given", func(h *house) countersign.Change { return &countersign.ReplaceMembers{GroupID: h.team()} }, "invalid", "member_ids"},
		{"a group admin is no admin", add(func(_ *house, c *countersign.AddMembership) { c.Role = "coadmin" }), "invalid", "role"},
		{"an unknown switch", add(func(_ *house, c *countersign.AddMembership) {
			c.Configurable = countersign.Some(map[string]bool{"can_fly": true})
		}), "invalid", "configurable_permissions"},
		{"a term that ends before it begins", add(func(h *house, c *countersign.AddMembership) {
			c.StartsAt, c.ExpiresAt = countersign.Some(h.Clock.Now()), countersign.Some(h.Clock.Now())
		}), "invalid", "expires_at"},
		{"a term that an update turns around", func(h *house) countersign.Change {
			c := &countersign.AddMembership{UserID: h.ID("vera"), GroupID: h.team(), ExpiresAt: countersign.Some(h.Clock.Now().Add(time.Hour))}
			id := only[*countersign.AddMembership](h.approved(c)).MembershipID
			return &countersign.UpdateMembership{MembershipID: id, StartsAt: countersign.Some(h.Clock.Now().Add(time.Hour))}
		}, "invalid", "expires_at"},
		{"a term in the year 10000", add(func(_ *house, c *countersign.AddMembership) {
			c.ExpiresAt = countersign.Some(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
		}), "invalid", "expires_at"},
		{"a membership that says nothing new", func(h *house) countersign.Change {
			return &countersign.UpdateMembership{MembershipID: h.member(h.ID("vera"), h.team()), Role: countersign.Some(countersign.GroupMember)}
		}, "no_effect", ""},
		{"switches of a member", func(h *house) countersign.Change {
			return &countersign.UpdateMembership{MembershipID: h.member(h.ID("vera"), h.team()), Configurable: countersign.Some(map[string]bool{"can_run_reports": true})}
		}, "no_effect", ""},
		{"a membership without a role", func(h *house) countersign.Change {
			return &countersign.UpdateMembership{MembershipID: h.member(h.ID("vera"), h.team()), Role: countersign.Null[countersign.MembershipRole]()}
		}, "invalid", "role"},
	}
}

func credentialRefusals() []rule {
	create := func(user func(h *house) countersign.UserID, of countersign.CredentialType) func(h *house) countersign.Change {
		return func(h *house) countersign.Change {
			c := &countersign.CreateCredential{UserID: user(h), Type: of}
			switch of {
			case countersign.SigningKey:
				c.PublicKey = rsaKey(h.t, 2048)
			case countersign.ApprovalKey:
				c.PublicKey = ed25519Key(h.t)
			default: // no key
			}
			return c
		}
	}
	ada := func(h *house) countersign.UserID { return h.ID("ada") }
	bot := func(h *house) countersign.UserID { return h.ID("bot") }
	return []rule{
		{"a person has no signing key", create(ada, countersign.SigningKey), "invalid", "type"},
		{"a person has no client", create(ada, countersign.OAuthClient), "invalid", "type"},
		{"a person has no password", create(ada, countersign.Password), "invalid", "type"},
		{"nobody makes a token for another person", create(func(h *house) countersign.UserID { return h.ID("vera") }, countersign.Token), "not_yours", "user_id"},
		{"nobody makes a key for another person", create(func(h *house) countersign.UserID { return h.ID("grace") }, countersign.ApprovalKey), "not_yours", "user_id"},
		{"an account approves nothing", create(bot, countersign.ApprovalKey), "invalid", "type"},
		{"a signer enrols by code", create((*house).signer, countersign.Token), "invalid", "user_id"},
		{"an end user has tokens only", create((*house).endUser, countersign.Password), "invalid", "type"},
		{"codes are issued, not created", create(bot, countersign.EnrolmentCode), "invalid", "type"},
		{"an unknown type", create(bot, "passkey"), "invalid", "type"},
		{"a life of eleven years", func(h *house) countersign.Change {
			return &countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.Token, LifetimeSeconds: 11 * 365 * 86400}
		}, "invalid", "lifetime_seconds"},
		{"an account gets no code", func(h *house) countersign.Change { return &countersign.IssueEnrolmentCode{UserID: h.ID("bot")} }, "invalid", "user_id"},
		{"an end user gets no code", func(h *house) countersign.Change { return &countersign.IssueEnrolmentCode{UserID: h.endUser()} }, "invalid", "user_id"},
		{"who waits to enrol gets the other code", func(h *house) countersign.Change {
			return &countersign.IssueEnrolmentCode{UserID: h.person(countersign.RoleNone)}
		}, "wrong_state", "user_id"},
		{"a secret is collected once", func(h *house) countersign.Change {
			return &countersign.CollectSecret{CredentialID: h.token(h.ID("bot"))}
		}, "secret_already_shown", "credential_id"},
		{"a revoked credential is revoked", func(h *house) countersign.Change {
			id := h.token(h.account())
			h.approved(&countersign.RevokeCredential{CredentialID: id})
			return &countersign.RevokeCredential{CredentialID: id}
		}, "no_effect", ""},
	}
}

func organizationRefusals() []rule {
	remove := func(p countersign.Permission) func(*house) countersign.Change {
		return func(*house) countersign.Change { return &countersign.RemovePermission{Permission: p} }
	}
	return []rule{
		{"a built-in permission is there", func(*house) countersign.Change { return &countersign.AddPermission{Permission: countersign.UsersRead} }, "permission_taken", "permission"},
		{"an added permission is there", func(h *house) countersign.Change { return &countersign.AddPermission{Permission: h.permission()} }, "permission_taken", "permission"},
		{"a built-in permission stays", remove(countersign.UsersRead), "permission_built_in", "permission"},
		{"a built-in permission keeps its text", func(*house) countersign.Change {
			return &countersign.UpdatePermission{Permission: countersign.UsersRead, Description: "x"}
		}, "permission_built_in", "permission"},
		{"a permission without an action", func(*house) countersign.Change { return &countersign.AddPermission{Permission: "desk"} }, "invalid", "permission"},
		{"a permission a user holds stays", func(h *house) countersign.Change {
			p := h.permission()
			h.approved(h.Grant("vera", p))
			return &countersign.RemovePermission{Permission: p}
		}, "permission_in_use", "permission"},
		{"a permission a group gives stays", func(h *house) countersign.Change {
			p := h.permission()
			h.approved(&countersign.CreateGroup{Name: h.name("g"), Permissions: []countersign.Permission{p}})
			return &countersign.RemovePermission{Permission: p}
		}, "permission_in_use", "permission"},
		{"a suspended user still holds what he holds", func(h *house) countersign.Change {
			p, id := h.permission(), h.account()
			h.approved(&countersign.GrantPermissions{UserID: id, Permissions: []countersign.Permission{p}}, &countersign.SuspendUser{UserID: id})
			return &countersign.RemovePermission{Permission: p}
		}, "permission_in_use", "permission"},
		{"the description it has", func(h *house) countersign.Change {
			return &countersign.UpdatePermission{Permission: h.permission()}
		}, "no_effect", ""},
		{"the name it has", func(h *house) countersign.Change {
			return &countersign.UpdateOrganization{Name: countersign.Some("  " + h.Org.Name + "\u00a0")}
		}, "no_effect", ""},
		{"an organization has a name", func(*house) countersign.Change { return &countersign.UpdateOrganization{Name: countersign.Some("")} }, "invalid", "name"},
		{"the policy it has", func(*house) countersign.Change { return &countersign.PutPolicy{Policy: countersign.TwoPersonPolicy()} }, "no_effect", ""},
	}
}

func TestWhatIsRefused(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		for _, r := range refusals() {
			t.Run(r.name, func(t *testing.T) {
				h := h.in(t)
				h.mustRefuse(r.op(h), r.code, r.field)
			})
		}
	})
}

// A batch says which of its operations is at fault, and what of it, before and
// within the transaction.
func TestABatchNamesTheOperationAtFault(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		fine := &countersign.CreateGroup{Name: "Fine"}
		for _, r := range refusals() {
			if r.code == "no_effect" {
				continue // a batch as a whole has none
			}
			t.Run(r.name, func(t *testing.T) {
				h := h.in(t)
				op := r.op(h)
				before := h.head().Size
				_, err := h.submit("ada", engine.Options{Batch: true}, fine, op)
				want := "operations.1." + r.field
				if r.field == "" {
					want = "operations.1"
				}
				refused(t, err, r.code, want)
				if after := h.head().Size; after != before {
					t.Errorf("a refused batch moved the log from %d to %d", before, after)
				}
			})
		}
		many := slices.Repeat([]countersign.Change{fine}, countersign.MaxOperations+1)
		_, err := h.submit("ada", engine.Options{Batch: true}, many...)
		refused(t, err, "invalid", "operations")
		_, err = h.submit("ada", engine.Options{Batch: true})
		refused(t, err, "invalid", "operations")
		_, err = h.submit("vera", engine.Options{Batch: true}, &countersign.RevokeCredential{CredentialID: h.As("vera").Actor.Credential}, fine)
		refused(t, err, "permission_missing", "operations.1")
		_, err = h.submit("ada", engine.Options{Reason: "a\x00b"}, fine)
		refused(t, err, "invalid", "reason")
	})
}

// twins are pairs of texts, and whether they are one to the directory.
var twins = []struct {
	rule, one, other string
	same             bool
}{
	{"case", "Treasury", "tREASURY", true},
	{"composition", "Caf\u00e9", "Cafe\u0301", true},
	{"composition and case", "\u00c5sa", "a\u030asa", true},
	{"width", "Desk\u0041\u0031", "\uff24\uff45\uff53\uff4b\uff21\uff11", true},
	{"sharp s", "Stra\u00dfe", "STRASSE", true},
	{"final sigma", "\u039f\u03b4\u03cc\u03c2", "\u039f\u0394\u038c\u03a3", true},
	{"accents", "Resume", "R\u00e9sum\u00e9", false},
	{"other letters that look alike", "Admin", "\u0410dmin", false},
	{"inner blanks", "A B", "A  B", false},
	{"punctuation", "A-B", "A_B", false},
}

func TestNamesOfGroupsAreUnique(t *testing.T) {
	blanks := []struct {
		rule, one, other string
		same             bool
	}{{"blanks around it", "Desk", "\u00a0 desk\u3000", true}, {"a line of blanks before it", "Front", "   front", true}}
	onBoth(t, func(t *testing.T, h *house) {
		for _, c := range slices.Concat(twins, blanks) {
			t.Run(c.rule, func(t *testing.T) {
				h := h.in(t)
				first := only[*countersign.CreateGroup](h.applies("ada", &countersign.CreateGroup{Name: c.one})).GroupID
				other := h.team()
				rename := &countersign.UpdateGroup{GroupID: other, Name: countersign.Some(c.other)}
				if !c.same {
					h.applies("ada", &countersign.CreateGroup{Name: c.other})
					return
				}
				h.mustRefuse(&countersign.CreateGroup{Name: c.other}, "name_taken", "name")
				h.mustRefuse(rename, "name_taken", "name")
				// Its own other spelling is no other group's.
				if _, err := h.submit("ada", engine.Options{}, &countersign.UpdateGroup{GroupID: first, Name: countersign.Some(c.other)}); err != nil && scenario.CodeOf(err) != "no_effect" {
					t.Errorf("a group cannot spell itself %q: %v", c.other, err)
				}
				h.applies("ada", &countersign.DeleteGroup{GroupID: first})
				h.applies("ada", rename)
			})
		}
	})
}

func TestEmailsAreUnique(t *testing.T) {
	domains := []struct {
		rule, one, other string
		same             bool
	}{
		{"case of the domain", "a@Example.org", "A@eXAMPLE.ORG", true},
		{"a domain in letters or as xn--", "b@b\u00fccher.example", "b@xn--bcher-kva.example", true},
		{"a tag", "c@example.org", "c+1@example.org", false},
		{"a dot", "cd@example.org", "c.d@example.org", false},
	}
	onBoth(t, func(t *testing.T, h *house) {
		for i, c := range slices.Concat(twins, domains) {
			one, other := c.one, c.other
			if domain := fmt.Sprintf("@example%d.net", i); !strings.Contains(one, "@") {
				one, other = strings.ReplaceAll(one, " ", "_")+domain, strings.ReplaceAll(other, " ", "_")+domain
			}
			t.Run(c.rule, func(t *testing.T) {
				h := h.in(t)
				invite := func(email string) *countersign.InvitePerson {
					return &countersign.InvitePerson{Name: "Somebody", Email: email, Role: countersign.RoleNone}
				}
				first := only[*countersign.InvitePerson](h.applies("ada", invite(one))).UserID
				if !c.same {
					h.applies("ada", invite(other))
					return
				}
				second := h.person(countersign.RoleNone)
				h.mustRefuse(invite(other), "email_taken", "email")
				h.mustRefuse(&countersign.UpdateUser{UserID: second, Email: countersign.Some(other)}, "email_taken", "email")
				h.applies("ada", &countersign.UpdateUser{UserID: first, Email: countersign.Some(other)})
				h.applies("ada", &countersign.DeleteUser{UserID: first})
				h.applies("ada", invite(one))
			})
		}
		for _, blank := range []string{" a@example.org", "a@example.org ", "a@example.org\u3000", "a b@example.org"} {
			h.mustRefuse(&countersign.InvitePerson{Name: "A", Email: blank, Role: countersign.RoleNone}, "invalid", "email")
		}
	})
}

func TestExternalIDsAreComparedExactly(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		create := func(id string) *countersign.CreateEndUser { return &countersign.CreateEndUser{ExternalID: id} }
		first := only[*countersign.CreateEndUser](h.applies("ada", create("Customer-1"))).UserID
		for _, other := range []string{"customer-1", "Customer-1 ", "Customer-\u0661", "\uff23ustomer-1"} {
			h.applies("ada", create(other))
		}
		h.mustRefuse(create("Customer-1"), "external_id_taken", "external_id")
		h.mustRefuse(&countersign.UpdateUser{UserID: h.endUser(), ExternalID: countersign.Some("Customer-1")}, "external_id_taken", "external_id")
		h.applies("ada", &countersign.DeleteUser{UserID: first})
		h.applies("ada", create("Customer-1"))
	})
}

// What the eye cannot see, or what deceives it, stands in no name.
func TestNamesThatDeceiveAreRefused(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		for rule, text := range map[string]string{
			"right to left override": "Treasury\u202eyrusaerT", "zero width": "Trea\u200bsury", "soft hyphen": "Trea\u00adsury",
			"a flood of marks": "A\u0301\u0301\u0301\u0301\u0301\u0301", "private use": "\ue000", "replacement": "Trea\ufffdsury",
			"unassigned": "\U000e0fff", "invalid UTF-8": "Trea\xffsury", "NUL": "Trea\x00sury", "a line": "Trea\nsury", "a byte order mark": "\ufeffTreasury",
		} {
			t.Run(rule, func(t *testing.T) {
				h := h.in(t)
				h.mustRefuse(&countersign.CreateGroup{Name: text}, "invalid", "name")
				h.mustRefuse(&countersign.UpdateGroup{GroupID: h.team(), Name: countersign.Some(text)}, "invalid", "name")
				h.mustRefuse(&countersign.InvitePerson{Name: text, Email: "d@" + somebodys, Role: countersign.RoleNone}, "invalid", "name")
				h.mustRefuse(&countersign.UpdateUser{UserID: h.ID("vera"), Name: countersign.Some(text)}, "invalid", "name")
				h.mustRefuse(&countersign.CreateEndUser{ExternalID: h.name("x"), Name: text}, "invalid", "name")
				h.mustRefuse(&countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.Token, Label: text}, "invalid", "label")
				h.mustRefuse(&countersign.UpdateOrganization{Name: countersign.Some(text)}, "invalid", "name")
				email := text + "@" + somebodys
				h.mustRefuse(&countersign.InvitePerson{Name: "A", Email: email, Role: countersign.RoleNone}, "invalid", "email")
				h.mustRefuse(&countersign.UpdateUser{UserID: h.ID("vera"), Email: countersign.Some(email)}, "invalid", "email")
				_, err := h.Engine.Found(t.Context(), engine.Founding{Organization: "O", AdminName: "A", AdminEmail: email})
				refused(t, err, "invalid", "admin_email")
			})
		}
	})
}

func TestNamesAreBoundedAsTheyAreStored(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		long := strings.Repeat("x", countersign.MaxNameLength)
		h.applies("ada", &countersign.CreateGroup{Name: long})
		h.mustRefuse(&countersign.CreateGroup{Name: long + "y"}, "too_long", "name")
		// One composed letter of 3 bytes that is stored as two of 3 bytes each.
		grows := strings.Repeat("\u0958", countersign.MaxNameLength/3)
		h.mustRefuse(&countersign.CreateGroup{Name: grows}, "too_long", "name")
		h.mustRefuse(&countersign.InvitePerson{Name: grows, Email: "long@" + somebodys, Role: countersign.RoleNone}, "too_long", "name")
		h.mustRefuse(&countersign.UpdateOrganization{Name: countersign.Some(grows)}, "too_long", "name")
	})
}

// Operations of one batch see what those before them did, and cannot use that
// to get around a rule.
func TestABatchDoesNotGetAroundARule(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		for _, c := range []struct {
			rule string
			ops  func(h *house) []countersign.Change
			code string
		}{
			{"a permission granted before it is removed is in use", func(h *house) []countersign.Change {
				p := h.permission()
				return []countersign.Change{h.Grant("vera", p), &countersign.RemovePermission{Permission: p}}
			}, "permission_in_use"},
			{"a permission given to a group before it is removed is in use", func(h *house) []countersign.Change {
				p := h.permission()
				return []countersign.Change{&countersign.CreateGroup{Name: h.name("g"), Permissions: []countersign.Permission{p}}, &countersign.RemovePermission{Permission: p}}
			}, "permission_in_use"},
			{"a permission is gone after it was removed", func(h *house) []countersign.Change {
				p := h.permission()
				return []countersign.Change{&countersign.RemovePermission{Permission: p}, h.Grant("vera", p)}
			}, "permission_unknown"},
			{"a name is taken after it was given", func(h *house) []countersign.Change {
				return []countersign.Change{&countersign.CreateGroup{Name: "Twice"}, &countersign.CreateGroup{Name: "twice"}}
			}, "name_taken"},
			{"an email is taken after it was given", func(h *house) []countersign.Change {
				return []countersign.Change{
					&countersign.InvitePerson{Name: "A", Email: "twice@" + somebodys, Role: countersign.RoleNone},
					&countersign.InvitePerson{Name: "B", Email: "TWICE@" + somebodys, Role: countersign.RoleNone},
				}
			}, "email_taken"},
			{"nobody joins after he was deleted", func(h *house) []countersign.Change {
				id := h.account()
				return []countersign.Change{&countersign.DeleteUser{UserID: id}, &countersign.AddMembership{UserID: id, GroupID: h.team()}}
			}, "user_unknown"},
			{"admins leave one by one", func(h *house) []countersign.Change {
				var ops []countersign.Change
				for _, name := range []string{"ada", "grace", "linus", "edsger"} {
					ops = append(ops, &countersign.ChangeRole{UserID: h.ID(name), Role: countersign.RoleNone})
				}
				return ops
			}, "last_admins"},
			{"and back again is no effect", func(h *house) []countersign.Change {
				return []countersign.Change{&countersign.SuspendUser{UserID: h.ID("bot")}, &countersign.SuspendUser{UserID: h.ID("bot")}, &countersign.CreateGroup{Name: ""}}
			}, "invalid"},
		} {
			t.Run(c.rule, func(t *testing.T) {
				h := h.in(t)
				ops := c.ops(h)
				before := h.head().Size
				_, err := h.submit("ada", engine.Options{}, ops...)
				if scenario.CodeOf(err) != c.code || h.head().Size != before {
					t.Errorf("want %s, got %v; the log went from %d to %d", c.code, err, before, h.head().Size)
				}
			})
		}
		// What is free once somebody is deleted is free within the batch.
		id := h.person(countersign.RoleNone)
		h.applies("ada", &countersign.DeleteUser{UserID: id}, &countersign.InvitePerson{Name: "Again", Email: h.user(id).Email, Role: countersign.RoleNone})
		group := h.team()
		again := h.member(h.ID("vera"), group)
		h.applies("ada", &countersign.RemoveMembership{MembershipID: again}, &countersign.AddMembership{UserID: h.ID("vera"), GroupID: group})
		h.read(func(tx store.ReadTx) error {
			m, err := tx.MembershipOf(t.Context(), h.ID("vera"), group)
			if m.ID == again || m.State != countersign.MembershipActive {
				t.Errorf("the membership is %+v", m)
			}
			return err
		})
	})
}
