package engine_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// document is what a walk reads of the document of a request.
type document struct {
	ID              countersign.ChangeID      `json:"id"`
	Requester       countersign.UserID        `json:"requester"`
	RequesterPerson countersign.UserID        `json:"requester_person"`
	Replaces        countersign.ChangeID      `json:"replaces"`
	Requirement     countersign.Requirement   `json:"requirement"`
	Pools           [][]countersign.UserID    `json:"pools"`
	Base            []countersign.FactVersion `json:"base"`
	Operations      []operation               `json:"operations"`
}

// operation is whom and what an operation names.
type operation struct {
	Kind         countersign.ChangeKind   `json:"kind"`
	UserID       countersign.UserID       `json:"user_id"`
	GroupID      countersign.GroupID      `json:"group_id"`
	MembershipID countersign.MembershipID `json:"membership_id"`
	CredentialID countersign.CredentialID `json:"credential_id"`
}

// document of a change, as it was when it was first written.
func (j *judge) document(c commit, id countersign.ChangeID) document {
	doc, known := j.documents[id]
	if row := c.after.change(id); !known && len(row.Payload) > 0 {
		if err := json.Unmarshal(row.Payload, &doc); err != nil {
			panic(err)
		}
		j.documents[id] = doc
	}
	return doc
}

// decidedBefore are kinds that carry out what was approved earlier.
func decidedBefore(kind countersign.ChangeKind) bool {
	return slices.Contains([]countersign.ChangeKind{
		countersign.KindCredentialCollect, countersign.KindCredentialRedeem, countersign.KindUserActivate, countersign.KindImportBatch,
	}, kind)
}

// targets are the users whom the operations of a request are about.
func (d document) targets(r *rows) []countersign.UserID {
	var out []countersign.UserID
	for _, op := range d.Operations {
		if decidedBefore(op.Kind) {
			continue
		}
		out = append(out, op.UserID)
		if m := r.memberships[op.MembershipID]; m != nil {
			out = append(out, m.UserID)
		}
		if k := r.credentials[op.CredentialID]; k != nil {
			out = append(out, k.UserID)
		}
	}
	return slices.DeleteFunc(out, func(id countersign.UserID) bool { return id == "" })
}

// barred are who must not vote on a request: who asked, who answers for him, whom
// it is about, and all of these of what it replaces.
func (j *judge) barred(d document, r *rows) []countersign.UserID {
	out := append(d.targets(r), d.Requester, d.RequesterPerson)
	if before, replaces := j.documents[d.Replaces]; replaces {
		out = append(out, j.barred(before, r)...)
	}
	return out
}

// votes calls fn for every vote that a transaction recorded.
func (j *judge) votes(c commit, fn func(d document, a countersign.Approval) error) error {
	var failure error
	each(c.before.changes, c.after.changes, func(id countersign.ChangeID, was, is changeRow) {
		for _, a := range is.Approvals[len(was.Approvals):] {
			if err := fn(j.document(c, id), a); err != nil && failure == nil {
				failure = fmt.Errorf("change %s: %w", id, err)
			}
		}
	})
	return failure
}

// nobodyVotesOnHisOwn (3): such a vote would not count, and is not even taken.
func (j *judge) nobodyVotesOnHisOwn(c commit) error {
	return j.votes(c, func(d document, a countersign.Approval) error {
		j.counts["votes"]++
		if slices.Contains(j.barred(d, c.before), a.Person) {
			return fmt.Errorf("%s votes, who asked for it, or for what it replaces, or whom it is about", a.Person)
		}
		return nil
	})
}

// signaturesVerify (5): whoever signed did so with a key of his that worked then,
// over these very words; and an approval from which a signature is asked has one.
// Keys that are revoked later are looked at when votes are counted.
func (j *judge) signaturesVerify(c commit) error {
	return j.votes(c, func(d document, a countersign.Approval) error {
		if a.Statement == "" {
			if j.asked(c.before, d).Signed == countersign.SigningRequired && a.Decision == countersign.Approve {
				return fmt.Errorf("the approval of %s is not signed", a.Person)
			}
			return nil
		}
		j.counts["signed votes"]++
		s := readStatement(a.Statement)
		key := c.before.credentials[s.Credential]
		if key == nil || key.Type != countersign.ApprovalKey || key.UserID != a.Person || !key.WorksAt(a.At) {
			return fmt.Errorf("%s signed with %s, which is no working key of his", a.Person, s.Credential)
		}
		if s.Change != d.ID || s.Digest != a.Digest || s.Decision != a.Decision || s.Person != a.Person {
			return fmt.Errorf("%s signed other words: %s", a.Person, a.Statement)
		}
		return verified(key.PublicKey, a.Statement, a.Signature)
	})
}

// signedWords are the words of a statement that a vote repeats.
type signedWords struct {
	Change     countersign.ChangeID     `json:"change"`
	Digest     string                   `json:"digest"`
	Decision   countersign.Decision     `json:"decision"`
	Person     countersign.UserID       `json:"person"`
	Credential countersign.CredentialID `json:"credential"`
}

func readStatement(text string) (s signedWords) {
	if json.Unmarshal([]byte(text), &s) != nil {
		return signedWords{}
	}
	return s
}

// verified checks a signature over a framed statement, as docs/approvals.md has it.
func verified(public, text, signature string) error {
	block, _ := pem.Decode([]byte(public))
	if block == nil {
		return fmt.Errorf("%q is no key", public)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(signature)
	key, ok := parsed.(ed25519.PublicKey)
	framed := fmt.Sprintf("GOV1 23 countersign-approval-v1 %d %s", len(text), text)
	if err != nil || !ok || !ed25519.Verify(key, []byte(framed), raw) {
		return fmt.Errorf("the signature is not that of %s", text)
	}
	return nil
}

// asked is the least that is asked of a request at a moment: what its document
// says, and what the rules say that match its kinds whatever the conditions. Of
// rules with conditions package replay knows.
func (j *judge) asked(r *rows, d document) countersign.Requirement {
	all := []countersign.Requirement{d.Requirement}
	if r.organization.Sealed() {
		all = append(all, r.certainly(d)...)
	}
	return united(all)
}

// certainly are the requirements of the rules without conditions that speak of an
// operation of the request.
func (r *rows) certainly(d document) (out []countersign.Requirement) {
	for _, rule := range r.organization.Policy.Rules {
		if rule.When.IsZero() && slices.ContainsFunc(d.Operations, func(op operation) bool {
			own := op.Kind == countersign.KindCredentialRevoke && r.credentials[op.CredentialID] != nil && r.credentials[op.CredentialID].UserID == d.Requester
			return !own && !decidedBefore(op.Kind) && speaksOf(rule, op.Kind)
		}) {
			out = append(out, rule.Requirement)
		}
	}
	return out
}

func speaksOf(rule countersign.Rule, kind countersign.ChangeKind) bool {
	noun, _, _ := strings.Cut(string(kind), ".")
	return slices.ContainsFunc(rule.Changes, func(s string) bool { return s == "*" || s == string(kind) || s == noun+".*" })
}

// united is the requirement that all of a list hold.
func united(list []countersign.Requirement) (out countersign.Requirement) {
	for _, r := range list {
		for _, clause := range r.Clauses {
			out.Distinct = max(out.Distinct, clause.Need)
			at := slices.IndexFunc(out.Clauses, func(c countersign.Clause) bool { return c.Approvers == clause.Approvers })
			if at < 0 {
				out.Clauses = append(out.Clauses, clause)
			} else {
				out.Clauses[at].Need = max(out.Clauses[at].Need, clause.Need)
			}
		}
		if veto := max(r.Veto, 1); len(r.Clauses) > 0 && (out.Veto == 0 || veto < out.Veto) {
			out.Veto = veto
		}
		out.Distinct, out.DelaySeconds = max(out.Distinct, r.Distinct), max(out.DelaySeconds, r.DelaySeconds)
		out.Exclusive, out.MustHold = out.Exclusive || r.Exclusive, out.MustHold || r.MustHold
		if r.Signed == countersign.SigningRequired {
			out.Signed = r.Signed
		}
	}
	return out
}

// counted are the people whose approval counts at the moment at which a request is
// applied, by clause: in the pool, eligible now, not barred, his last word being
// yes on this digest, with a token and a key that nobody has revoked since.
func (j *judge) counted(c commit, d document, at time.Time) (countersign.Requirement, [][]countersign.UserID) {
	row, asked := c.after.change(d.ID), j.asked(c.before, d)
	said := map[countersign.UserID]countersign.Decision{}
	revoked := func(id countersign.CredentialID) bool {
		k := c.before.credentials[id]
		return k == nil || k.State == countersign.CredentialRevoked
	}
	for _, a := range row.Approvals {
		switch {
		case a.Digest != row.Digest || revoked(a.Credential) || a.Statement != "" && revoked(readStatement(a.Statement).Credential):
		case a.Statement == "" && asked.Signed == countersign.SigningRequired && a.Decision == countersign.Approve:
			delete(said, a.Person)
		default:
			said[a.Person] = a.Decision
		}
	}
	barred := j.barred(d, c.before)
	out := make([][]countersign.UserID, len(asked.Clauses))
	for i, clause := range asked.Clauses {
		pool := slices.Concat(d.Pools...)
		if i < len(d.Pools) {
			pool = d.Pools[i]
		}
		for _, person := range c.before.eligible(clause.Approvers, at) {
			if slices.Contains(pool, person) && !slices.Contains(barred, person) && said[person] == countersign.Approve {
				out[i] = append(out[i], person)
			}
		}
	}
	return asked, out
}

// appliedIsApproved (2): a change that was asked for and waited has, when it is
// applied, the approvals its document asks, and those of the rules of that moment.
// One that is applied at once was free: no rule without a condition asks anything.
func (j *judge) appliedIsApproved(c commit) error {
	return applications(c, func(e entry) error {
		d := j.document(c, e.said.Change.ID)
		if c.before.changes[d.ID] == nil {
			asks := united(append(c.before.certainly(d), d.Requirement))
			if c.before.organization.Sealed() && len(asks.Clauses) > 0 {
				return fmt.Errorf("change %s is applied at once, and rules ask for approvals", d.ID)
			}
			return nil
		}
		j.counts["approved"]++
		asked, people := j.counted(c, d, e.Time)
		if !met(asked, people) {
			return fmt.Errorf("change %s is applied with the approvals of %v, asked are %+v", d.ID, people, asked)
		}
		return nil
	})
}

// votersAreDifferentPeople (4): as many people as are asked approved, each of them
// a person, with a token of his own.
func (j *judge) votersAreDifferentPeople(c commit) error {
	err := j.votes(c, func(_ document, a countersign.Approval) error {
		user, token := c.before.users[a.Person], c.before.credentials[a.Credential]
		if user == nil || user.Type != countersign.Person || token == nil || token.UserID != a.Person || !token.WorksAt(a.At) {
			return fmt.Errorf("%s votes with %s", a.Person, a.Credential)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return applications(c, func(e entry) error {
		d := j.document(c, e.said.Change.ID)
		if c.before.changes[d.ID] == nil {
			return nil
		}
		asked, people := j.counted(c, d, e.Time)
		if n := len(different(people)); n < asked.Distinct || n == 0 {
			return fmt.Errorf("change %s is applied with %d people, %d are asked", d.ID, n, asked.Distinct)
		}
		return nil
	})
}

// delayIsRespected (10): what is applied has waited, since it had its approvals,
// as long as is asked of it by then.
func (j *judge) delayIsRespected(c commit) error {
	var failure error
	for _, e := range c.entries {
		id := e.said.Change.ID
		if e.Kind == countersign.EntryApplied && c.before.changes[id] != nil {
			delay := time.Duration(j.asked(c.before, j.document(c, id)).DelaySeconds) * time.Second
			if delay > 0 {
				j.counts["delayed"]++
			}
			since := j.waiting[id]
			if delay > 0 && (since.IsZero() || e.Time.Before(since.Add(delay))) {
				failure = fmt.Errorf("change %s is applied at %s, scheduled %s, and should wait %s", id, e.Time, since, delay)
			}
		}
	}
	each(c.before.changes, c.after.changes, func(id countersign.ChangeID, was, is changeRow) {
		switch {
		case is.State != countersign.ChangeScheduled:
			delete(j.waiting, id)
		case was.State != countersign.ChangeScheduled:
			j.waiting[id] = c.entries[len(c.entries)-1].Time
		}
	})
	return failure
}

func applications(c commit, fn func(e entry) error) error {
	for _, e := range c.entries {
		if e.Kind == countersign.EntryApplied && e.said.Change.ID != "" {
			if err := fn(e); err != nil {
				return err
			}
		}
	}
	return nil
}
