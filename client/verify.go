package client

import (
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// Proofs are RFC 6962's and nothing else. What they are checked against, a size
// with its root, comes from whom the caller trusts: a checkpoint whose signature he
// verified, or one that he has kept. Whatever stands beside the hashes in an answer
// is the server's word, and is compared, never believed.

// ErrProof is returned for a proof that does not prove what it is asked to.
var ErrProof = errors.New("the proof does not hold: the server shows another log than the one asked about")

// Verify reports, by ErrProof, whether leaf is not the entry at index in the log
// of size entries whose root is root.
func (p *InclusionProof) Verify(leaf []byte, index, size int64, root []byte) error {
	hashes, err := hashesOf(p.Hashes, root)
	if err != nil {
		return err
	}
	hash := tlog.RecordHash(leaf)
	if p.Index != index || p.Size != size || string(p.Root) != string(root) || string(p.LeafHash) != string(hash[:]) ||
		tlog.CheckRecord(hashes[1:], size, hashes[0], index, hash) != nil {
		return ErrProof
	}
	return nil
}

// Verify reports, by ErrProof, whether the log of to entries whose root is root
// does not begin with the log of from entries, at least one, whose root is oldRoot.
func (p *ConsistencyProof) Verify(from int64, oldRoot []byte, to int64, root []byte) error {
	hashes, err := hashesOf(p.Hashes, root)
	if err != nil {
		return err
	}
	old, err := hashesOf(nil, oldRoot)
	if err != nil {
		return err
	}
	if from < 1 || p.From != from || p.To != to || string(p.Root) != string(root) || string(p.OldRoot) != string(oldRoot) ||
		tlog.CheckTree(hashes[1:], to, hashes[0], from, old[0]) != nil {
		return ErrProof
	}
	return nil
}

// hashesOf are a root and the hashes of a path, each of which must be one.
func hashesOf(path [][]byte, root []byte) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, 1, 1+len(path))
	if len(root) != tlog.HashSize {
		return nil, ErrProof
	}
	out[0] = tlog.Hash(root)
	for _, raw := range path {
		if len(raw) != tlog.HashSize {
			return nil, ErrProof
		}
		out = append(out, tlog.Hash(raw))
	}
	return out, nil
}
