package engine_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// deed shows what one kind of change does.
type deed struct {
	// sealed deeds are done where changes wait for approval.
	sealed bool
	// own deeds have a sealed house of their own: they stop everything else.
	own bool
	do  func(h *house) engine.Result
	// effects as tell writes them.
	effects []string
	// rows looks at what is stored afterwards, where the effects do not say it all.
	rows func(h *house, r engine.Result)
}

// does is the deed of submitting what make returns.
func does(make func(h *house) countersign.Change) func(h *house) engine.Result {
	return func(h *house) engine.Result { return h.applies("ada", make(h)) }
}

var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// tell writes effects for people: known ids by name, others as #, times by the
// clock, hashes and numbers as #.
func (h *house) tell(effects []countersign.Effect) []string {
	word := func(v any) string {
		text := fmt.Sprint(v)
		for _, name := range h.cast {
			text = strings.ReplaceAll(text, string(h.ID(name)), name)
		}
		text = uuids.ReplaceAllString(text, "#")
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			text = "+" + at.Sub(h.Clock.Now()).String()
		}
		return text
	}
	var lines []string
	for _, e := range effects {
		kind, _, _ := strings.Cut(string(e.Fact), ":")
		var fields []string
		for field, value := range e.After {
			text := field + "=" + word(value)
			switch {
			case field == "number" || field == "secret_hash" || field == "client_id" || field == "public_key":
				text = field + "=#"
			case field == "recovery":
				set := value.(countersign.RecoverySet)
				text = fmt.Sprintf("%s=%d of %d", field, set.Need, len(set.Keys))
			case field == "policy":
				text = field + "=" + value.(countersign.Policy).Name
			}
			if was, known := e.Before[field]; known && field != "policy" && field != "secret_hash" {
				text += "<" + word(was)
			}
			fields = append(fields, text)
		}
		slices.Sort(fields)
		lines = append(lines, kind+" "+strings.Join(fields, " "))
	}
	return lines
}

const somebodys = "somebody.example"

// deeds has a row for every kind of change.
func deeds() map[countersign.ChangeKind]deed {
	all := map[countersign.ChangeKind]deed{}
	for _, part := range []map[countersign.ChangeKind]deed{userDeeds(), groupDeeds(), credentialDeeds(), organizationDeeds(), importDeeds()} {
		for kind, d := range part {
			all[kind] = d
		}
	}
	return all
}

func userDeeds() map[countersign.ChangeKind]deed {
	return map[countersign.ChangeKind]deed{
		countersign.KindUserInvite: {
			do: does(func(h *house) countersign.Change {
				return &countersign.InvitePerson{Name: "  Margaret Hamilton ", Email: "Margaret@" + somebodys, Role: countersign.RoleTrader, GroupIDs: []countersign.GroupID{h.team()}, Profile: countersign.Profile{"phone": " 1-800 ", "language": ""}}
			}),
			effects: []string{
				"user email=Margaret@somebody.example invited_by=ada name=Margaret Hamilton number=# profile=map[phone:1-800] type=person",
				"user.role role=trader",
				"user.state state=onboarding_pending_code_generation",
				"membership id=# number=# role=member state=active",
			},
		},
		countersign.KindUserCreateAPIUser: {
			do: does(func(h *house) countersign.Change {
				return &countersign.CreateAPIUser{
					Name: "Settlement", Role: countersign.RoleNone, ResponsiblePersonID: h.ID("vera"), GroupIDs: []countersign.GroupID{h.team()},
					Permissions: []countersign.Permission{countersign.VaultsCreate, countersign.AccountsRead}, AllowedIPs: []string{"192.0.2.77/24", "2001:db8::1", "192.0.2.0/24"},
				}
			}),
			effects: []string{
				"user allowed_ips=[192.0.2.0/24 2001:db8::1/128] invited_by=ada name=Settlement number=# responsible_person_id=vera type=api_user",
				"user.role role=none", "user.state state=active", "user.permissions permissions=[accounts.read vaults.create]",
				"membership id=# number=# role=member state=active",
			},
		},
		countersign.KindUserCreateAPISigner: {
			do: does(func(h *house) countersign.Change {
				return &countersign.CreateAPISigner{Name: "HSM 1", ResponsiblePersonID: h.ID("vera")}
			}),
			effects: []string{
				"user invited_by=ada name=HSM 1 number=# responsible_person_id=vera type=api_signer",
				"user.state state=onboarding_pending_code_generation",
			},
			rows: func(h *house, r engine.Result) {
				if u := h.user(only[*countersign.CreateAPISigner](r).UserID); u.Role != countersign.NoRole || u.RoleVersion != 0 {
					h.t.Errorf("a signer has the role %q, version %d", u.Role, u.RoleVersion)
				}
			},
		},
		countersign.KindUserCreateEndUser: {
			do: does(func(*house) countersign.Change {
				return &countersign.CreateEndUser{ExternalID: "customer-1", Name: "A customer"}
			}),
			effects: []string{"user external_id=customer-1 invited_by=ada name=A customer number=# type=end_user", "user.state state=active"},
		},
		countersign.KindUserUpdate: {
			do: does(func(h *house) countersign.Change {
				return &countersign.UpdateUser{UserID: h.ID("bot"), Name: countersign.Some("Bot II"), AllowedIPs: countersign.Some([]string{"198.51.100.7"}), ResponsiblePersonID: countersign.Some(h.ID("grace"))}
			}),
			effects: []string{"user allowed_ips=[198.51.100.7/32]<[] name=Bot II<bot responsible_person_id=grace<vera"},
		},
		countersign.KindUserChangeRole: {
			do: does(func(h *house) countersign.Change {
				return &countersign.ChangeRole{UserID: h.person(countersign.RoleViewer), Role: countersign.RoleAdmin}
			}),
			effects: []string{"user.role role=admin<viewer"},
		},
		countersign.KindUserGrant: {
			do: does(func(h *house) countersign.Change {
				return &countersign.GrantPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{countersign.VaultsCreate, countersign.AuditRead}}
			}),
			effects: []string{"user.permissions permissions=[audit.read vaults.create]<[]"},
		},
		countersign.KindUserRevoke: {
			do: does(func(h *house) countersign.Change {
				id := h.person(countersign.RoleNone)
				h.approved(&countersign.SetPermissions{UserID: id, Permissions: []countersign.Permission{countersign.AuditRead, countersign.VaultsCreate}})
				return &countersign.RevokePermissions{UserID: id, Permissions: []countersign.Permission{countersign.VaultsCreate, countersign.UsersRead}}
			}),
			effects: []string{"user.permissions permissions=[audit.read]<[audit.read vaults.create]"},
		},
		countersign.KindUserSetPermissions: {
			do: does(func(h *house) countersign.Change {
				id := h.account()
				h.approved(&countersign.SetPermissions{UserID: id, Permissions: []countersign.Permission{countersign.AuditRead}})
				return &countersign.SetPermissions{UserID: id, Permissions: []countersign.Permission{}}
			}),
			effects: []string{"user.permissions permissions=[]<[audit.read]"},
		},
		countersign.KindUserOnboardingCode: {
			do: does(func(h *house) countersign.Change {
				return &countersign.MakeOnboardingCode{UserID: h.person(countersign.RoleNone)}
			}),
			effects: []string{
				"user.state state=onboarding_pending_activation<onboarding_pending_code_generation",
				"credential expires_at=+24h0m0s requested_by=ada secret_hash=# state=active type=enrolment_code user_id=#",
			},
		},
		countersign.KindUserActivate: {
			do: func(h *house) engine.Result { return h.redeem(h.code(h.person(countersign.RoleNone))) },
			effects: []string{
				"credential state=redeemed<active",
				"user.state state=active<onboarding_pending_activation",
				"credential expires_at=+8760h0m0s label=laptop requested_by=# secret_hash=# state=active type=token user_id=#",
			},
		},
		countersign.KindUserResetDevice: {
			do: does(func(h *house) countersign.Change {
				return &countersign.ResetDevice{UserID: h.activePerson(countersign.RoleNone)}
			}),
			effects: []string{
				"user device_reset_by=ada<",
				"user.state state=reset_device_pending_code_generation<active",
				"credential state=revoked<active",
			},
		},
		countersign.KindUserSuspend: {
			do:      does(func(h *house) countersign.Change { return &countersign.SuspendUser{UserID: h.account()} }),
			effects: []string{"user.state state=suspended<active"},
		},
		countersign.KindUserReactivate: {
			do: does(func(h *house) countersign.Change {
				id := h.activePerson(countersign.RoleNone)
				h.approved(&countersign.SuspendUser{UserID: id})
				return &countersign.ReactivateUser{UserID: id}
			}),
			effects: []string{"user.state state=active<suspended"},
		},
		countersign.KindUserDelete: {
			do: does(func(h *house) countersign.Change {
				id := h.activePerson(countersign.RoleTrader)
				h.approved(&countersign.GrantPermissions{UserID: id, Permissions: []countersign.Permission{countersign.AuditRead}})
				h.team(id)
				return &countersign.DeleteUser{UserID: id}
			}),
			effects: []string{"user.state state=deleted<active", "membership state=removed<active", "credential state=revoked<active"},
			rows: func(h *house, r engine.Result) {
				id := only[*countersign.DeleteUser](r).UserID
				u, _, err := h.Engine.User(h.t.Context(), h.As("ada").Actor, id)
				if err != nil || u.Name == "" || u.Email == "" || len(u.Permissions) != 1 || u.Role != countersign.RoleTrader || len(u.Groups) != 0 {
					h.t.Errorf("a deleted user reads as %+v (%v)", u, err)
				}
				// Her name, email and what she was are free again.
				h.applies("ada", &countersign.InvitePerson{Name: u.Name, Email: strings.ToUpper(u.Email), Role: u.Role})
			},
		},
	}
}

func groupDeeds() map[countersign.ChangeKind]deed {
	return map[countersign.ChangeKind]deed{
		countersign.KindGroupCreate: {
			do: does(func(h *house) countersign.Change {
				return &countersign.CreateGroup{
					Name: "\u3000Desk\u00a0A ", Description: "Trades", Permissions: []countersign.Permission{countersign.VaultsCreate, countersign.AccountsRead},
					ExternalSyncIdentifier: "AD:123", Provenance: "AD", MemberIDs: []countersign.UserID{h.ID("vera"), h.ID("bot")},
				}
			}),
			effects: []string{
				"group description=Trades external_sync_identifier=AD:123 invitability=admins_only member_viewability=admins_and_members name=Desk\u00a0A number=# provenance=AD",
				"group.permissions permissions=[accounts.read vaults.create]",
				"group.state state=active",
				"membership id=# number=# role=member state=active",
				"membership id=# number=# role=member state=active",
			},
			rows: func(h *house, r engine.Result) {
				g := h.group(only[*countersign.CreateGroup](r).GroupID)
				if at := r.Revision; g.CreatedBy != h.ID("ada") || g.ModifiedBy != h.ID("ada") || g.Version != at || g.MembersVersion != at {
					h.t.Errorf("a new group at %d reads as %+v", at, g)
				}
			},
		},
		countersign.KindGroupUpdate: {
			do: does(func(h *house) countersign.Change {
				id := only[*countersign.CreateGroup](h.approved(&countersign.CreateGroup{
					Name: "Desk B", Description: "Trades", ExternalSyncIdentifier: "AD:9", Provenance: "AD", Permissions: []countersign.Permission{countersign.AccountsRead},
				})).GroupID
				return &countersign.UpdateGroup{
					GroupID: id, Name: countersign.Some("DESK B"), Description: countersign.Null[string](), ExternalSyncIdentifier: countersign.Some(""),
					Permissions: countersign.Some([]countersign.Permission{}), Invitability: countersign.Some(countersign.AllManagedUsers), MemberViewability: countersign.Some(countersign.AdminsOnly),
				}
			}),
			effects: []string{
				"group description=<Trades external_sync_identifier=<AD:9 invitability=all_managed_users<admins_only member_viewability=admins_only<admins_and_members name=DESK B<Desk B",
				"group.permissions permissions=[]<[accounts.read]",
			},
			rows: func(h *house, r engine.Result) {
				if g := h.group(only[*countersign.UpdateGroup](r).GroupID); g.Provenance != "AD" {
					h.t.Errorf("a field that was not named became %q", g.Provenance)
				}
			},
		},
		countersign.KindGroupReplaceMembers: {
			do: does(func(h *house) countersign.Change {
				group := h.team(h.ID("vera"))
				h.approved(&countersign.AddMembership{UserID: h.ID("bot"), GroupID: group, Role: countersign.GroupAdmin})
				return &countersign.ReplaceMembers{GroupID: group, MemberIDs: []countersign.UserID{h.ID("bot"), h.ID("ada")}}
			}),
			effects: []string{"membership state=removed<active", "membership id=# number=# role=member state=active"},
			rows: func(h *house, r engine.Result) {
				list, err := h.Engine.Memberships(h.t.Context(), h.As("ada").Actor, countersign.MembershipFilter{UserIDs: []countersign.UserID{h.ID("bot")}}, nil, countersign.Page{Limit: 9})
				if err != nil || !slices.ContainsFunc(list.Items, func(m countersign.MembershipView) bool { return m.Role == countersign.GroupAdmin }) {
					h.t.Errorf("who stays does not keep his role: %+v (%v)", list.Items, err)
				}
			},
		},
		countersign.KindGroupDelete: {
			do: does(func(h *house) countersign.Change {
				h.approved(&countersign.GrantPermissions{UserID: h.ID("bot"), Permissions: []countersign.Permission{countersign.AccountsDelete}})
				return &countersign.DeleteGroup{GroupID: only[*countersign.CreateGroup](h.approved(&countersign.CreateGroup{
					Name: "Desk C", Permissions: []countersign.Permission{countersign.AccountsDelete}, MemberIDs: []countersign.UserID{h.ID("bot")},
				})).GroupID}
			}),
			effects: []string{"group.state state=deleted<active", "membership state=removed<active"},
			rows: func(h *house, r engine.Result) {
				h.MustHold("bot", countersign.AccountsDelete, true) // individually, so it stays (document 004)
				g, _, err := h.Engine.Group(h.t.Context(), h.As("ada").Actor, only[*countersign.DeleteGroup](r).GroupID)
				if err != nil || g.Name != "Desk C" || g.UsersCount != 0 || g.MembersVersion != r.Revision {
					h.t.Errorf("a deleted group reads as %+v (%v)", g, err)
				}
				h.applies("ada", &countersign.CreateGroup{Name: "desk c"}) // the name is free again
			},
		},
		countersign.KindMembershipAdd: {
			do: does(func(h *house) countersign.Change {
				return &countersign.AddMembership{
					UserID: h.ID("vera"), GroupID: h.team(), Role: countersign.GroupAdmin, StartsAt: countersign.Some(h.Clock.Now().Add(time.Hour + 999)),
					ExpiresAt: countersign.Some(h.Clock.Now().Add(2 * time.Hour)), Configurable: countersign.Some(map[string]bool{"can_run_reports": false}),
				}
			}),
			effects: []string{"membership configurable_permissions=[can_create_accounts can_edit_accounts can_instant_login] expires_at=+2h0m0s id=# number=# role=admin starts_at=+1h0m0s state=active"},
		},
		countersign.KindMembershipUpdate: {
			do: does(func(h *house) countersign.Change {
				id := h.member(h.ID("vera"), h.team())
				return &countersign.UpdateMembership{MembershipID: id, Role: countersign.Some(countersign.GroupAdmin), ExpiresAt: countersign.Some(h.Clock.Now().Add(time.Hour))}
			}),
			effects: []string{"membership configurable_permissions=[can_create_accounts can_edit_accounts can_run_reports can_instant_login]<[] expires_at=+1h0m0s< role=admin<member"},
		},
		countersign.KindMembershipRemove: {
			do: does(func(h *house) countersign.Change {
				return &countersign.RemoveMembership{MembershipID: h.member(h.ID("vera"), h.team())}
			}),
			effects: []string{"membership state=removed<active"},
		},
	}
}

func credentialDeeds() map[countersign.ChangeKind]deed {
	return map[countersign.ChangeKind]deed{
		countersign.KindCredentialCreate: {
			do: does(func(h *house) countersign.Change {
				return &countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.OAuthClient, Label: " Box ", LifetimeSeconds: 3600}
			}),
			effects: []string{"credential client_id=# expires_at=+1h0m0s label=Box requested_by=ada secret_hash=# state=active type=oauth_client user_id=bot"},
			rows: func(h *house, r engine.Result) {
				c := h.credential(only[*countersign.CreateCredential](r).CredentialID)
				if len(r.Secrets) != 1 || r.Secrets[0].ClientID != c.ClientID || r.Secrets[0].Credential != c.ID || len(c.ClientID) != 32 {
					h.t.Errorf("the client %q got %d secrets", c.ClientID, len(r.Secrets))
				}
			},
		},
		countersign.KindCredentialIssueCode: {
			do:      does(func(h *house) countersign.Change { return &countersign.IssueEnrolmentCode{UserID: h.ID("vera")} }),
			effects: []string{"credential expires_at=+24h0m0s requested_by=ada secret_hash=# state=active type=enrolment_code user_id=vera"},
		},
		countersign.KindCredentialCollect: {
			sealed: true,
			do: func(h *house) engine.Result {
				return h.applies("ada", &countersign.CollectSecret{CredentialID: h.token(h.ID("bot"))})
			},
			effects: []string{"credential secret_hash=# state=active<pending_collection"},
			rows: func(h *house, r engine.Result) {
				if len(r.Secrets) != 1 || r.Change.Bootstrap {
					h.t.Errorf("%d secrets, in bootstrap: %t", len(r.Secrets), r.Change.Bootstrap)
				}
			},
		},
		countersign.KindCredentialRedeem: {
			do: func(h *house) engine.Result {
				return h.redeem(h.applies("ada", &countersign.IssueEnrolmentCode{UserID: h.ID("vera")}).Secrets[0].Reveal())
			},
			effects: []string{
				"credential state=redeemed<active",
				"credential expires_at=+8760h0m0s label=laptop requested_by=vera secret_hash=# state=active type=token user_id=vera",
			},
		},
		countersign.KindCredentialRevoke: {
			do: does(func(h *house) countersign.Change {
				return &countersign.RevokeCredential{CredentialID: h.token(h.account())}
			}),
			effects: []string{"credential state=revoked<active"},
		},
	}
}

func organizationDeeds() map[countersign.ChangeKind]deed {
	return map[countersign.ChangeKind]deed{
		countersign.KindPermissionAdd: {
			do: does(func(*house) countersign.Change {
				return &countersign.AddPermission{Permission: "Desk.trade", Description: "Trade on a desk"}
			}),
			effects: []string{"permission description=Trade on a desk state=listed"},
		},
		countersign.KindPermissionUpdate: {
			do: does(func(h *house) countersign.Change {
				return &countersign.UpdatePermission{Permission: h.permission(), Description: "Better"}
			}),
			effects: []string{"permission description=Better<"},
		},
		countersign.KindPermissionRemove: {
			do:      does(func(h *house) countersign.Change { return &countersign.RemovePermission{Permission: h.permission()} }),
			effects: []string{"permission state=removed<listed"},
			rows: func(h *house, r engine.Result) { // it may come back, with a history
				again := h.applies("ada", &countersign.AddPermission{Permission: only[*countersign.RemovePermission](r).Permission, Description: "Back"})
				if diff := cmp.Diff([]string{"permission description=Back< state=listed<removed"}, h.tell(again.Change.Effects)); diff != "" {
					h.t.Errorf("added again (-want +got)\n%s", diff)
				}
			},
		},
		countersign.KindPolicyPut: {
			do: does(func(*house) countersign.Change {
				policy := countersign.TwoPersonPolicy()
				policy.Name = "ours"
				return &countersign.PutPolicy{Policy: policy}
			}),
			effects: []string{"policy policy=ours"},
		},
		countersign.KindRecoveryReplace: {
			do: does(func(h *house) countersign.Change {
				return &countersign.ReplaceRecovery{Recovery: newSafe(h.t, 2, 3).set}
			}),
			effects: []string{"recovery recovery=2 of 3"},
		},
		countersign.KindDrillRun: {
			sealed:  true,
			do:      func(h *house) engine.Result { return h.approved(&countersign.RunDrill{RuleID: "default"}) },
			effects: []string{"drill drill=#"},
			rows: func(h *house, r engine.Result) {
				o, err := h.Engine.Organization(h.t.Context(), h.As("ada").Actor)
				want := countersign.Drill{Change: r.Change.ID, At: h.Clock.Now(), Version: r.Revision}
				if err != nil || o.Drills["default"] != want {
					h.t.Errorf("the last drill is %+v (%v)", o.Drills, err)
				}
			},
		},
		countersign.KindOrganizationUpdate: {
			do: does(func(*house) countersign.Change {
				return &countersign.UpdateOrganization{Name: countersign.Some(" Northwind AG ")}
			}),
			effects: []string{"organization name=Northwind AG<Northwind Custody"},
		},
		countersign.KindOrganizationFreeze: {
			own:     true,
			do:      func(h *house) engine.Result { return h.approved(&countersign.FreezeOrganization{}) },
			effects: []string{"organization.freeze state=frozen<"},
			rows: func(h *house, _ engine.Result) {
				if o := h.organization(); !o.FrozenAt.Equal(h.Clock.Now()) || o.FreezeVersion != h.head().Size || o.Version == o.FreezeVersion {
					h.t.Errorf("frozen since %s, at %d", o.FrozenAt, o.FreezeVersion)
				}
			},
		},
		countersign.KindOrganizationThaw: {
			own: true,
			do: func(h *house) engine.Result {
				h.approved(&countersign.FreezeOrganization{})
				return h.approved(&countersign.ThawOrganization{})
			},
			effects: []string{"organization.freeze state=<frozen"},
			rows: func(h *house, _ engine.Result) {
				if o := h.organization(); o.Frozen() || o.FreezeVersion != h.head().Size {
					h.t.Errorf("frozen since %s, at %d", o.FrozenAt, o.FreezeVersion)
				}
			},
		},
		countersign.KindEmergencyRatify: {
			own: true,
			do: func(h *house) engine.Result {
				act := h.acts("ada", &countersign.SuspendUser{UserID: h.ID("linus")})
				return h.votes("grace", h.state(act.Change.Ratification).ChangeRequest, countersign.Approve)
			},
			effects: []string{"emergency state=ratified<unratified"},
		},
		countersign.KindOrganizationSeal: {
			do: does(func(*house) countersign.Change {
				policy := countersign.TwoPersonPolicy()
				policy.Name = "sealed"
				return &countersign.SealOrganization{Policy: &policy}
			}),
			effects: []string{"organization sealed_at=+0s<", "policy policy=sealed"},
			rows: func(h *house, r engine.Result) {
				if !r.Change.Bootstrap {
					h.t.Error("the seal itself does not count as bootstrap")
				}
				if r := h.As("ada").Asks(h.Grant("vera", countersign.TransactionsCreate)); r.State != countersign.ChangePending {
					h.t.Errorf("after the seal a grant is %s", r.State)
				}
			},
		},
	}
}

// Every kind of change moves exactly the facts of its row, in one entry, to the
// position of that entry.
func TestWhatEachKindDoes(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		rows := deeds()
		bootstrap, governed := h.crew(), newHouse(t, h.Store)
		governed.crew().Seal()
		kinds := askable()
		// The seal comes last: it ends what the others need.
		slices.SortStableFunc(kinds, func(a, b countersign.ChangeKind) int {
			return strings.Compare(fmt.Sprint(a == countersign.KindOrganizationSeal), fmt.Sprint(b == countersign.KindOrganizationSeal))
		})
		for _, kind := range kinds {
			t.Run(string(kind), func(t *testing.T) {
				d, ok := rows[kind]
				if !ok {
					t.Fatalf("%s has no row: say what it does", kind)
				}
				at := bootstrap
				switch {
				case d.own:
					at = newHouse(t, h.Store).crew()
					at.Seal()
				case d.sealed:
					at = governed
				}
				at.in(t).mustDo(kind, d)
			})
		}
		if len(rows) != len(kinds) {
			t.Errorf("%d rows for %d kinds", len(rows), len(kinds))
		}
	})
}

func (h *house) mustDo(kind countersign.ChangeKind, d deed) {
	h.t.Helper()
	result := d.do(h)
	c := result.Change
	if c.State != countersign.ChangeApplied || c.Operations[0].Kind() != kind {
		h.t.Fatalf("%s is %s", c.Operations[0].Kind(), c.State)
	}
	if diff := cmp.Diff(d.effects, h.tell(c.Effects)); diff != "" {
		h.t.Errorf("effects (-want +got)\n%s", diff)
	}
	head := h.head()
	if c.AppliedPosition != head.Size || result.Revision != head.Size || c.Version != head.Size {
		h.t.Errorf("applied at %d, version %d, revision %d, the log stands at %d", c.AppliedPosition, c.Version, result.Revision, head.Size)
	}
	for _, e := range c.Effects {
		if e.To != head.Size || e.From >= e.To {
			h.t.Errorf("%s moves from %d to %d at %d", e.Fact, e.From, e.To, head.Size)
		}
	}
	if last := h.entries(head.Size - 1)[0]; last.Kind != countersign.EntryApplied {
		h.t.Errorf("the last entry is %s", last.Kind)
	}
	if d.rows != nil {
		d.rows(h, result)
	}
}
