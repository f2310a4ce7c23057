package replay

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is the RFC 6962 tree of the leaves so far: the roots of the complete
// subtrees at its right edge, largest first. Only the numbering of the stored
// hashes is that of tlog.
type tree struct {
	size int64
	edge []subtree
}

type subtree struct {
	level int
	hash  [sha256.Size]byte
}

var errHash = errors.New("a stored hash is not that of the tree")

// append adds a leaf and compares every hash it completes with the stored one.
func (t *tree) append(leaf []byte, stored func(index int64) []byte) error {
	node := subtree{hash: sha256.Sum256(append([]byte{0}, leaf...))}
	n := t.size
	t.size++
	var failure error
	for {
		if !bytes.Equal(stored(tlog.StoredHashIndex(node.level, n)), node.hash[:]) {
			failure = errHash
		}
		last := len(t.edge) - 1
		if last < 0 || t.edge[last].level != node.level {
			t.edge = append(t.edge, node)
			return failure
		}
		node = subtree{level: node.level + 1, hash: join(t.edge[last].hash, node.hash)}
		t.edge = t.edge[:last]
		n /= 2
	}
}

func join(left, right [sha256.Size]byte) [sha256.Size]byte {
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// root is the hash of the whole tree.
func (t *tree) root() [sha256.Size]byte {
	if len(t.edge) == 0 {
		return sha256.Sum256(nil)
	}
	root := t.edge[len(t.edge)-1].hash
	for i := len(t.edge) - 2; i >= 0; i-- {
		root = join(t.edge[i].hash, root)
	}
	return root
}

func (t *tree) frontier() []byte {
	var out []byte
	for _, s := range t.edge {
		out = append(out, s.hash[:]...)
	}
	return out
}
