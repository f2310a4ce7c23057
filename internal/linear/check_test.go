package linear

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// What somebody may do is granted and taken back at one node while all nodes are
// asked. A check that names a revision is never answered by an older one; one that
// names none is answered by what stood at the revision it says, which on one node
// never goes back, and never lies before what that node itself has answered. Where
// one process has the database to itself, every check is of the newest.
func TestChecksAreInOrder(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, s *stage) {
		s.People(countersign.RoleNone, "one", "two", "three")
		s.watch()
		for _, seed := range seeds() {
			questions(s, seed, []countersign.UserID{s.ID("one"), s.ID("two"), s.ID("three")})
		}
	})
}

// posed is a question about somebody's permission: grant, revoke, check at a node
// naming a revision (0 for none), or the word that a node has answered a write.
type posed struct {
	do   string
	node int
	at   int64
}

func (p posed) String() string { return fmt.Sprintf("%s at node %d from %d", p.do, p.node, p.at) }

// verdict is an answer and the revision it is of.
type verdict struct {
	allowed bool
	at      int64
}

func questions(s *stage, seed uint64, users []countersign.UserID) {
	s.t.Helper()
	began := map[string]bool{}
	for i, id := range users {
		v, err := s.Engine.Check(s.t.Context(), s.As("ada").Actor, engine.Question{User: id, Permission: countersign.VaultsCreate})
		if err != nil {
			s.t.Fatal(err)
		}
		began[fmt.Sprint("user", i)] = v.Allowed
	}
	h := &history{}
	calm := s.storm(seed, 6)
	var newest atomic.Int64 // of all revisions that anybody was told
	together(clients, seed, func(client int, r *rand.Rand) {
		for i := range *operations / clients {
			k := r.IntN(len(users))
			q := inquiry{s: s, h: h, n: s.any(r), client: client, user: users[k], key: fmt.Sprint("user", k), newest: &newest}
			if dice := r.IntN(100); dice < 25 {
				q.write(fmt.Sprintf("%d-%d-%d", seed, client, i), dice%2 == 0)
			} else {
				q.check(dice < 60)
			}
		}
	})
	calm()
	h.settle(s.t, marked(s.t, s.Store, s.Org.ID))
	h.mustHave(s.t, "check", "grant", "revoke", "grant refused")
	h.mustBeInOrder(s.t, seed, func(key string) porcupine.Model { return answers(began[key], s.Store.Exclusive()) })
}

type inquiry struct {
	s      *stage
	h      *history
	n      *node
	client int
	user   countersign.UserID
	key    string
	newest *atomic.Int64
}

func (q inquiry) write(marker string, grant bool) {
	only := []countersign.Permission{countersign.VaultsCreate}
	word, op := "grant", countersign.Change(&countersign.GrantPermissions{UserID: q.user, Permissions: only})
	if !grant {
		word, op = "revoke", &countersign.RevokePermissions{UserID: q.user, Permissions: only}
	}
	done := int64(0)
	q.h.do(q.client, q.key, marker, posed{do: word, node: q.n.name}, func() (any, error) {
		result, err := q.n.Submit(q.s.t.Context(), q.s.As("ada").Actor, []countersign.Change{op}, engine.Options{RequestID: marker})
		if err == nil {
			done = result.Revision
		}
		return verdict{grant, result.Revision}, err
	})
	if done > 0 {
		q.h.note(q.client, q.key, posed{"answered", q.n.name, done})
		q.hear(done)
	}
}

// check asks, and names the newest revision anybody was told of, or none.
func (q inquiry) check(named bool) {
	from := int64(0)
	if named {
		from = q.newest.Load()
	}
	q.h.do(q.client, q.key, "", posed{"check", q.n.name, from}, func() (any, error) {
		if from > 0 {
			if err := q.n.Fresh(q.s.t.Context(), q.s.Org.ID, from); err != nil {
				return nil, err
			}
		}
		v, err := q.n.Check(q.s.t.Context(), q.s.As("ada").Actor, engine.Question{User: q.user, Permission: countersign.VaultsCreate})
		if err != nil {
			return nil, err
		}
		q.hear(v.Revision)
		return verdict{v.Allowed, v.Revision}, nil
	})
}

func (q inquiry) hear(revision int64) {
	for {
		old := q.newest.Load()
		if old >= revision || q.newest.CompareAndSwap(old, revision) {
			return
		}
	}
}

// past is what was true of one permission since which revision, and the newest
// revision each node and any node has answered by.
type past struct {
	since []verdict
	nodes [2]int64
	most  int64
}

func (p past) String() string {
	var out []string
	for _, v := range p.since {
		out = append(out, fmt.Sprintf("%t since %d", v.allowed, v.at))
	}
	return fmt.Sprintf("%s; answered %v, %d", strings.Join(out, ", "), p.nodes, p.most)
}

// at is what was true at a revision.
func (p past) at(revision int64) bool {
	for _, v := range slices.Backward(p.since) {
		if v.at <= revision {
			return v.allowed
		}
	}
	return false
}

func (p past) newest() verdict { return p.since[len(p.since)-1] }

// answers is the model of one permission of one user. strict is where nobody may
// be answered by what stood before.
func answers(began, strict bool) porcupine.Model {
	return machine(past{since: []verdict{{began, 0}}}, func(p past, in, out any, logged bool) (bool, past) {
		asked, _ := in.(posed)
		switch asked.do {
		case "answered":
			p.nodes[asked.node] = max(p.nodes[asked.node], asked.at)
			return true, p
		case "check":
			v, ok := out.(verdict)
			fits := ok && v.at >= asked.at && v.at >= p.nodes[asked.node] && v.allowed == p.at(v.at) && (!strict || v.at >= p.newest().at)
			p.nodes[asked.node], p.most = max(p.nodes[asked.node], v.at), max(p.most, v.at)
			return fits, p
		}
		written := verdict{allowed: asked.do == "grant"}
		switch answer := out.(type) {
		case refusal: // it is so already, at this moment
			return answer.code == "no_effect" && p.newest().allowed == written.allowed, p
		case lost:
			written.at = answer.at
		case verdict:
			written.at = answer.at
		}
		// What was answered at a revision has seen everything up to it.
		fits := logged && written.at > p.newest().at && written.at > p.most && p.newest().allowed != written.allowed
		p.since = append(slices.Clone(p.since), written)
		return fits, p
	})
}
