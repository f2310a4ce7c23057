package engine_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// judge holds every transaction of a walk to the invariants of governance.md B.10.
// It reads the rows and entries that were written, naively, and shares with the
// engine the vocabulary alone. Package replay, which plays every entry as well, is
// a second opinion on most of them and the first on what conditions of rules ask.
type judge struct {
	// versions of every fact as effects have moved them.
	versions map[countersign.Fact]int64
	// documents of requests as they were first written.
	documents map[countersign.ChangeID]document
	// applied are the positions at which changes took effect.
	applied map[countersign.ChangeID]int64
	// waiting says since when a request has been waiting out its delay.
	waiting map[countersign.ChangeID]time.Time
	last    entry
	// counts are how often what was looked for was there to be looked at.
	counts map[string]int
}

func newJudge() *judge {
	return &judge{
		versions: map[countersign.Fact]int64{}, documents: map[countersign.ChangeID]document{},
		applied: map[countersign.ChangeID]int64{}, waiting: map[countersign.ChangeID]time.Time{}, counts: map[string]int{},
	}
}

// invariant is one of B.10, as it can be asked of one transaction.
type invariant struct {
	number int
	name   string
	holds  func(j *judge, c commit) error
}

// invariants are those that a transaction can be held to. The others are asked
// between steps: 16 and 17 in look, 18 in attempt.
func invariants() []invariant {
	return []invariant{
		{15, "the log is dense and its times do not decrease", (*judge).logIsDense},
		{1, "no governed fact moves without a leaf", (*judge).everyMoveHasALeaf},
		{8, "applied changes of one fact are ordered by version", (*judge).movesAreOrdered},
		{13, "a request stays as it was asked, and its pool never grows", (*judge).requestsStand},
		{7, "a change is applied at most once", (*judge).appliedOnce},
		{6, "terminal states never change", (*judge).terminalStaysTerminal},
		{9, "nothing happens at or after expiry", (*judge).nothingAfterExpiry},
		{3, "no vote is by requester, author or target", (*judge).nobodyVotesOnHisOwn},
		{5, "every counted signature verifies", (*judge).signaturesVerify},
		{2, "what is applied has its approvals", (*judge).appliedIsApproved},
		{4, "those who count are different people", (*judge).votersAreDifferentPeople},
		{10, "the delay is respected", (*judge).delayIsRespected},
		{11, "nobody is locked out", (*judge).nobodyIsLockedOut},
		{12, "nobody comes to hold what is kept apart", (*judge).dutiesStaySeparate},
	}
}

// hold asks all of them of a transaction.
func (j *judge) hold(c commit) error {
	var failures []error
	for _, i := range invariants() {
		if err := i.holds(j, c); err != nil {
			failures = append(failures, fmt.Errorf("invariant %d, %s: %w", i.number, i.name, err))
		}
	}
	return errors.Join(failures...)
}

// logIsDense (15): entries are numbered without gaps, times do not go back, and
// the head is at the last.
func (j *judge) logIsDense(c commit) error {
	at := c.before.head.Size
	for _, e := range c.entries {
		if e.Index != at || e.Time.Before(j.last.Time) {
			return fmt.Errorf("entry %d of %s comes at %d, after one of %s", e.Index, e.Time, at, j.last.Time)
		}
		at++
		j.last = e
	}
	if c.after.head.Size != at {
		return fmt.Errorf("the head is at %d after entry %d", c.after.head.Size, at-1)
	}
	return nil
}

// everyMoveHasALeaf (1): whatever a transaction made of the rows, an entry of the
// same transaction has effects that say so, fact by fact, and the row cites it.
func (j *judge) everyMoveHasALeaf(c commit) error {
	told := map[countersign.Fact]int64{}
	for _, e := range c.entries {
		for _, f := range e.effects {
			told[f.Fact] = e.Index + 1
		}
	}
	for fact, version := range moved(c.before, c.after) {
		if told[fact] == 0 || told[fact] != version {
			return fmt.Errorf("%s moved to version %d, and the log tells of it at %d", fact, version, told[fact])
		}
	}
	return nil
}

// moved are the facts in which two sets of rows differ, with the versions they
// have in the second.
func moved(before, after *rows) map[countersign.Fact]int64 {
	out := map[countersign.Fact]int64{}
	differ := func(fact countersign.Fact, version int64, was, is any) {
		if !reflect.DeepEqual(was, is) {
			out[fact] = version
		}
	}
	each(before.users, after.users, func(id countersign.UserID, b, a countersign.User) {
		differ(countersign.UserFact(id), a.AttributesVersion,
			[]any{b.Number, b.Type, b.Name, b.Email, b.ExternalID, b.ResponsiblePersonID, fmt.Sprint(b.AllowedIPs), b.InvitedBy, b.DeviceResetBy, b.CreatedAt},
			[]any{a.Number, a.Type, a.Name, a.Email, a.ExternalID, a.ResponsiblePersonID, fmt.Sprint(a.AllowedIPs), a.InvitedBy, a.DeviceResetBy, a.CreatedAt})
		differ(countersign.UserRoleFact(id), a.RoleVersion, b.Role, a.Role)
		differ(countersign.UserStateFact(id), a.StateVersion, b.State, a.State)
		differ(countersign.UserPermissionsFact(id), a.PermissionsVersion, fmt.Sprint(b.Permissions), fmt.Sprint(a.Permissions))
	})
	each(before.groups, after.groups, func(id countersign.GroupID, b, a countersign.Group) {
		differ(countersign.GroupFact(id), a.AttributesVersion,
			[]any{b.Number, b.Name, b.Description, b.ExternalSyncIdentifier, b.Provenance, b.Invitability, b.MemberViewability, b.CreatedAt},
			[]any{a.Number, a.Name, a.Description, a.ExternalSyncIdentifier, a.Provenance, a.Invitability, a.MemberViewability, a.CreatedAt})
		differ(countersign.GroupStateFact(id), a.StateVersion, b.State, a.State)
		differ(countersign.GroupPermissionsFact(id), a.PermissionsVersion, fmt.Sprint(b.Permissions), fmt.Sprint(a.Permissions))
	})
	each(before.memberships, after.memberships, func(_ countersign.MembershipID, b, a countersign.Membership) {
		version := a.Version
		a.Version, a.ModifiedAt, b.Version, b.ModifiedAt = 0, time.Time{}, 0, time.Time{}
		differ(countersign.MembershipFact(a.UserID, a.GroupID), version, b, a)
	})
	each(before.credentials, after.credentials, func(id countersign.CredentialID, b, a countersign.Credential) {
		version := a.Version
		a.Version, a.ModifiedAt, b.Version, b.ModifiedAt = 0, time.Time{}, 0, time.Time{}
		differ(countersign.CredentialFact(id), version, b, a)
	})
	each(before.catalogue, after.catalogue, func(p countersign.Permission, b, a countersign.CataloguePermission) {
		differ(countersign.PermissionFact(p), a.Version, []any{b.Description, b.Removed, b.Permission}, []any{a.Description, a.Removed, a.Permission})
	})
	if b, a := before.organization, after.organization; a != b {
		differ(countersign.OrganizationFact(), a.Version, []any{b.Name, b.Number, b.SealedAt}, []any{a.Name, a.Number, a.SealedAt})
		differ(countersign.PolicyFact(), a.PolicyVersion, written(b.Policy), written(a.Policy))
	}
	return out
}

// written is a policy as it is put and fetched.
func written(p countersign.Policy) string {
	text, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// each calls fn for the rows that were written, with what was there before.
func each[K comparable, V any](before, after map[K]*V, fn func(id K, before, after V)) {
	for id, is := range after {
		if was := before[id]; was != is {
			var none V
			if was == nil {
				was = &none
			}
			fn(id, *was, *is)
		}
	}
}

// movesAreOrdered (8): every effect finds the version that the one before it left,
// and leaves a later one, so that two changes of one fact have an order; and what
// a request was asked on is still so when it is applied.
func (j *judge) movesAreOrdered(c commit) error {
	for _, e := range c.entries {
		if e.Kind == countersign.EntryApplied {
			for _, base := range j.document(c, e.said.Change.ID).Base {
				if stands := j.version(base.Fact); stands != base.Version {
					return fmt.Errorf("change %s is applied on %s at %d, which stands at %d", e.said.Change.ID, base.Fact, base.Version, stands)
				}
			}
		}
		within := map[countersign.Fact]bool{}
		for _, f := range e.effects {
			if from := j.versions[f.Fact]; !within[f.Fact] && f.From != from || f.To != e.Index+1 {
				return fmt.Errorf("entry %d moves %s from %d to %d, it stood at %d", e.Index, f.Fact, f.From, f.To, from)
			}
			within[f.Fact] = true
			j.versions[f.Fact] = f.To
		}
	}
	return nil
}

// version of a fact; that of the members of a group is its newest membership's.
func (j *judge) version(fact countersign.Fact) int64 {
	group, ok := strings.CutPrefix(string(fact), "group.members:")
	if !ok {
		return j.versions[fact]
	}
	newest := int64(0)
	for f, version := range j.versions {
		if strings.HasPrefix(string(f), "membership:") && strings.HasSuffix(string(f), "/"+group) {
			newest = max(newest, version)
		}
	}
	return newest
}

// appliedOnce (7): the log tells of the effects of a change once.
func (j *judge) appliedOnce(c commit) error {
	for _, e := range c.entries {
		if e.Kind != countersign.EntryApplied {
			continue
		}
		id := e.said.Change.ID
		if at := j.applied[id]; at != 0 {
			return fmt.Errorf("change %s was applied at %d and is again at %d", id, at, e.Index+1)
		}
		j.applied[id] = e.Index + 1
		if row := c.after.change(id); row.State != countersign.ChangeApplied || row.AppliedPosition != e.Index+1 {
			return fmt.Errorf("change %s is applied at %d and its row says %s at %d", id, e.Index+1, row.State, row.AppliedPosition)
		}
	}
	return nil
}

// terminalStaysTerminal (6): of a request that has ended nothing is written again,
// nor voted; and what is applied or ended says so in the log.
func (j *judge) terminalStaysTerminal(c commit) error {
	var failure error
	each(c.before.changes, c.after.changes, func(id countersign.ChangeID, was, is store.ChangeRecord) {
		if was.ID != "" && !was.State.Open() && !reflect.DeepEqual(was, is) {
			failure = fmt.Errorf("change %s was %s and is %s, with %d votes and then %d", id, was.State, is.State, len(was.Approvals), len(is.Approvals))
		}
		told := slices.ContainsFunc(c.entries, func(e entry) bool { return e.said.Change.ID == id && e.Index+1 == is.Version })
		if !told {
			failure = fmt.Errorf("change %s was written at %d, and no entry says why", id, is.Version)
		}
	})
	return failure
}

// nothingAfterExpiry (9): from the moment at which a request expires nobody votes
// on it, and it ends as nothing else than expired.
func (j *judge) nothingAfterExpiry(c commit) error {
	for _, e := range c.entries {
		row := c.after.change(e.said.Change.ID)
		waited := c.before.changes[row.ID] != nil
		late := waited && e.Kind != countersign.EntryRefused && !e.Time.Before(row.ExpiresAt)
		if late {
			j.counts["late"]++
		}
		if late && (e.Kind != countersign.EntryClosed || row.State != countersign.ChangeExpired) {
			return fmt.Errorf("%s of change %s at %s, which expired at %s", e.Kind, row.ID, e.Time, row.ExpiresAt)
		}
	}
	return nil
}

// requestsStand (13, 14): what a request asks for, its requirement and its pools
// are in its document, which is never written anew; nobody votes who is in none.
// That nobody else would count either is asked of the engine between steps.
func (j *judge) requestsStand(c commit) error {
	var failure error
	each(c.before.changes, c.after.changes, func(id countersign.ChangeID, was, is store.ChangeRecord) {
		if was.ID != "" && (!bytes.Equal(was.Payload, is.Payload) || was.Digest != is.Digest || !was.ExpiresAt.Equal(is.ExpiresAt)) {
			failure = fmt.Errorf("change %s asks for something else than it did", id)
		}
		doc := j.document(c, id)
		for _, vote := range is.Approvals[len(was.Approvals):] {
			if !slices.Contains(slices.Concat(doc.Pools...), vote.Person) {
				failure = fmt.Errorf("%s votes on change %s, whose pool had no place for him", vote.Person, id)
			}
		}
		if was.ID != "" || len(doc.Pools) == 0 {
			return
		}
		for i, clause := range doc.Requirement.Clauses {
			able := c.before.eligible(clause.Approvers, is.CreatedAt)
			for _, person := range doc.Pools[i] {
				if !slices.Contains(able, person) {
					failure = fmt.Errorf("change %s begins with %s in pool %d, who is not eligible", id, person, i)
				}
			}
		}
	})
	return failure
}
