package native

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

type changeOut struct {
	ID              text                    `json:"id"`
	State           countersign.ChangeState `json:"state"`
	Operations      []jsontext.Value        `json:"operations"`
	Reason          text                    `json:"reason"`
	Requester       text                    `json:"requester"`
	RequesterPerson text                    `json:"requester_person"`
	Credential      text                    `json:"credential"`
	Effects         []effectOut             `json:"effects"`
	EffectsTotal    int                     `json:"effects_total"`
	Impact          *impactOut              `json:"impact"`
	Requirement     countersign.Requirement `json:"requirement"`
	Rules           []string                `json:"rules"`
	PolicyVersion   int64                   `json:"policy_version"`
	Needs           []needOut               `json:"needs"`
	Eligible        []countersign.UserID    `json:"eligible"`
	Excluded        []countersign.UserID    `json:"excluded"`
	Reachable       bool                    `json:"reachable"`
	Unreachable     *unreachableOut         `json:"unreachable"`
	CanDecide       bool                    `json:"can_decide"`
	Approvals       []approvalOut           `json:"approvals"`
	Digest          string                  `json:"digest"`
	DigestWords     string                  `json:"digest_words"`
	Overlaps        []overlapOut            `json:"overlaps"`
	Lookalikes      *[]lookalikeOut         `json:"lookalikes"`
	Earlier         *earlierOut             `json:"earlier"`
	Differences     *differencesOut         `json:"differences"`
	People          int                     `json:"people"`
	NeedPeople      int                     `json:"need_people"`
	Denials         int                     `json:"denials"`
	Vetoes          int                     `json:"vetoes"`
	CreatedAt       moment                  `json:"created_at"`
	ScheduledAt     moment                  `json:"scheduled_at"`
	DueAt           moment                  `json:"due_at"`
	ExpiresAt       moment                  `json:"expires_at"`
	ClosedAt        moment                  `json:"closed_at"`
	ClosedBy        text                    `json:"closed_by"`
	ClosedBecause   text                    `json:"closed_because"`
	Replaces        text                    `json:"replaces"`
	ReplacedBy      text                    `json:"replaced_by"`
	Winner          text                    `json:"winner"`
	Bootstrap       bool                    `json:"bootstrap"`
	Emergency       bool                    `json:"emergency"`
	Ratification    text                    `json:"ratification"`
	Ratifies        text                    `json:"ratifies"`
	AppliedRevision *int64                  `json:"applied_revision"`
	Version         int64                   `json:"version"`
	// Recovery is what recovery keys have signed; null of what somebody asked for.
	Recovery *countersign.RecoveryAct `json:"recovery"`
	Secrets  []secretOut              `json:"secrets,omitempty"`
}

type effectOut struct {
	Fact   countersign.Fact `json:"fact"`
	From   int64            `json:"from"`
	To     int64            `json:"to"`
	Before map[string]any   `json:"before"`
	After  map[string]any   `json:"after"`
}

type impactOut struct {
	Users      []userImpactOut `json:"users"`
	UsersTotal int             `json:"users_total"`
	Gains      int             `json:"gains"`
	Losses     int             `json:"losses"`
}

type userImpactOut struct {
	UserID countersign.UserID       `json:"user_id"`
	Name   text                     `json:"name"`
	Type   countersign.UserType     `json:"type"`
	Gained []countersign.Permission `json:"gained"`
	Lost   []countersign.Permission `json:"lost"`
}

type needOut struct {
	Approvers countersign.ApproverSet `json:"approvers"`
	Need      int                     `json:"need"`
	Have      int                     `json:"have"`
	Eligible  []countersign.UserID    `json:"eligible"`
}

// unreachableOut says why an open request can no longer be applied.
type unreachableOut struct {
	Because   engine.Cause             `json:"because"`
	Approvers *countersign.ApproverSet `json:"approvers"`
	Need      int                      `json:"need"`
	Left      int                      `json:"left"`
}

func unreachableToWire(u *engine.Unreachable) *unreachableOut {
	if u == nil {
		return nil
	}
	out := &unreachableOut{Because: u.Because, Need: u.Need, Left: u.Left}
	if u.Because == engine.TooFewForClause {
		out.Approvers = &u.Approvers
	}
	return out
}

type approvalOut struct {
	Person     countersign.UserID   `json:"person"`
	Credential text                 `json:"credential"`
	Decision   countersign.Decision `json:"decision"`
	Digest     string               `json:"digest"`
	Comment    text                 `json:"comment"`
	At         moment               `json:"at"`
	Position   int64                `json:"position"`
	// Attested is "key" where the person signed, "server" where only we say so.
	Attested  countersign.Attestation `json:"attested"`
	Statement text                    `json:"statement"`
	Signature text                    `json:"signature"`
	Method    text                    `json:"method"`
}

// previewOut is what a dry run shows.
type previewOut struct {
	Would   string      `json:"would"`
	Change  changeOut   `json:"change"`
	Effects []effectOut `json:"effects"`
	Impact  *impactOut  `json:"impact"`
}

func changeToWire(v engine.ChangeView) (changeOut, error) {
	out, err := requestToWire(v.ChangeRequest)
	if err != nil {
		return changeOut{}, err
	}
	out.State = v.State
	out.Reachable, out.CanDecide, out.DueAt = v.Reachable, v.CanDecide, moment(v.DueAt)
	out.Unreachable = unreachableToWire(v.Unreachable)
	out.People, out.NeedPeople, out.Denials, out.Vetoes = v.People, v.NeedPeople, v.Denials, v.Vetoes
	for _, n := range v.Needs {
		out.Needs = append(out.Needs, needOut(n))
		out.Eligible = append(out.Eligible, n.Eligible...)
	}
	slices.Sort(out.Eligible)
	out.Eligible = slices.Compact(out.Eligible)
	if v.State.Open() {
		out.Impact = impactToWire(v)
	}
	out.Overlaps = overlapsToWire(v.Overlaps)
	if v.Detail != nil {
		out.detail(*v.Detail, v.ChangeRequest)
	}
	return out, nil
}

// requestToWire renders what the request itself says; what is derived from the
// directory around it is left for changeToWire.
func requestToWire(c countersign.ChangeRequest) (changeOut, error) {
	out := changeOut{
		ID: text(c.ID), State: c.State, Reason: text(c.Reason), Requester: text(c.Requester), RequesterPerson: text(c.RequesterPerson),
		Credential: text(c.RequesterCredential), Requirement: c.Requirement, Rules: c.RuleIDs, PolicyVersion: c.PolicyVersion,
		Excluded: c.Excluded, Digest: c.Digest, DigestWords: engine.DigestWords(c.Digest), CreatedAt: moment(c.CreatedAt), ExpiresAt: moment(c.ExpiresAt),
		ScheduledAt: moment(c.ScheduledAt),
		ClosedAt:    moment(c.ClosedAt), ClosedBy: text(c.ClosedBy), ClosedBecause: text(c.ClosedBecause), Replaces: text(c.Replaces),
		ReplacedBy: text(c.ReplacedBy), Winner: text(c.WinnerID), Bootstrap: c.Bootstrap, Version: c.Version,
		Emergency: c.Emergency(), Ratification: text(c.Ratification), Ratifies: text(c.Ratifies),
		Effects: make([]effectOut, len(c.Effects)), EffectsTotal: c.EffectsTotal, Recovery: c.Recovery,
	}
	for i, e := range c.Effects {
		out.Effects[i] = effectOut(e)
		// All facts of a change move together, at the entry that applied it.
		out.Effects[i].To = c.AppliedPosition
	}
	if c.AppliedPosition > 0 {
		out.AppliedRevision = &c.AppliedPosition
	}
	for _, op := range c.Operations {
		raw, err := engine.EncodeChange(op)
		if err != nil {
			return changeOut{}, fmt.Errorf("encoding an operation of change %s: %w", c.ID, err)
		}
		out.Operations = append(out.Operations, raw)
	}
	for _, a := range c.Approvals {
		out.Approvals = append(out.Approvals, approvalOut{
			Person: a.Person, Credential: text(a.Credential), Decision: a.Decision, Digest: a.Digest,
			Comment: text(a.Comment), At: moment(a.At), Position: a.Position, Attested: a.Attested(), Statement: text(a.Statement), Signature: text(a.Signature),
			Method: text(a.Method),
		})
	}
	return out, nil
}

func impactToWire(v engine.ChangeView) *impactOut {
	out := &impactOut{UsersTotal: v.Impact.UsersTotal, Gains: v.Impact.Gains, Losses: v.Impact.Losses}
	for _, u := range v.Impact.Users {
		out.Users = append(out.Users, userImpactOut{u.UserID, text(u.Name), u.Type, u.Gained, u.Lost})
	}
	return out
}
