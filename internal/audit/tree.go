package audit

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign"
)

// Origin is the name of an organization's log.
func Origin(org countersign.OrganizationID) string { return "countersign/" + string(org) }

// Appended is what storing one leaf adds to the tree.
type Appended struct {
	// FirstHash is the tlog storage index of the first of Hashes.
	FirstHash int64
	Hashes    [][]byte
	// Head is the head after the leaf.
	Head countersign.Head
}

// Append computes the hashes a leaf adds to a tree of which only the head is
// known: the frontier holds every hash that is needed, so appending reads
// nothing.
func Append(head countersign.Head, entry countersign.AuditEntry) (Appended, error) {
	if entry.Index != head.Size {
		return Appended{}, fmt.Errorf("entry %d does not follow a log of %d", entry.Index, head.Size)
	}
	edge, err := readFrontier(head)
	if err != nil {
		return Appended{}, err
	}
	hashes, err := tlog.StoredHashes(head.Size, entry.Leaf, edge)
	if err != nil {
		return Appended{}, fmt.Errorf("hashing entry %d: %w", entry.Index, err)
	}
	out := Appended{
		FirstHash: tlog.StoredHashCount(head.Size),
		Head:      countersign.Head{Size: head.Size + 1, Time: entry.Time},
	}
	for i, h := range hashes {
		edge[out.FirstHash+int64(i)] = h
		out.Hashes = append(out.Hashes, h[:])
	}
	for _, index := range frontierIndexes(out.Head.Size) {
		h, ok := edge[index]
		if !ok {
			return Appended{}, fmt.Errorf("the frontier of a log of %d lacks hash %d", head.Size, index)
		}
		out.Head.Frontier = append(out.Head.Frontier, h[:]...)
	}
	return out, nil
}

// Root is the root hash of the tree at head.
func Root(head countersign.Head) (tlog.Hash, error) {
	edge, err := readFrontier(head)
	if err != nil {
		return tlog.Hash{}, err
	}
	root, err := tlog.TreeHash(head.Size, edge)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("hashing the tree at %d: %w", head.Size, err)
	}
	return root, nil
}

// RootText is Root in base64, as it stands in entries and checkpoints.
func RootText(head countersign.Head) (string, error) {
	root, err := Root(head)
	return base64.StdEncoding.EncodeToString(root[:]), err
}

// LeafHash is the RFC 6962 hash of an entry's bytes.
func LeafHash(leaf []byte) []byte {
	h := tlog.RecordHash(leaf)
	return h[:]
}

// frontier serves the hashes at the right edge of a tree by storage index.
type frontier map[int64]tlog.Hash

// ReadHashes implements tlog.HashReader.
func (f frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		h, ok := f[index]
		if !ok {
			return nil, fmt.Errorf("hash %d is not at the edge of the tree", index)
		}
		out[i] = h
	}
	return out, nil
}

func readFrontier(head countersign.Head) (frontier, error) {
	indexes := frontierIndexes(head.Size)
	if len(head.Frontier) != len(indexes)*tlog.HashSize {
		return nil, fmt.Errorf("the frontier of a log of %d has %d bytes, not %d", head.Size, len(head.Frontier), len(indexes)*tlog.HashSize)
	}
	edge := make(frontier, len(indexes)+4)
	for i, index := range indexes {
		edge[index] = tlog.Hash(head.Frontier[i*tlog.HashSize:])
	}
	return edge, nil
}

// frontierIndexes are the storage indexes of the complete subtrees that make up
// a tree of the given size, largest first.
func frontierIndexes(size int64) []int64 {
	var out []int64
	done := int64(0)
	for level := 62; level >= 0; level-- {
		if span := int64(1) << level; size&span != 0 {
			out = append(out, tlog.StoredHashIndex(level, done>>level))
			done += span
		}
	}
	return out
}

// Reader adapts stored hashes to tlog.
type Reader func(indexes []int64) ([][]byte, error)

// ReadHashes implements tlog.HashReader.
func (r Reader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	raw, err := r(indexes)
	if err != nil {
		return nil, err
	}
	out := make([]tlog.Hash, len(raw))
	for i, b := range raw {
		if len(b) != tlog.HashSize {
			return nil, fmt.Errorf("stored hash %d has %d bytes", indexes[i], len(b))
		}
		out[i] = tlog.Hash(b)
	}
	return out, nil
}

// ProveInclusion proves that the leaf at index is in the tree of the given size.
func ProveInclusion(size, index int64, r Reader) (tlog.RecordProof, error) {
	proof, err := tlog.ProveRecord(size, index, r)
	if err != nil {
		return nil, fmt.Errorf("proving entry %d in a log of %d: %w", index, size, err)
	}
	return proof, nil
}

// ProveConsistency proves that the tree of size from is a prefix of that of size to.
func ProveConsistency(from, to int64, r Reader) (tlog.TreeProof, error) {
	proof, err := tlog.ProveTree(to, from, r)
	if err != nil {
		return nil, fmt.Errorf("proving a log of %d a prefix of %d: %w", from, to, err)
	}
	return proof, nil
}

// TreeRoot is the root of the tree at an earlier size.
func TreeRoot(size int64, r Reader) (tlog.Hash, error) {
	root, err := tlog.TreeHash(size, r)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("hashing the tree at %d: %w", size, err)
	}
	return root, nil
}
