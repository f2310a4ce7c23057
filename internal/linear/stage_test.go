package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// stage is an organization with the nodes that serve it.
type stage struct {
	*scenario.World
	t     *testing.T
	nodes []*node
}

// node is an engine on a connection of its own to the database.
type node struct {
	*engine.Engine
	name int
	db   *testdb.DB
}

// on runs a test on SQLite with one node, and on PostgreSQL with two.
func on(t *testing.T, fn func(t *testing.T, s *stage)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		t.Parallel()
		db, ok := open().(*testdb.DB)
		if !ok {
			t.Fatal("the test needs a database that can fail")
		}
		w := scenario.New(t, scenario.Direct, db)
		s := &stage{World: w, t: t, nodes: []*node{{Engine: w.Engine, db: db}}}
		if !db.Exclusive() {
			s.second()
		}
		fn(t, s)
		s.mustStand()
	})
}

// second adds a node over the same database.
func (s *stage) second() {
	s.t.Helper()
	again, err := testdb.Open(s.t.Context(), s.nodes[0].db.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := again.Close(); err != nil {
			s.t.Error(err)
		}
	})
	s.nodes = append(s.nodes, &node{Engine: scenario.NewEngine(again, s.Clock), name: 1, db: again})
}

// any picks a node.
func (s *stage) any(r *rand.Rand) *node { return s.nodes[r.IntN(len(s.nodes))] }

// watch keeps the nodes told of each other's commits until the test ends.
func (s *stage) watch() {
	ctx, stop := context.WithCancel(s.t.Context())
	var all sync.WaitGroup
	for _, n := range s.nodes {
		all.Go(func() {
			if err := n.Watch(ctx); err != nil && !errors.Is(err, context.Canceled) {
				s.t.Errorf("node %d: %v", n.name, err)
			}
		})
	}
	s.t.Cleanup(func() { stop(); all.Wait() })
}

// mustStand compares the log with the directory it left.
func (s *stage) mustStand() {
	s.t.Helper()
	if !s.t.Failed() {
		replay.Check(s.t, s.Store, s.Org.ID)
	}
}

// apply sets the stage, before it is sealed.
func (s *stage) apply(ops ...countersign.Change) engine.Result {
	s.t.Helper()
	result, err := s.Engine.Submit(s.t.Context(), s.As("ada").Actor, ops, engine.Options{})
	if err != nil || result.Change.State != countersign.ChangeApplied {
		s.t.Fatalf("setting the stage: %s (%v)", result.Change.State, err)
	}
	return result
}

// voters are the actors who are admins besides ada.
func (s *stage) voters(n int) []countersign.Actor {
	s.t.Helper()
	var out []countersign.Actor
	for i := range n {
		name := fmt.Sprintf("voter%d", i)
		s.Admins(name)
		out = append(out, s.As(name).Actor)
	}
	return out
}

// seal ends bootstrap with a policy by which admins approve: so many of them each
// kind of change, default for all others, and so many denials end a request.
func (s *stage) seal(need map[countersign.ChangeKind]int, otherwise, veto int) {
	s.t.Helper()
	admins := func(n int) countersign.Requirement {
		return countersign.Requirement{Veto: veto, Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: n}}}
	}
	policy := countersign.TwoPersonPolicy()
	policy.Default = admins(otherwise)
	for kind, n := range need {
		policy.Rules = append(policy.Rules, countersign.Rule{ID: string(kind[:5]), Changes: []string{string(kind)}, Requirement: admins(n)})
	}
	s.apply(&countersign.SealOrganization{Policy: &policy, AcceptedRisks: []countersign.Risk{countersign.RiskNoRecoveryKeys}})
}

// errPlanted is no error any database has.
var errPlanted = errors.New("planted")

// faults fail some of what the store does: one point in so many. Of the commits
// whose answer gets lost there are few: each stays open to the end of its history.
type faults struct {
	mu   sync.Mutex
	r    *rand.Rand
	lost int
}

// storm makes the stores of a stage fail until the returned function is called.
func (s *stage) storm(seed uint64, losses int) (calm func()) {
	for i, n := range s.nodes {
		f := &faults{r: rand.New(rand.NewPCG(seed, 1000+uint64(i))), lost: losses}
		n.db.OnPoint(f.at)
	}
	return func() {
		for _, n := range s.nodes {
			n.db.OnPoint(nil)
		}
	}
}

func (f *faults) at(point string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case point == sqlstore.FaultCommitted:
		if f.lost > 0 && f.r.IntN(12) == 0 {
			f.lost--
			return errPlanted
		}
	case f.r.IntN(800) == 0:
		return errPlanted
	case f.r.IntN(800) == 0:
		return sqlstore.ErrTransient
	}
	return nil
}
