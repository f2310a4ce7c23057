package replay

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/alike"
)

// compareRows holds every governed row of the store to the facts.
func (p *player) compareRows() {
	compare(p, "user", p.users(), func(fn func(countersign.User) error) error { return p.tx.UsersSince(p.ctx, 0, fn) },
		func(u countersign.User) string { return string(u.ID) },
		// When somebody was last seen is not governed.
		cmpopts.IgnoreFields(countersign.User{}, "LastKeepAliveAt", "LastActiveAt"))
	compare(p, "group", p.groups(), func(fn func(countersign.Group) error) error { return p.tx.GroupsSince(p.ctx, 0, fn) },
		func(g countersign.Group) string { return string(g.ID) })
	compare(p, "membership", p.memberships(), func(fn func(countersign.Membership) error) error { return p.tx.MembershipsSince(p.ctx, 0, fn) },
		func(m countersign.Membership) string { return string(m.ID) })
	compare(p, "credential", p.credentials(), func(fn func(countersign.Credential) error) error { return p.tx.CredentialsSince(p.ctx, 0, fn) },
		func(c countersign.Credential) string { return string(c.ID) },
		// The log holds a key without the line break at its end.
		gocmp.FilterPath(func(path gocmp.Path) bool { return path.String() == "PublicKey" },
			gocmp.Comparer(func(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) })))
	compare(p, "permission", p.catalogue(), func(fn func(countersign.CataloguePermission) error) error { return p.tx.CatalogueSince(p.ctx, 0, fn) },
		func(c countersign.CataloguePermission) string { return string(c.Permission) })
	stored, err := p.tx.Organization(p.ctx)
	if p.must(err == nil, "reading the organization: %v", err) {
		diff := alike.Diff(p.organization(), stored)
		p.must(diff == "", "organization (-log +store)\n%s", diff)
	}
	p.compareImports()
	p.compareEmergencies()
	p.compareIndex()
}

func compare[T any](p *player, noun string, replayed []T, read func(fn func(T) error) error, id func(T) string, options ...gocmp.Option) {
	stored, err := collect(read)
	if !p.must(err == nil, "reading the rows of every %s: %v", noun, err) {
		return
	}
	rows, want := map[string]T{}, map[string]T{}
	for _, row := range stored {
		rows[id(row)] = row
	}
	for _, row := range replayed {
		want[id(row)] = row
		kept, ok := rows[id(row)]
		if p.must(ok, "%s %s stands in the log and has no row", noun, id(row)) {
			diff := alike.Diff(row, kept, options...)
			p.must(diff == "", "%s %s (-log +store)\n%s", noun, id(row), diff)
		}
	}
	for _, row := range stored {
		_, ok := want[id(row)]
		p.must(ok, "%s %s has a row and stands nowhere in the log", noun, id(row))
	}
}

func (p *player) users() []countersign.User {
	var out []countersign.User
	for _, key := range p.keys("user") {
		id := countersign.UserID(key)
		a, attributes := read[userFields](p, countersign.UserFact(id))
		r, role := read[roleField](p, countersign.UserRoleFact(id))
		s, state := read[userStateField](p, countersign.UserStateFact(id))
		held, permissions := read[permissionsField](p, countersign.UserPermissionsFact(id))
		newest := slices.MaxFunc([]*fact{attributes, role, state, permissions}, older)
		out = append(out, countersign.User{
			ID: id, Number: a.Number, Type: a.Type, Role: r.Role, State: s.State, Name: a.Name, Email: a.Email, ExternalID: a.ExternalID,
			Permissions: held.Permissions, ResponsiblePersonID: a.ResponsiblePersonID, AllowedIPs: a.AllowedIPs, Profile: a.Profile,
			InvitedBy: a.InvitedBy, DeviceResetBy: a.DeviceResetBy, CreatedAt: attributes.born, ModifiedAt: newest.moved,
			Version: newest.version, AttributesVersion: attributes.version, RoleVersion: role.version,
			StateVersion: state.version, PermissionsVersion: permissions.version,
		})
	}
	return out
}

func older(a, b *fact) int { return cmp.Compare(a.version, b.version) }

func (p *player) groups() []countersign.Group {
	var out []countersign.Group
	for _, key := range p.keys("group") {
		id := countersign.GroupID(key)
		a, attributes := read[groupFields](p, countersign.GroupFact(id))
		s, state := read[groupStateField](p, countersign.GroupStateFact(id))
		given, permissions := read[permissionsField](p, countersign.GroupPermissionsFact(id))
		newest := slices.MaxFunc([]*fact{attributes, state, permissions}, older)
		out = append(out, countersign.Group{
			ID: id, Number: a.Number, Name: a.Name, Description: a.Description, Permissions: given.Permissions,
			ExternalSyncIdentifier: a.ExternalSyncIdentifier, Provenance: a.Provenance,
			Invitability: a.Invitability, MemberViewability: a.MemberViewability, State: s.State,
			CreatedBy: attributes.bornBy, ModifiedBy: newest.movedBy, CreatedAt: attributes.born, ModifiedAt: newest.moved,
			Version: newest.version, AttributesVersion: attributes.version, PermissionsVersion: permissions.version,
			StateVersion: state.version, MembersVersion: p.version(countersign.GroupMembersFact(id)),
		})
	}
	return out
}

// memberships are those of today and the rows of those before them.
func (p *player) memberships() []countersign.Membership {
	var out []countersign.Membership
	for _, key := range p.keys("membership") {
		name := countersign.Fact("membership:" + key)
		out = append(out, p.membership(name, p.facts[name]))
	}
	for i := range p.past {
		out = append(out, p.membership(p.past[i].pair, &p.past[i].fact))
	}
	return out
}

func (p *player) membership(name countersign.Fact, f *fact) countersign.Membership {
	fields := decode[membershipFields](p, name, f)
	user, group, _ := strings.Cut(strings.TrimPrefix(string(name), "membership:"), "/")
	on := func(key string) bool { return slices.Contains(fields.Configurable, key) }
	return countersign.Membership{
		ID: fields.ID, Number: fields.Number, UserID: countersign.UserID(user), GroupID: countersign.GroupID(group),
		Role: fields.Role, State: fields.State, StartsAt: p.moment(fields.StartsAt), ExpiresAt: p.moment(fields.ExpiresAt),
		Configurable: countersign.ConfigurablePermissions{
			CreateAccounts: on("can_create_accounts"), EditAccounts: on("can_edit_accounts"),
			RunReports: on("can_run_reports"), InstantLogin: on("can_instant_login"),
		},
		CreatedAt: f.born, ModifiedAt: f.moved, Version: f.version,
	}
}

func (p *player) credentials() []countersign.Credential {
	var out []countersign.Credential
	for _, key := range p.keys("credential") {
		id := countersign.CredentialID(key)
		fields, f := read[credentialFields](p, countersign.CredentialFact(id))
		hash, err := hex.DecodeString(fields.SecretHash)
		p.must(err == nil, "the hash of credential %s cannot be read", id)
		out = append(out, countersign.Credential{
			ID: id, UserID: fields.UserID, Type: fields.Type, State: fields.State, Label: fields.Label, SecretHash: hash,
			PublicKey: fields.PublicKey, ClientID: fields.ClientID, RequestedBy: fields.RequestedBy,
			CreatedAt: f.born, ModifiedAt: f.moved, ExpiresAt: p.moment(fields.ExpiresAt), Version: f.version,
		})
	}
	return out
}

func (p *player) catalogue() []countersign.CataloguePermission {
	var out []countersign.CataloguePermission
	for _, key := range p.keys("permission") {
		id := countersign.Permission(key)
		fields, f := read[catalogueFields](p, countersign.PermissionFact(id))
		p.must(fields.State == "listed" || fields.State == "removed", "permission %s is %s", id, fields.State)
		out = append(out, countersign.CataloguePermission{
			Permission: id, Description: fields.Description, Removed: fields.State == "removed", Version: f.version,
		})
	}
	return out
}

func (p *player) organization() countersign.Organization {
	fields, f := read[organizationFields](p, countersign.OrganizationFact())
	policy, asked := read[policyField](p, countersign.PolicyFact())
	set, keys := read[recoveryField](p, countersign.RecoveryFact())
	freeze, froze := read[freezeField](p, countersign.FreezeFact())
	since := froze.moved
	if freeze.State != "frozen" {
		since = time.Time{}
	}
	return countersign.Organization{
		FrozenAt: since, FreezeVersion: froze.version,
		ID: p.org, Number: fields.Number, Name: fields.Name, SealedAt: p.moment(fields.SealedAt), Policy: policy.Policy,
		CreatedAt: f.born, Version: f.version, PolicyVersion: asked.version,
		Recovery: set.Recovery, RecoveryVersion: keys.version, Drills: p.drills(),
	}
}

// compareIndex looks every fact up in the history that readers find it by: its
// newest entry must be the one that moved it last, unless a request that did not
// move it was recorded since.
func (p *player) compareIndex() {
	for name, f := range p.facts {
		entries, err := collect(func(fn func(countersign.AuditEntry) error) error {
			return p.tx.EntriesOf(p.ctx, name, f.version+1, 1, fn)
		})
		p.must(err == nil && len(entries) == 1 && entries[0].Index == f.version-1,
			"the history of %s does not lead to entry %d (%v)", name, f.version-1, err)
	}
}
