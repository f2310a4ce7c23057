// Package replay rebuilds an organization from its log alone and compares the
// result with what the database says. It exists for tests.
//
// It reads the entries in order and believes nothing it can check: canonical
// bytes, dense indexes, times, the root before each leaf, the stored tree hashes,
// the digests of documents and blobs, the commitments that openings open, the
// version every effect found and left. Merging the effects gives the facts; the
// facts give the rows; and the rows must be those of the store, values and
// versions, nothing more and nothing less (governance.md B.10, 1 and 16).
//
// Beside the facts it follows every change request through its life and asks
// whether it was allowed: who counted, from which pool, on which digest, before
// which moment, under the rules of that moment (B.10, 2 to 4, 6, 7, 9, 13 to 15
// and 17). For that it has its own reading of the rules, in rules.go.
//
// A second opinion is worth something only if it shares no code with the first:
// apart from the vocabulary and the store's contract, nothing of the house is
// imported here. What stands in this package is the specification of
// internal/audit and governance.md, read again by somebody who distrusts both.
//
// Files: replay.go (the walk through the log), follow.go (one that goes on as the log grows), leaf.go (what an entry and a
// change document look like), tree.go (the Merkle tree), facts.go (from effects
// to rows), rows.go (the comparison), life.go (the requests), signed.go (signatures
// under votes), refused.go (attempts), recovery.go (what recovery keys do), rules.go
// (who may approve what), separate.go (what must not be asked together).
package replay

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// Check replays the log of an organization and fails the test with everything
// that does not agree. It may be called while a test is cleaned up.
func Check(t testing.TB, s store.Store, org countersign.OrganizationID) {
	t.Helper()
	findings, err := Findings(context.WithoutCancel(t.Context()), s, org)
	if err != nil {
		t.Fatalf("replaying the log: %v", err)
	}
	for _, finding := range findings {
		t.Error("replay: " + finding)
	}
}

// collect turns a callback read into a list.
func collect[T any](read func(fn func(T) error) error) ([]T, error) {
	var list []T
	err := read(func(one T) error {
		list = append(list, one)
		return nil
	})
	return list, err
}

// player is one replay.
type player struct {
	ctx context.Context //nolint:containedctx // both are those of one call of its follower
	tx  store.ReadTx
	org countersign.OrganizationID
	// position of the entry being played; 0 when the rows are compared.
	position int64
	now      time.Time

	tree tree
	// hashes are those stored, by their index.
	hashes   [][]byte
	facts    map[countersign.Fact]*fact
	past     []incarnation
	requests map[countersign.ChangeID]*request
	// order of the requests' first entries.
	order []*request
	// due is what the entry before the one being played leaves no choice about.
	due due
	// roots are those the tree had, by size; nonces are those that votes carried.
	roots  []string
	nonces map[string]bool
	// lastRecovery is the hash of the entry that last named recovery keys or opened
	// a recovery.
	lastRecovery string
	// refused counts the attempts of an account that were refused.
	refused map[countersign.UserID]*refusals

	found []string
	// broken is a read that failed.
	broken error
	// supposed stands for the policy in force while what it would ask is looked at.
	supposed *countersign.Policy
}

func newPlayer(org countersign.OrganizationID) *player {
	return &player{
		org:   org,
		facts: map[countersign.Fact]*fact{}, requests: map[countersign.ChangeID]*request{},
		nonces: map[string]bool{}, refused: map[countersign.UserID]*refusals{},
	}
}

// must notes a finding unless ok, and returns ok.
func (p *player) must(ok bool, format string, args ...any) bool {
	if ok {
		return true
	}
	text := fmt.Sprintf(format, args...)
	if p.position > 0 {
		text = fmt.Sprintf("entry %d: %s", p.position-1, text)
	}
	p.found = append(p.found, text)
	return false
}

// play reads one entry, checks its place in the log, and does what it says.
func (p *player) play(e countersign.AuditEntry) {
	l, err := readLeaf(e.Leaf)
	if !p.must(err == nil, "%v", err) {
		return
	}
	p.checkPlace(e, l)
	p.must(p.tree.append(e.Leaf, p.storedHash) == nil, "its tree hashes are not those stored")
	bodies := p.bodies(l)
	p.checkOpenings(e, l, bodies)
	effects := p.readEffects(e, l, bodies)
	p.checkDue(l)
	switch countersign.EntryKind(l.Kind) {
	case countersign.EntryGenesis:
		p.must(e.Index == 0 && l.Change == nil && l.Approval == nil, "a log begins once, with nothing but its effects")
		p.applyEffects(effects, "")
	case countersign.EntrySubmitted:
		p.must(len(effects) == 0 && l.Approval == nil, "a submission has no effects")
		p.playSubmission(e, l, bodies)
	case countersign.EntryVote:
		p.must(len(effects) == 0, "a vote has no effects")
		p.playVote(e, l)
	case countersign.EntryRecoveryOpened:
		p.must(len(effects) == 0 && l.Approval == nil, "a recovery that begins has no effects")
		p.playRecovery(e, l, bodies)
	case countersign.EntryApplied, countersign.EntryRecoveryApplied:
		p.must(len(effects) > 0 && l.Approval == nil, "what is applied has effects")
		p.playApplication(e, l, bodies, effects)
	case countersign.EntryTurned:
		p.must(len(effects) == 0 && l.Approval == nil, "what turns has no effects")
		p.playTurn(l)
	case countersign.EntryClosed:
		p.must(len(effects) == 0 && l.Approval == nil, "what is closed has no effects")
		p.playClosing(l)
	case countersign.EntryRefused:
		p.must(len(effects) == 0 && l.Approval == nil, "what is refused has no effects")
		p.playRefusal(l)
	default:
		p.must(false, "%q is no kind of entry", l.Kind)
	}
	p.noteRecovery(e.Leaf, l, effects)
}

// checkPlace holds an entry to what must be true of it wherever it stands.
func (p *player) checkPlace(e countersign.AuditEntry, l *leaf) {
	at, err := time.Parse(timeFormat, l.Time)
	p.must(l.V == 1 && l.Code.Schema == 1, "version %d, schema %d", l.V, l.Code.Schema)
	p.must(l.Origin == "countersign/"+string(p.org) && l.Organization == string(p.org), "belongs to %s of %s", l.Origin, l.Organization)
	p.must(l.Index == e.Index && e.Index == p.tree.size, "index %d, stored as %d, comes as number %d", l.Index, e.Index, p.tree.size)
	p.must(err == nil && at.Equal(e.Time) && at.Format(timeFormat) == l.Time, "time %s, stored as %s (%v)", l.Time, e.Time, err)
	p.must(!at.Before(p.now), "time %s is before that of the entry before it", l.Time)
	p.must(l.Kind == string(e.Kind), "kind %s, stored as %s", l.Kind, e.Kind)
	p.must(l.Actor != nil && l.Actor.Method != "", "nobody did it")
	root := p.tree.root()
	p.roots = append(p.roots, base64.StdEncoding.EncodeToString(root[:]))
	p.must(l.PreviousRoot == base64.StdEncoding.EncodeToString(root[:]), "another root before it than %s", l.PreviousRoot)
	p.now = at
}

// compareHead holds the head to the entries.
func (p *player) compareHead(head countersign.Head) {
	p.must(head.Size == p.tree.size, "the head counts %d entries, there are %d", head.Size, p.tree.size)
	p.must(head.Time.Equal(p.now), "the head's time is %s, the last entry's %s", head.Time, p.now)
	p.must(string(head.Frontier) == string(p.tree.frontier()), "the head's frontier is not that of the tree")
}
