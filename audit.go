package countersign

import "time"

// AuditEntry is one immutable record, one leaf of the organization's log. Its
// exact bytes are stored and never made again; the format is specified in
// internal/audit.
type AuditEntry struct {
	// Index in the log, from 0; Index+1 is the position other rows cite.
	Index int64
	Time  time.Time
	Kind  EntryKind
	// Leaf is the canonical encoding, the bytes that are hashed.
	Leaf []byte
	// Openings reveal the commitments in the leaf, by commitment; what has been
	// erased is missing.
	Openings map[string]Opening
}

// EntryKind says what an audit entry records.
type EntryKind string

// The kinds of audit entry.
const (
	// EntryGenesis is the first leaf: the organization and its first admin.
	EntryGenesis EntryKind = "organization.created"
	// EntrySubmitted records a change request that waits.
	EntrySubmitted EntryKind = "change.submitted"
	// EntryApplied records effects; no governed fact moves without one.
	EntryApplied EntryKind = "change.applied"
	// EntryVote records one approval or denial.
	EntryVote EntryKind = "approval.recorded"
	// EntryTurned records that a request came to wait out its delay, or for
	// approvals again, although nobody voted: a vote had become void or counts again.
	EntryTurned EntryKind = "change.turned"
	// EntryClosed records a request that ended without effect.
	EntryClosed EntryKind = "change.closed"
	// EntryRefused records what somebody tried on a protected kind of change and was
	// refused, or how many more such attempts of his there were. Nothing has moved.
	EntryRefused EntryKind = "attempt.refused"
)

// Opening reveals one commitment: SHA-256 over salt, field and value.
type Opening struct {
	Field string `json:"field"`
	// Salt is 16 random bytes in hexadecimal.
	Salt string `json:"salt"`
	// Value is the canonical JSON of the value.
	Value string `json:"value"`
}

// Head is where an organization's log stands.
type Head struct {
	// Size is the number of leaves, and the position of the newest.
	Size int64
	// Time of the newest leaf; leaf times never decrease.
	Time time.Time
	// Frontier holds the hashes of the complete subtrees at the right edge, 32
	// bytes each, leftmost first: all that is needed to append and to know the
	// root without reading the tree.
	Frontier []byte
}
