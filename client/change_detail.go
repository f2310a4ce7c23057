package client

import (
	"encoding/json"
	"time"
)

// Overlap is another open request that meets a request in some fact: one of the
// two would move what the other moves or relies on.
type Overlap struct {
	ChangeID  ChangeID `json:"change_id"`
	Requester UserID   `json:"requester"`
	Kinds     []string `json:"kinds"`
	// Facts may be the first of FactsTotal.
	Facts      []string `json:"facts"`
	FactsTotal int64    `json:"facts_total"`
	// EndsOther: once this request is applied the other is stale. EndsThis: the other
	// way round.
	EndsOther bool `json:"ends_other"`
	EndsThis  bool `json:"ends_this"`
}

// Lookalike is a name that could be taken for those of others.
type Lookalike struct {
	// Field is where it stands: operations.0.name.
	Field string        `json:"field"`
	Kind  LookalikeKind `json:"kind"`
	Text  string        `json:"text"`
	// ID of whom it names; empty of who is yet to be created.
	ID string `json:"id"`
	// Others may be the first of OthersTotal.
	Others      []LookalikeOther `json:"others"`
	OthersTotal int64            `json:"others_total"`
}

// LookalikeKind says what kind of name it is.
type LookalikeKind string

// The kinds.
const (
	UserNameLookalike  LookalikeKind = "user_name"
	UserEmailLookalike LookalikeKind = "user_email"
	GroupNameLookalike LookalikeKind = "group_name"
)

// LookalikeOther has such a name.
type LookalikeOther struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	// Same is true where it is the very name.
	Same bool `json:"same"`
}

// Earlier tells how often the same person asked for the same operations before.
type Earlier struct {
	// Total of the newest hundred; More is true where there are others.
	Total  int                 `json:"total"`
	More   bool                `json:"more"`
	States map[ChangeState]int `json:"states"`
	Latest []EarlierRequest    `json:"latest"`
}

// EarlierRequest is one of them.
type EarlierRequest struct {
	ID            ChangeID    `json:"id"`
	State         ChangeState `json:"state"`
	ClosedAt      time.Time   `json:"closed_at"`
	ClosedBecause string      `json:"closed_because"`
}

// Differences are what differs between a request and the one it replaced.
type Differences struct {
	ChangeID   ChangeID             `json:"change_id"`
	Operations []OperationDifferent `json:"operations"`
	Effects    []EffectDifferent    `json:"effects"`
	// Partial: one of the two has more effects than it lists.
	Partial bool `json:"partial"`
}

// How something differs.
type How string

// The ways.
const (
	DifferenceAdded   How = "added"
	DifferenceRemoved How = "removed"
	DifferenceChanged How = "changed"
)

// OperationDifferent is an operation that came, went or is another.
type OperationDifferent struct {
	How  How    `json:"how"`
	Kind string `json:"kind"`
	// Was and Is are its places in the two requests, from 0; nil where it is in one
	// only.
	Was *int `json:"was"`
	Is  *int `json:"is"`
	// Before and After hold, of a changed one, what differs.
	Before map[string]json.RawMessage `json:"before"`
	After  map[string]json.RawMessage `json:"after"`
}

// EffectDifferent is a fact whose before or after is another.
type EffectDifferent struct {
	How       How                        `json:"how"`
	Fact      string                     `json:"fact"`
	WasBefore map[string]json.RawMessage `json:"was_before"`
	WasAfter  map[string]json.RawMessage `json:"was_after"`
	Before    map[string]json.RawMessage `json:"before"`
	After     map[string]json.RawMessage `json:"after"`
}
