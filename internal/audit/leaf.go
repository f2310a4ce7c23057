// Package audit is the provable log: how an entry is encoded, how it becomes a
// leaf of the organization's Merkle tree, how checkpoints are signed and how
// proofs are made and checked.
//
// It does no I/O but for Keeper, which holds the signing key and the last signed
// checkpoint in files outside the database.
//
// # The entry format, version 1
//
// An entry is a canonical JSON object (internal/canon). Its exact bytes are the
// leaf; they are stored and never made again. Members, absent when empty:
//
//	v             1
//	origin        "countersign/<organization id>", the name of the log
//	organization  the organization's id
//	index         leaf index from 0; index+1 is the position facts cite
//	time          RFC 3339 UTC with microseconds; never decreases
//	kind          organization.created | change.submitted | change.applied |
//	              change.turned | change.closed | approval.recorded |
//	              attempt.refused | recovery.opened | recovery.applied:
//	              the last two of recoveries, for change.submitted and
//	              change.applied
//	actor         {user, person, credential, method, subject}: who did it, the
//	              person who answers for it, proven how, on behalf of whom
//	request       {id, idempotency}: HTTP request id, SHA-256 of the idempotency key
//	change        {id, digest, bootstrap, emergency, document | blob, state,
//	              because, winner, successor}
//	              (because is a machine word; of a failed batch
//	              "operations.<index>: <word>")
//	approval      {decision, digest, person, credential, comment, statement,
//	              signature, attested, method}; attested is "server" without a
//	              signature, method says how it was signed: "ed25519"
//	attempt       {action, kinds, code}: what the actor tried on which kinds of
//	              change (and on which change), and the word of the refusal; or
//	              {user, since, count}: how many more of an account's attempts,
//	              within the minute from since, have no entry of their own
//	effects       [{fact, from, to, set}] or {"blob", "count", "bytes"}
//	previous_root base64 of the root of the tree before this leaf
//	code          {build, schema}
//
// Names, emails and free text stand as {"commitment": hex}; see
// countersign.PersonalFields. The change document is the one whose digest the
// approvers named; it is in the entry that first mentions the change, and in a
// blob when larger than 16 KB. An effect moves one fact from a version to a
// version and sets the named fields; applying the sets in order of index rebuilds
// the directory. Of a fact that begins, fields that are not named are empty; one
// that begins again (a membership after its removal, by its new id) names them
// all. Effects above 32 KB stand in a blob: a content-addressed body, the SHA-256
// of which is in the entry. A leaf never exceeds 65,535 bytes.
//
// An import that opens moves import:<id>, where id is that of its change, and each
// batch of it import.batch:<id>/<index> from 0, once: its digest, how many rows
// were taken in, and which were left out. The rows are the effects that follow.
//
// The document of a recovery holds, in "recovery", the statement that recovery keys
// have signed and the signatures; its actor has the method "recovery" and is nobody.
// recovery: is the set of keys, and drill:<rule> the id of the last change that
// drilled a rule.
//
// An emergency act is marked so in the entry that applies it. It moves
// emergency:<id> too, with the id of the request that asks others about it, whose
// entry follows in the same transaction; ratified, it moves once more. A freeze and
// a thaw move organization.freeze.
//
// What stands in no set follows from the entries: a row was created and last
// modified at the times of the first and the last entry that moved one of its
// facts, a membership anew with each id; a group by the requesters of those
// changes; and group.members stands at the highest version of the group's
// memberships.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/canon"
)

// Version of the entry format.
const Version = 1

// Schema of the facts and their fields; it moves when a fact's fields do.
const Schema = 1

const (
	// maxDocument and maxEffects are what stays inside a leaf.
	maxDocument = 16 << 10
	maxEffects  = 32 << 10
	// maxLeaf is the bound of C2SP tlog-tiles entry bundles (16-bit length).
	maxLeaf = 65535
)

// TimeFormat of every time in canonical documents.
const TimeFormat = "2006-01-02T15:04:05.000000Z"

// FormatTime writes a time for a canonical document.
func FormatTime(t time.Time) string { return t.UTC().Format(TimeFormat) }

// Leaf is the content of one entry, in clear; Seal encodes it.
type Leaf struct {
	V            int            `json:"v"`
	Origin       string         `json:"origin"`
	Organization string         `json:"organization"`
	Index        int64          `json:"index"`
	Time         string         `json:"time"`
	Kind         string         `json:"kind"`
	Actor        *LeafActor     `json:"actor,omitzero"`
	Request      *LeafRequest   `json:"request,omitzero"`
	Change       *LeafChange    `json:"change,omitzero"`
	Approval     *LeafApproval  `json:"approval,omitzero"`
	Attempt      *LeafAttempt   `json:"attempt,omitzero"`
	Effects      jsontext.Value `json:"effects,omitzero"`
	PreviousRoot string         `json:"previous_root"`
	Code         LeafCode       `json:"code"`
}

// LeafActor is who did it.
type LeafActor struct {
	User       string `json:"user,omitzero"`
	Person     string `json:"person,omitzero"`
	Credential string `json:"credential,omitzero"`
	Method     string `json:"method"`
	Subject    string `json:"subject,omitzero"`
}

// LeafRequest ties the entry to a request.
type LeafRequest struct {
	ID          string `json:"id,omitzero"`
	Idempotency string `json:"idempotency,omitzero"`
}

// LeafChange is the change the entry is about.
type LeafChange struct {
	ID        string         `json:"id"`
	Digest    string         `json:"digest"`
	Bootstrap bool           `json:"bootstrap,omitzero"`
	Emergency bool           `json:"emergency,omitzero"`
	Document  jsontext.Value `json:"document,omitzero"`
	Blob      *BlobRef       `json:"blob,omitzero"`
	State     string         `json:"state,omitzero"`
	Because   string         `json:"because,omitzero"`
	Reason    string         `json:"reason,omitzero"`
	Winner    string         `json:"winner,omitzero"`
	Successor string         `json:"successor,omitzero"`
}

// LeafApproval is one vote.
type LeafApproval struct {
	Decision   string `json:"decision"`
	Digest     string `json:"digest"`
	Person     string `json:"person"`
	Credential string `json:"credential"`
	Comment    string `json:"comment,omitzero"`
	Statement  string `json:"statement,omitzero"`
	Signature  string `json:"signature,omitzero"`
	Attested   string `json:"attested,omitzero"`
	Method     string `json:"method,omitzero"`
}

// LeafAttempt is what somebody tried and was refused, or how many more attempts of
// one account there were.
type LeafAttempt struct {
	Action string   `json:"action,omitzero"`
	Kinds  []string `json:"kinds,omitzero"`
	Code   string   `json:"code,omitzero"`
	User   string   `json:"user,omitzero"`
	Since  string   `json:"since,omitzero"`
	Count  int      `json:"count,omitzero"`
}

// LeafCode says what wrote the entry.
type LeafCode struct {
	Build  string `json:"build"`
	Schema int    `json:"schema"`
}

// BlobRef names a body too large for a leaf.
type BlobRef struct {
	Blob  string `json:"blob"`
	Count int    `json:"count"`
	Bytes int    `json:"bytes"`
}

// LeafEffect is the movement of one fact.
type LeafEffect struct {
	Fact string         `json:"fact"`
	From int64          `json:"from"`
	To   int64          `json:"to"`
	Set  map[string]any `json:"set"`
}

// Sealed is an encoded entry and what has to be stored with it.
type Sealed struct {
	Entry countersign.AuditEntry
	Blobs map[string][]byte
}

// Seal encodes a leaf: personal fields become commitments, large parts blobs.
// document is the committed change document, empty when an earlier entry has it.
func Seal(l Leaf, document []byte, effects []countersign.Effect, c *canon.Committer) (Sealed, error) {
	sealed := Sealed{Blobs: map[string][]byte{}}
	openings := map[string]countersign.Opening{}
	var parts []canon.Part
	if len(effects) > 0 {
		committed, opened, err := commitEffects(effects, c)
		if err != nil {
			return Sealed{}, err
		}
		merge(openings, opened)
		if committed, err = inlineOrBlob(committed, len(effects), maxEffects, sealed.Blobs); err != nil {
			return Sealed{}, err
		}
		parts = append(parts, canon.Part{Path: []string{"effects"}, Bytes: committed})
	}
	if len(document) > maxDocument && l.Change != nil {
		l.Change.Blob = putBlob(document, 1, sealed.Blobs)
	} else if len(document) > 0 && l.Change != nil {
		parts = append(parts, canon.Part{Path: []string{"change", "document"}, Bytes: document})
	}
	leaf, opened, err := c.Commit(l, parts...)
	if err != nil {
		return Sealed{}, err
	}
	if len(leaf) > maxLeaf {
		return Sealed{}, fmt.Errorf("entry %d would be %d bytes, above %d", l.Index, len(leaf), maxLeaf)
	}
	merge(openings, opened)
	at, err := time.Parse(TimeFormat, l.Time)
	if err != nil {
		return Sealed{}, fmt.Errorf("reading the time of an entry: %w", err)
	}
	sealed.Entry = countersign.AuditEntry{Index: l.Index, Time: at, Kind: countersign.EntryKind(l.Kind), Leaf: leaf, Openings: openings}
	return sealed, nil
}

// commitEffects encodes effects in committed form.
func commitEffects(effects []countersign.Effect, c *canon.Committer) ([]byte, map[string]countersign.Opening, error) {
	list := make([]LeafEffect, len(effects))
	for i, e := range effects {
		list[i] = LeafEffect{Fact: string(e.Fact), From: e.From, To: e.To, Set: e.After}
	}
	return c.Commit(list)
}

func inlineOrBlob(b []byte, count, limit int, blobs map[string][]byte) ([]byte, error) {
	if len(b) <= limit {
		return b, nil
	}
	return canon.Encode(putBlob(b, count, blobs))
}

func putBlob(b []byte, count int, blobs map[string][]byte) *BlobRef {
	sum := sha256.Sum256(b)
	digest := hex.EncodeToString(sum[:])
	blobs[digest] = b
	return &BlobRef{Blob: digest, Count: count, Bytes: len(b)}
}

func merge(into, from map[string]countersign.Opening) {
	for k, v := range from {
		into[k] = v
	}
}
