package engine

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/names"
	"github.com/countersign/countersign/internal/store"
)

// ledger applies the operations of one batch and books every fact they touch:
// which version they found (the base of a request), and what they made of it
// (the effects of an entry). Rows are written only through its put methods, so
// that nothing can be changed without being booked.
type ledger struct {
	w *work
	// position of the entry that will record the effects: the new version of
	// every fact that moves.
	position int64
	// immediate is true when the answer goes to who asked, so that a secret can
	// be made and shown now; else it is collected later.
	immediate bool
	// request is the held request being applied; nil at submission.
	request *countersign.ChangeRequest

	// at is the operation being applied.
	at int

	base    []countersign.FactVersion
	relied  map[countersign.Fact]bool
	effects []countersign.Effect
	moved   map[countersign.Fact]bool
	// membersBefore are the versions at which the batch found the members of
	// groups it moves.
	membersBefore map[countersign.GroupID]int64
	secrets       []countersign.Secret
	// subjects are users the batch is about although no operation names them.
	subjects []countersign.UserID
	// deactivated users have lost their active state.
	deactivated []countersign.UserID
	imported    *store.ImportedBatch
	// file and lines say which row of an import made or moved a user.
	file  string
	lines map[countersign.UserID]int
}

func newLedger(w *work, position int64, immediate bool) *ledger {
	return &ledger{
		w: w, position: position, immediate: immediate, relied: map[countersign.Fact]bool{}, moved: map[countersign.Fact]bool{},
		membersBefore: map[countersign.GroupID]int64{},
	}
}

// applyAll applies the operations in order and checks what must hold afterwards.
func (l *ledger) applyAll(ops []countersign.Change) error {
	if err := l.checkFrozen(ops); err != nil {
		return err
	}
	for i, op := range ops {
		l.at = i
		if err := l.apply(op); err != nil {
			return inBatch(l.w.o, i, err)
		}
	}
	if err := l.checkAdmins(); err != nil {
		return err
	}
	if err := l.checkPeople(ops); err != nil {
		return err
	}
	return l.checkDuties()
}

// rely books that the batch depends on a fact at a version; the first word
// counts. An operation relies on every fact it would set, also where it sets
// nothing new: else it could do later what nobody was shown.
func (l *ledger) rely(fact countersign.Fact, version int64) {
	if l.relied[fact] {
		return
	}
	l.relied[fact] = true
	l.base = append(l.base, countersign.FactVersion{Fact: fact, Version: version})
}

// factsMoved lists the facts the batch moves, derived ones included.
func (l *ledger) factsMoved() []countersign.Fact {
	out := make([]countersign.Fact, 0, len(l.moved))
	for fact := range l.moved {
		out = append(out, fact)
	}
	slices.Sort(out)
	return out
}

// move books the movement of a fact from one set of fields to another and
// reports whether there was any. Fields that stay the same are left out; of a
// new fact, empty fields are. A fact that begins again, as a membership does after
// its removal, names them all: whoever merges what the log sets must not keep
// what the one before had.
func (l *ledger) move(fact countersign.Fact, from int64, before, after map[string]any) bool {
	l.rely(fact, from)
	was, is := map[string]any{}, map[string]any{}
	for field, value := range after {
		old, known := before[field]
		if (known && reflect.DeepEqual(old, value)) || (!known && from == 0 && isEmpty(value)) {
			continue
		}
		is[field] = value
		if known {
			was[field] = old
		}
	}
	if len(is) == 0 {
		return false
	}
	l.moved[fact] = true
	l.effects = append(l.effects, countersign.Effect{Fact: fact, From: from, To: l.position, Before: was, After: is})
	return true
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case []string:
		return len(v) == 0
	case map[string]string:
		return len(v) == 0
	case int64:
		return v == 0
	case nil:
		return true
	}
	return false
}

func text[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// profileText is never nil: no profile is the same as an empty one.
func profileText(p countersign.Profile) map[string]string {
	out := make(map[string]string, len(p))
	maps.Copy(out, p)
	return out
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return audit.FormatTime(t)
}

// putUser writes a user; old is nil for a new one. It books the facts that
// moved, and writes nothing when none did.
func (l *ledger) putUser(old *countersign.User, u countersign.User) error {
	var was countersign.User
	var attributes, role, state, permissions map[string]any
	if old != nil {
		was = *old
		attributes, role, state, permissions = userAttributes(was), userRole(was), userState(was), userPermissions(was)
	}
	moved := false
	if l.move(countersign.UserFact(u.ID), was.AttributesVersion, attributes, userAttributes(u)) {
		u.AttributesVersion, moved = l.position, true
	}
	if l.moveIfKnown(old != nil, countersign.UserRoleFact(u.ID), was.RoleVersion, role, userRole(u)) {
		u.RoleVersion, moved = l.position, true
	}
	if l.moveIfKnown(old != nil, countersign.UserStateFact(u.ID), was.StateVersion, state, userState(u)) {
		u.StateVersion, moved = l.position, true
	}
	if l.moveIfKnown(old != nil, countersign.UserPermissionsFact(u.ID), was.PermissionsVersion, permissions, userPermissions(u)) {
		u.PermissionsVersion, moved = l.position, true
	}
	if !moved {
		return nil
	}
	if was.State == countersign.UserActive && u.State != countersign.UserActive {
		l.deactivated = append(l.deactivated, u.ID)
	}
	u.Version, u.ModifiedAt = l.position, l.w.now
	key := ""
	if u.Email != "" {
		key = names.FoldEmail(u.Email)
	}
	return l.w.tx.PutUser(l.w.ctx, u, key)
}

// moveIfKnown books a fact only if it moves: an update that does not concern a
// fact must not depend on it. A new row books all of them.
func (l *ledger) moveIfKnown(exists bool, fact countersign.Fact, from int64, before, after map[string]any) bool {
	if exists && reflect.DeepEqual(before, after) {
		return false
	}
	return l.move(fact, from, before, after)
}

func userAttributes(u countersign.User) map[string]any {
	return map[string]any{
		"type": string(u.Type), "number": u.Number, "name": u.Name, "email": u.Email, "external_id": u.ExternalID,
		"allowed_ips": text(u.AllowedIPs), "profile": profileText(u.Profile), "responsible_person_id": string(u.ResponsiblePersonID),
		"invited_by": string(u.InvitedBy), "device_reset_by": string(u.DeviceResetBy),
	}
}

func userRole(u countersign.User) map[string]any  { return map[string]any{"role": string(u.Role)} }
func userState(u countersign.User) map[string]any { return map[string]any{"state": string(u.State)} }

func userPermissions(u countersign.User) map[string]any {
	return map[string]any{"permissions": text(u.Permissions)}
}

// putGroup writes a group as putUser does a user.
func (l *ledger) putGroup(old *countersign.Group, g countersign.Group) error {
	var was countersign.Group
	var attributes, state, permissions map[string]any
	if old != nil {
		was = *old
		attributes, state, permissions = groupAttributes(was), groupState(was), groupPermissions(was)
	}
	moved := false
	if l.moveIfKnown(old != nil, countersign.GroupFact(g.ID), was.AttributesVersion, attributes, groupAttributes(g)) {
		g.AttributesVersion, moved = l.position, true
	}
	if l.moveIfKnown(old != nil, countersign.GroupPermissionsFact(g.ID), was.PermissionsVersion, permissions, groupPermissions(g)) {
		g.PermissionsVersion, moved = l.position, true
	}
	if l.moveIfKnown(old != nil, countersign.GroupStateFact(g.ID), was.StateVersion, state, groupState(g)) {
		g.StateVersion, moved = l.position, true
	}
	if !moved {
		return nil
	}
	g.Version, g.ModifiedAt, g.ModifiedBy = l.position, l.w.now, l.requester()
	return l.w.tx.PutGroup(l.w.ctx, g, names.Fold(g.Name))
}

func groupAttributes(g countersign.Group) map[string]any {
	return map[string]any{
		"number": g.Number, "name": g.Name, "description": g.Description,
		"external_sync_identifier": g.ExternalSyncIdentifier, "provenance": g.Provenance,
		"invitability": string(g.Invitability), "member_viewability": string(g.MemberViewability),
	}
}

func groupState(g countersign.Group) map[string]any { return map[string]any{"state": string(g.State)} }

func groupPermissions(g countersign.Group) map[string]any {
	return map[string]any{"permissions": text(g.Permissions)}
}

// putMembership writes a membership; from is the version of the pair's fact
// before, 0 when the two never met.
func (l *ledger) putMembership(old *countersign.Membership, m countersign.Membership, from int64) (bool, error) {
	var before map[string]any
	if old != nil {
		before = membershipFields(*old)
	}
	if !l.move(countersign.MembershipFact(m.UserID, m.GroupID), from, before, membershipFields(m)) {
		return false, nil
	}
	l.moved[countersign.GroupMembersFact(m.GroupID)] = true
	m.Version, m.ModifiedAt = l.position, l.w.now
	return true, l.w.tx.PutMembership(l.w.ctx, m)
}

func membershipFields(m countersign.Membership) map[string]any {
	return map[string]any{
		"id": string(m.ID), "number": m.Number, "role": string(m.Role), "state": string(m.State),
		"starts_at": timeText(m.StartsAt), "expires_at": timeText(m.ExpiresAt),
		"configurable_permissions": configurableText(m.Configurable),
	}
}

// configurableText lists the switches that are on.
func configurableText(c countersign.ConfigurablePermissions) []string {
	on := c.Map()
	return slices.DeleteFunc(countersign.ConfigurableKeys(), func(key string) bool { return !on[key] })
}

// putCredential writes a credential.
func (l *ledger) putCredential(old *countersign.Credential, c countersign.Credential) error {
	var before map[string]any
	var from int64
	if old != nil {
		before, from = credentialFields(*old), old.Version
	}
	if !l.move(countersign.CredentialFact(c.ID), from, before, credentialFields(c)) {
		return nil
	}
	c.Version, c.ModifiedAt = l.position, l.w.now
	return l.w.tx.PutCredential(l.w.ctx, c)
}

func credentialFields(c countersign.Credential) map[string]any {
	return map[string]any{
		"user_id": string(c.UserID), "type": string(c.Type), "state": string(c.State), "label": c.Label,
		"secret_hash": hexText(c.SecretHash), "public_key": strings.TrimSpace(c.PublicKey), "client_id": c.ClientID,
		"requested_by": string(c.RequestedBy), "expires_at": timeText(c.ExpiresAt),
	}
}

// checkAdmins keeps the organization governable: at least one active admin, two
// once it is sealed (governance.md L3).
func (l *ledger) checkAdmins() error {
	touched := map[countersign.UserID]bool{}
	for _, effect := range l.effects {
		for _, prefix := range []string{"user.role:", "user.state:"} {
			if id, ok := strings.CutPrefix(string(effect.Fact), prefix); ok {
				touched[countersign.UserID(id)] = true
			}
		}
	}
	if len(touched) == 0 {
		return nil
	}
	before := l.w.picture.ActiveAdmins(l.w.now)
	after := len(before)
	for id := range touched {
		u, err := l.w.tx.User(l.w.ctx, id)
		if err != nil {
			return err
		}
		is := u.Type == countersign.Person && u.Role == countersign.RoleAdmin && u.State == countersign.UserActive
		was := slices.Contains(before, id)
		switch {
		case was && !is:
			after--
		case is && !was:
			after++
		}
	}
	least := 1
	if l.w.picture.Organization().Sealed() {
		least = 2
	}
	if after < len(before) && after < least {
		return countersign.Code(countersign.Refused, "last_admins", "", "this would leave too few active admins to run the organization; appoint another first")
	}
	return nil
}
