package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/client"
)

// ledger is a log of n entries, of which a server can tell what it likes. Its
// entries from fork on are others than those of the honest one.
type ledger struct {
	hashes []tlog.Hash
	leaves [][]byte
}

func newLedger(t *testing.T, n, fork int) *ledger {
	t.Helper()
	l := &ledger{}
	for i := range n {
		leaf := fmt.Appendf(nil, `{"index":%d,"honest":%t}`, i, i < fork)
		more, err := tlog.StoredHashes(int64(i), leaf, l)
		if err != nil {
			t.Fatal(err)
		}
		l.hashes, l.leaves = append(l.hashes, more...), append(l.leaves, leaf)
	}
	return l
}

// ReadHashes implements tlog.HashReader.
func (l *ledger) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = l.hashes[at]
	}
	return out, nil
}

func (l *ledger) root(t *testing.T, n int64) []byte {
	t.Helper()
	h, err := tlog.TreeHash(n, l)
	if err != nil {
		t.Fatal(err)
	}
	return h[:]
}

func (l *ledger) inclusion(t *testing.T, index, size int64) client.InclusionProof {
	t.Helper()
	path, err := tlog.ProveRecord(size, index, l)
	if err != nil {
		t.Fatal(err)
	}
	hash := tlog.RecordHash(l.leaves[index])
	return client.InclusionProof{Index: index, Size: size, LeafHash: hash[:], Root: l.root(t, size), Hashes: raw(path)}
}

func (l *ledger) consistency(t *testing.T, from, to int64) client.ConsistencyProof {
	t.Helper()
	path, err := tlog.ProveTree(to, from, l)
	if err != nil {
		t.Fatal(err)
	}
	return client.ConsistencyProof{From: from, To: to, OldRoot: l.root(t, from), Root: l.root(t, to), Hashes: raw(path)}
}

func raw[L ~[]tlog.Hash](list L) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i][:]
	}
	return out
}

// lies are what a server may make of the path of a proof.
func lies(path [][]byte) map[string][][]byte {
	out := map[string][][]byte{"one hash more": append(slices.Clone(path), make([]byte, 32)), "a short hash": append(slices.Clone(path), make([]byte, 31))}
	flip := func(i, at int) [][]byte {
		c := slices.Clone(path)
		c[i] = bytes.Clone(c[i])
		c[i][at] ^= 1
		return c
	}
	for i := range path {
		for _, at := range []int{0, 15, 31} {
			out[fmt.Sprintf("hash %d, byte %d", i, at)] = flip(i, at)
		}
		out[fmt.Sprintf("without hash %d", i)] = slices.Delete(slices.Clone(path), i, i+1)
		out[fmt.Sprintf("hash %d twice", i)] = slices.Insert(slices.Clone(path), i, path[i])
		if i > 0 {
			c := slices.Clone(path)
			c[i-1], c[i] = c[i], c[i-1]
			out[fmt.Sprintf("hashes %d and %d swapped", i-1, i)] = c
		}
		out[fmt.Sprintf("hash %d longer", i)] = func() [][]byte {
			c := slices.Clone(path)
			c[i] = append(bytes.Clone(c[i]), 0)
			return c
		}()
	}
	return out
}

// A server that holds a forged log, or forges the proof, convinces nobody who has
// the root from elsewhere (governance.md A.3 j): every entry of every size, each
// lie about each of them.
func TestFalseProofsAreNotBelieved(t *testing.T) {
	t.Parallel()
	const most = 19
	honest, forked := newLedger(t, most, most), newLedger(t, most, 4)
	believed := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, client.ErrProof) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for size := int64(1); size <= most; size++ {
		root := honest.root(t, size)
		for index := range size {
			p, leaf := honest.inclusion(t, index, size), honest.leaves[index]
			if err := p.Verify(leaf, index, size, root); err != nil {
				t.Fatalf("entry %d of %d: %v", index, size, err)
			}
			what := fmt.Sprintf("entry %d of %d", index, size)
			for lie, path := range lies(p.Hashes) {
				q := p
				q.Hashes = path
				believed(what+", "+lie, q.Verify(leaf, index, size, root))
			}
			other := forked.inclusion(t, index, size)
			if size > 4 {
				believed(what+" of a forked log", other.Verify(forked.leaves[index], index, size, root))
			}
			believed(what+", another leaf", p.Verify([]byte("another"), index, size, root))
			node := bytes.Join([][]byte{{1}, root, root}, nil)
			believed(what+", a node for a leaf", p.Verify(node, index, size, root))
			believed(what+", another root", p.Verify(leaf, index, size, make([]byte, 32)))
			for _, at := range []int64{-1, index + 1, size, size + 1} {
				moved := p
				moved.Index = at
				believed(fmt.Sprintf("%s, as %d", what, at), moved.Verify(leaf, at, size, root))
				believed(fmt.Sprintf("%s, asked for %d", what, at), p.Verify(leaf, at, size, root))
			}
			for _, n := range []int64{-1, 0, size + 1} {
				grown := p
				grown.Size = n
				believed(fmt.Sprintf("%s, in %d", what, n), grown.Verify(leaf, index, size, root))
				believed(fmt.Sprintf("%s, asked for in %d", what, n), p.Verify(leaf, index, n, root))
			}
			for _, short := range [][]byte{nil, root[:31], append(bytes.Clone(root), 0)} {
				believed(what+", no root", p.Verify(leaf, index, size, short))
			}
		}
	}
}

// The same of proofs that the log only grew.
func TestAForkIsNotBelieved(t *testing.T) {
	t.Parallel()
	const most = 19
	honest, forked := newLedger(t, most, most), newLedger(t, most, 4)
	believed := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, client.ErrProof) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for to := int64(1); to <= most; to++ {
		root := honest.root(t, to)
		for from := int64(1); from <= to; from++ {
			p, old := honest.consistency(t, from, to), honest.root(t, from)
			if err := p.Verify(from, old, to, root); err != nil {
				t.Fatalf("%d to %d: %v", from, to, err)
			}
			what := fmt.Sprintf("%d to %d", from, to)
			for lie, path := range lies(p.Hashes) {
				q := p
				q.Hashes = path
				believed(what+", "+lie, q.Verify(from, old, to, root))
			}
			if from > 4 {
				fork := forked.consistency(t, from, to)
				believed(what+", of a fork", fork.Verify(from, old, to, root))
				believed(what+", to a fork", fork.Verify(from, old, to, forked.root(t, to)))
				believed(what+", from a fork", fork.Verify(from, forked.root(t, from), to, root))
			}
			for _, n := range []int64{-1, 0, to + 1} {
				q := p
				q.From = n
				believed(fmt.Sprintf("%s, from %d", what, n), q.Verify(n, old, to, root))
			}
			believed(what+", asked for another", p.Verify(from, old, to+1, root))
			for _, short := range [][]byte{nil, root[:31]} {
				believed(what+", no root", p.Verify(from, old, to, short))
				believed(what+", no old root", p.Verify(from, short, to, root))
			}
		}
	}
}

// What comes over the wire is verified like what is made here: a server that says
// of its own fork that it is the log is found out by the root one has kept.
func TestAServerWithAnotherLogIsFoundOut(t *testing.T) {
	t.Parallel()
	honest, forked := newLedger(t, 8, 8), newLedger(t, 8, 4)
	for name, log := range map[string]*ledger{"honest": honest, "forked": forked} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			number := func(name string) int64 {
				n, _ := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
				return n
			}
			var answer any
			if r.URL.Query().Has("from") {
				answer = log.consistency(t, number("from"), number("to"))
			} else {
				answer = log.inclusion(t, number("index"), number("size"))
			}
			text, err := json.Marshal(answer)
			if err != nil {
				t.Error(err)
			}
			maps.Copy(w.Header(), http.Header{"Content-Type": {"application/json"}, "Countersign-Revision": {"8"}})
			_, _ = w.Write(text)
		}))
		defer server.Close()
		c := client.New(server.URL, "token")
		inclusion, err1 := c.ProveInclusion(t.Context(), 6, 8)
		consistency, err2 := c.ProveConsistency(t.Context(), 6, 8)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		told := inclusion.Verify(log.leaves[6], 6, 8, honest.root(t, 8)) == nil && consistency.Verify(6, honest.root(t, 6), 8, honest.root(t, 8)) == nil
		if told != (name == "honest") {
			t.Errorf("%s: believed %t", name, told)
		}
	}
}
