package audit_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/canon"
)

// tree keeps every hash in memory, as the store would.
type tree struct {
	head   countersign.Head
	hashes map[int64][]byte
	heads  []countersign.Head
}

func (m *tree) read(indexes []int64) ([][]byte, error) {
	out := make([][]byte, len(indexes))
	for i, index := range indexes {
		h, ok := m.hashes[index]
		if !ok {
			return nil, fmt.Errorf("no hash %d", index)
		}
		out[i] = h
	}
	return out, nil
}

func (m *tree) add(t *testing.T, leaf string) {
	t.Helper()
	appended, err := audit.Append(m.head, countersign.AuditEntry{Index: m.head.Size, Leaf: []byte(leaf)})
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range appended.Hashes {
		m.hashes[appended.FirstHash+int64(i)] = h
	}
	m.head = appended.Head
	m.heads = append(m.heads, appended.Head)
}

func grown(t *testing.T, size int) *tree {
	t.Helper()
	m := &tree{hashes: map[int64][]byte{}, heads: []countersign.Head{{}}}
	for i := range size {
		m.add(t, fmt.Sprint("leaf ", i))
	}
	return m
}

// TestTheFrontierIsEnough: a tree appended to from its head alone is the tree
// that tlog builds from all hashes, at every size, and proofs from it verify.
func TestTheFrontierIsEnough(t *testing.T) {
	const size = 300
	m := grown(t, size)
	for n := int64(1); n <= size; n++ {
		root, err := audit.Root(m.heads[n])
		if err != nil {
			t.Fatal(err)
		}
		whole, err := tlog.TreeHash(n, audit.Reader(m.read))
		if err != nil || whole != root {
			t.Fatalf("at %d the frontier says %v, the tree %v (%v)", n, root, whole, err)
		}
	}
	root, _ := audit.Root(m.head)
	for index := range int64(size) {
		proof, err := audit.ProveInclusion(size, index, m.read)
		if err != nil {
			t.Fatal(err)
		}
		leaf := tlog.RecordHash(fmt.Append(nil, "leaf ", index))
		if err := tlog.CheckRecord(proof, size, root, index, leaf); err != nil {
			t.Fatalf("entry %d: %v", index, err)
		}
		if index == 0 {
			continue
		}
		old, _ := audit.Root(m.heads[index])
		path, err := audit.ProveConsistency(index, size, m.read)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(path, size, root, index, old); err != nil {
			t.Fatalf("prefix %d: %v", index, err)
		}
	}
}

func TestAnEntryOutOfTurnIsRefused(t *testing.T) {
	m := grown(t, 3)
	if _, err := audit.Append(m.head, countersign.AuditEntry{Index: 5}); err == nil {
		t.Error("a gap was appended")
	}
	broken := m.head
	broken.Frontier = broken.Frontier[1:]
	if _, err := audit.Append(broken, countersign.AuditEntry{Index: 3}); err == nil {
		t.Error("a mutilated frontier was used")
	}
}

func leaf(index int64) audit.Leaf {
	return audit.Leaf{V: 1, Origin: "o", Organization: "o", Index: index, Time: audit.FormatTime(time.Unix(1, 0)), Kind: "change.applied", Change: &audit.LeafChange{ID: "c", Digest: "d"}}
}

func TestLargePartsOfAnEntryGoToBlobs(t *testing.T) {
	effects := make([]countersign.Effect, 5000)
	for i := range effects {
		effects[i] = countersign.Effect{Fact: countersign.Fact(fmt.Sprint("membership:", i)), To: 1, After: map[string]any{"state": "removed"}}
	}
	document := []byte(`"` + strings.Repeat("x", 20<<10) + `"`)
	sealed, err := audit.Seal(leaf(0), document, effects, canon.NewCommitter(rand.Reader, nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed.Blobs) != 2 || len(sealed.Entry.Leaf) > 2000 || !bytes.Contains(sealed.Entry.Leaf, []byte(`"count":5000`)) {
		t.Errorf("%d blobs, a leaf of %d bytes: %.300s", len(sealed.Blobs), len(sealed.Entry.Leaf), sealed.Entry.Leaf)
	}
}

func TestNamesInAnEntryAreCommitments(t *testing.T) {
	effects := []countersign.Effect{{Fact: "user:1", To: 1, After: map[string]any{"name": "Ada Lovelace", "type": "person"}}}
	n := leaf(0)
	n.Approval = &audit.LeafApproval{Decision: "approve", Comment: "looks right to me"}
	sealed, err := audit.Seal(n, nil, effects, canon.NewCommitter(rand.Reader, nil))
	if err != nil {
		t.Fatal(err)
	}
	text := string(sealed.Entry.Leaf)
	if strings.Contains(text, "Ada") || strings.Contains(text, "looks right") || !strings.Contains(text, `"type":"person"`) || len(sealed.Entry.Openings) != 2 {
		t.Errorf("%d openings: %s", len(sealed.Entry.Openings), text)
	}
}

func keeper(t *testing.T) (*audit.Keeper, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.key")
	k, err := audit.OpenKeeper(path)
	if err != nil {
		t.Fatal(err)
	}
	return k, path
}

func sign(t *testing.T, k *audit.Keeper, m *tree) ([]byte, error) {
	t.Helper()
	root, err := audit.Root(m.head)
	if err != nil {
		t.Fatal(err)
	}
	return k.Sign("log", m.head.Size, root, m.read)
}

func TestACheckpointVerifiesAndIsRepeated(t *testing.T) {
	k, path := keeper(t)
	m := grown(t, 9)
	first, err := sign(t, k, m)
	if err != nil {
		t.Fatal(err)
	}
	vkey, err := k.VerifierKey()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := audit.OpenCheckpoint(first, "log", verifier)
	if root, _ := audit.Root(m.head); err != nil || opened.N != 9 || opened.Hash != root {
		t.Fatalf("opened as %+v (%v)", opened, err)
	}
	if _, err := audit.OpenCheckpoint(first, "other log", verifier); err == nil {
		t.Error("a checkpoint of one log passed for another")
	}
	same, err := audit.OpenKeeper(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sign(t, same, m)
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("after a restart the same log has another checkpoint (%v)", err)
	}
	m.add(t, "more")
	if _, err := sign(t, same, m); err != nil {
		t.Errorf("a grown log was refused: %v", err)
	}
}

func TestAForkedLogIsNotSigned(t *testing.T) {
	for name, other := range map[string]int{"shorter": 5, "same size, other leaves": 9, "longer, other leaves": 20} {
		t.Run(name, func(t *testing.T) {
			k, _ := keeper(t)
			if _, err := sign(t, k, grown(t, 9)); err != nil {
				t.Fatal(err)
			}
			fork := &tree{hashes: map[int64][]byte{}}
			for i := range other {
				fork.add(t, fmt.Sprint("forged ", i))
			}
			if _, err := sign(t, k, fork); !errors.Is(err, audit.ErrForked) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAKeyOthersCanReadIsRefused(t *testing.T) {
	_, path := keeper(t)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenKeeper(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v", err)
	}
}
