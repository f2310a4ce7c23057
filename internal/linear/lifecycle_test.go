package linear

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// need approvals apply a request of these histories, veto denials end it.
const need, veto = 2, 2

// Requests to rename a group are submitted, decided, taken back, cancelled,
// replaced and read by eight admins at two places each. What they are told is what
// one at a time could have been told: a request ends once and stays ended, the vote
// that completes it renames the group and ends the others, a person counts once,
// and neither a request nor a list nor the name is read older than it was answered.
func TestRequestsAreInOrder(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, s *stage) {
		people := s.voters(8)
		var groups []countersign.GroupID
		for i := range 4 {
			groups = append(groups, s.Group(fmt.Sprintf("group %d", i), nil))
		}
		s.seal(nil, need, veto)
		for _, seed := range seeds() {
			affairs(s, seed, people, groups)
		}
	})
}

// affair is what clients know of the requests about one group.
type affair struct {
	group countersign.GroupID
	key   string

	mu   sync.Mutex
	seen []countersign.ChangeRequest
}

func (a *affair) learn(c countersign.ChangeRequest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.ID != "" && !slices.ContainsFunc(a.seen, func(old countersign.ChangeRequest) bool { return old.ID == c.ID }) {
		a.seen = append(a.seen, c)
	}
}

// pick is one of the newest requests; false when there is none yet.
func (a *affair) pick(r *rand.Rand) (countersign.ChangeRequest, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.seen) == 0 {
		return countersign.ChangeRequest{}, false
	}
	return a.seen[len(a.seen)-1-r.IntN(min(len(a.seen), 4))], true
}

// asked is what somebody asks about a request, or about the group.
type asked struct {
	do  string
	who countersign.UserID
	id  countersign.ChangeID
	// name a request would give the group.
	name string
}

func (a asked) String() string {
	return strings.TrimSpace(a.do + short(a.id) + " " + a.name + " by" + short(a.who))
}

// told is what a request is after what was asked: its state and votes.
type told struct {
	id    countersign.ChangeID
	state countersign.ChangeState
	votes string
}

func (r told) String() string { return fmt.Sprintf("%s%s [%s]", r.state, short(r.id), r.votes) }

func tell(c countersign.ChangeRequest) told {
	return told{id: c.ID, state: c.State, votes: votesOf(c.Approvals)}
}

// votesOf are the votes that stand, one for each person, sorted.
func votesOf(list []countersign.Approval) string {
	last := map[countersign.UserID]countersign.Decision{}
	for _, a := range list {
		last[a.Person] = a.Decision
	}
	var out []string
	for person, d := range last {
		if d != countersign.Withdraw {
			out = append(out, vote(person, d))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

func vote(person countersign.UserID, d countersign.Decision) string {
	return string(person) + "=" + string(d)
}

// affairs is one history of requests about some groups.
func affairs(s *stage, seed uint64, people []countersign.Actor, groups []countersign.GroupID) {
	s.t.Helper()
	var all []*affair
	for i, id := range groups {
		s.tidy(id)
		all = append(all, &affair{group: id, key: fmt.Sprint("group", i)})
	}
	names := map[string]string{}
	for _, a := range all {
		g, _, err := s.Engine.Group(s.t.Context(), people[0], a.group)
		if err != nil {
			s.t.Fatal(err)
		}
		names[a.key] = g.Name
	}
	h := &history{}
	calm := s.storm(seed, 4)
	together(clients, seed, func(client int, r *rand.Rand) {
		c := &clerk{s: s, h: h, client: client, actor: people[client%len(people)], r: r}
		for i := range *operations / clients {
			c.marker = fmt.Sprintf("%d-%d-%d", seed, client, i)
			c.step(all[r.IntN(len(all))])
		}
	})
	calm()
	h.settle(s.t, marked(s.t, s.Store, s.Org.ID))
	h.forgetUntold()
	h.mustHave(s.t, "submit", "approve", "approve refused", "deny", "read", "name", "list")
	h.mustBeInOrder(s.t, seed, func(key string) porcupine.Model { return requests(names[key]) })
}

// tidy cancels what is open about a group, so that a history begins with nothing.
func (s *stage) tidy(group countersign.GroupID) {
	s.t.Helper()
	open, err := s.Engine.Changes(s.t.Context(), s.As("ada").Actor, engine.ChangeFilter{States: []countersign.ChangeState{countersign.ChangePending}, GroupID: group}, countersign.Page{Limit: 400})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range open.Items {
		if _, err := s.Engine.Cancel(s.t.Context(), s.As("ada").Actor, c.ID, engine.Options{}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// clerk is one client.
type clerk struct {
	s      *stage
	h      *history
	client int
	actor  countersign.Actor
	r      *rand.Rand
	marker string
}

// step does something about a group.
func (c *clerk) step(a *affair) {
	request, known := a.pick(c.r)
	dice := c.r.IntN(100)
	n := c.s.any(c.r)
	switch {
	case !known || dice < 14:
		c.submit(n, a)
	case dice < 46:
		c.decide(n, a, request, countersign.Approve)
	case dice < 56:
		c.decide(n, a, request, countersign.Deny)
	case dice < 64:
		c.decide(n, a, request, countersign.Withdraw)
	case dice < 67:
		c.mutate(a, asked{do: "cancel", who: c.actor.User, id: request.ID}, func() (engine.Result, error) {
			return n.Cancel(c.s.t.Context(), c.actor, request.ID, engine.Options{RequestID: c.marker})
		})
	case dice < 72:
		if request.Requester == c.actor.User {
			c.replace(n, a, request)
		}
	case dice < 86:
		c.h.do(c.client, a.key, "", asked{do: "read", who: c.actor.User, id: request.ID}, func() (any, error) {
			v, err := n.Change(c.s.t.Context(), c.actor, request.ID)
			v.ChangeRequest.State = v.State
			return tell(v.ChangeRequest), err
		})
	case dice < 94:
		c.h.do(c.client, a.key, "", asked{do: "name", who: c.actor.User}, func() (any, error) {
			g, _, err := n.Group(c.s.t.Context(), c.actor, a.group)
			return g.Name, err
		})
	default:
		c.list(n, a)
	}
}

// mutate asks for something and learns the request that is answered.
func (c *clerk) mutate(a *affair, in asked, fn func() (engine.Result, error)) {
	c.h.do(c.client, a.key, c.marker, in, func() (any, error) {
		result, err := fn()
		if err != nil {
			return nil, err
		}
		a.learn(result.Change)
		return tell(result.Change), nil
	})
}

func (c *clerk) rename(a *affair) []countersign.Change {
	return []countersign.Change{&countersign.UpdateGroup{GroupID: a.group, Name: countersign.Some(c.marker)}}
}

func (c *clerk) submit(n *node, a *affair) {
	c.mutate(a, asked{do: "submit", who: c.actor.User, name: c.marker}, func() (engine.Result, error) {
		return n.Submit(c.s.t.Context(), c.actor, c.rename(a), engine.Options{RequestID: c.marker})
	})
}

func (c *clerk) replace(n *node, a *affair, old countersign.ChangeRequest) {
	c.mutate(a, asked{do: "replace", who: c.actor.User, id: old.ID, name: c.marker}, func() (engine.Result, error) {
		return n.Replace(c.s.t.Context(), c.actor, old.ID, c.rename(a), engine.Options{RequestID: c.marker})
	})
}

func (c *clerk) decide(n *node, a *affair, request countersign.ChangeRequest, d countersign.Decision) {
	c.mutate(a, asked{do: string(d), who: c.actor.User, id: request.ID}, func() (engine.Result, error) {
		return n.Decide(c.s.t.Context(), c.actor, request.ID, engine.Vote{Decision: d, Digest: request.Digest}, engine.Options{RequestID: c.marker})
	})
}

// open are the requests about a group that wait, as a list shows them.
type open []countersign.ChangeID

func (o open) String() string {
	var out []string
	for _, id := range o {
		out = append(out, short(id))
	}
	return "open:" + strings.Join(out, ",")
}

func (c *clerk) list(n *node, a *affair) {
	c.h.do(c.client, a.key, "", asked{do: "list", who: c.actor.User}, func() (any, error) {
		list, err := n.Changes(c.s.t.Context(), c.actor, engine.ChangeFilter{
			States: []countersign.ChangeState{countersign.ChangePending}, GroupID: a.group,
		}, countersign.Page{Limit: 400})
		ids := open{}
		for _, item := range list.Items {
			ids = append(ids, item.ID)
		}
		slices.Sort(ids)
		return ids, err
	})
}

// forgetUntold takes out of the lists what nobody was told of: a request whose
// answer got lost has no name in the history.
func (h *history) forgetUntold() {
	known := map[countersign.ChangeID]bool{}
	for _, c := range h.calls {
		if r, ok := c.out.(told); ok {
			known[r.id] = true
		}
	}
	for _, c := range h.calls {
		if ids, ok := c.out.(open); ok {
			for i := range h.calls {
				if h.calls[i].from == c.from {
					h.calls[i].out = slices.DeleteFunc(ids, func(id countersign.ChangeID) bool { return !known[id] })
				}
			}
		}
	}
}
