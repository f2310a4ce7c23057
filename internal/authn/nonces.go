package authn

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/countersign/countersign"
)

const (
	// nonceMemory is longer than any signed request is accepted: what comes with
	// the latest iat and the longest life is over by then.
	nonceMemory = maxAhead + maxSignedLife
	// noncesPerUser and noncesPerNode bound the memory: 5000 requests a second of
	// one user for longer than nonceMemory, and a few hundred megabytes in all.
	noncesPerUser = 1 << 20
	noncesPerNode = 1 << 22
)

// Nonce is the SHA-256 of a nonce as it was written and of whose it is.
type Nonce [sha256.Size]byte

func nonceOf(user countersign.UserID, raw []byte) Nonce {
	return sha256.Sum256(append([]byte(string(user)+" "), raw...))
}

// Nonces remembers which nonces were used on this node until the requests that
// carried them are no longer accepted. It forgets by whole generations, so that
// forgetting costs nothing; a nonce lives for one to two of them.
//
// It does not outlive the process. What changes something is protected beyond
// that: the engine keeps its nonce in the transaction of the change.
type Nonces struct {
	mu       sync.Mutex // guards all below
	now, old generation
}

type generation struct {
	began  time.Time
	seen   map[Nonce]struct{}
	byUser map[countersign.UserID]int
}

func newGeneration(now time.Time) generation {
	return generation{began: now, seen: map[Nonce]struct{}{}, byUser: map[countersign.UserID]int{}}
}

// Take uses a nonce, or refuses one that was used. Whoever does not carry the
// request out after all gives it back with Release.
func (n *Nonces) Take(user countersign.UserID, nonce Nonce, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch age := now.Sub(n.now.began); {
	case n.now.seen == nil || age >= 2*nonceMemory:
		n.old, n.now = newGeneration(now), newGeneration(now)
	case age >= nonceMemory:
		n.old, n.now = n.now, newGeneration(now)
	}
	_, used := n.now.seen[nonce]
	if _, before := n.old.seen[nonce]; used || before {
		return notAccepted()
	}
	if n.now.byUser[user] >= noncesPerUser {
		return countersign.Code(countersign.Limited, "too_many_nonces", "", "there were too many requests with one API key in the last minutes")
	}
	if len(n.now.seen) >= noncesPerNode {
		return countersign.E(countersign.Unavailable, "", "there are more requests than can be told apart; try again soon")
	}
	n.now.seen[nonce] = struct{}{}
	n.now.byUser[user]++
	return nil
}

// Release gives back a nonce whose request was not carried out: a client may
// send the same request again (contracts/fireblocks.md section 2).
func (n *Nonces) Release(user countersign.UserID, nonce Nonce) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.now.seen[nonce]; ok {
		delete(n.now.seen, nonce)
		n.now.byUser[user]--
		return
	}
	delete(n.old.seen, nonce)
}
