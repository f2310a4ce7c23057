package linear

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// One user in one group: he is added, removed and looked for by many at once, and
// whoever asks is told of the membership that there is, on every node.
func TestMembershipsAreInOrder(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, s *stage) {
		s.People(countersign.RoleNone, "one", "two")
		groups := []countersign.GroupID{s.Group("first", nil), s.Group("second", nil)}
		var seats []*seat
		for _, user := range []string{"one", "two"} {
			for _, g := range groups {
				seats = append(seats, &seat{user: s.ID(user), group: g})
			}
		}
		for _, seed := range seeds() {
			sitting(s, seed, seats)
		}
	})
}

// seat is a place of a user in a group; id is the newest membership anybody was
// told of, there or not.
type seat struct {
	user  countersign.UserID
	group countersign.GroupID
	id    atomic.Pointer[countersign.MembershipID]
}

// seated is what is asked of a seat: add, remove (a membership), read.
type seated struct {
	do string
	id countersign.MembershipID
}

func (s seated) String() string { return s.do + short(s.id) }

func short[T ~string](id T) string {
	if id == "" {
		return ""
	}
	return " " + string(id[max(0, len(id)-6):])
}

func sitting(s *stage, seed uint64, seats []*seat) {
	s.t.Helper()
	for _, place := range seats { // a history begins with nobody there
		if id := place.now(s); id != "" {
			s.apply(&countersign.RemoveMembership{MembershipID: id})
		}
		place.id.Store(new(countersign.MembershipID))
	}
	h := &history{}
	calm := s.storm(seed, 4)
	together(clients, seed, func(client int, r *rand.Rand) {
		for i := range *operations / clients {
			k := r.IntN(len(seats))
			key := fmt.Sprint("seat", k)
			marker := fmt.Sprintf("%d-%d-%d", seed, client, i)
			n, place := s.any(r), seats[k]
			switch r.IntN(3) {
			case 0:
				h.do(client, key, marker, seated{do: "add"}, func() (any, error) { return place.add(s, n, marker) })
			case 1:
				id := *place.id.Load()
				if id == "" {
					continue
				}
				h.do(client, key, marker, seated{"remove", id}, func() (any, error) {
					_, err := n.Submit(s.t.Context(), s.As("ada").Actor, []countersign.Change{&countersign.RemoveMembership{MembershipID: id}}, engine.Options{RequestID: marker})
					return moved{}, err
				})
			case 2:
				h.do(client, key, "", seated{do: "read"}, func() (any, error) { return place.read(s, n) })
			}
		}
	})
	calm()
	h.settle(s.t, marked(s.t, s.Store, s.Org.ID))
	told := map[countersign.MembershipID]bool{}
	for _, c := range h.calls {
		if m, ok := c.out.(moved); ok {
			told[m.id] = true
		}
	}
	h.mustHave(s.t, "add", "remove", "read", "add refused", "remove refused")
	h.mustBeInOrder(s.t, seed, func(string) porcupine.Model { return memberships(told) })
}

func (p *seat) add(s *stage, n *node, marker string) (any, error) {
	op := &countersign.AddMembership{UserID: p.user, GroupID: p.group}
	result, err := n.Submit(s.t.Context(), s.As("ada").Actor, []countersign.Change{op}, engine.Options{RequestID: marker})
	if err != nil {
		return nil, err
	}
	id := result.Change.Operations[0].(*countersign.AddMembership).MembershipID
	p.id.Store(&id)
	return moved{id}, nil
}

func (p *seat) read(s *stage, n *node) (countersign.MembershipID, error) {
	list, err := n.Memberships(s.t.Context(), s.As("ada").Actor, countersign.MembershipFilter{
		UserIDs: []countersign.UserID{p.user}, GroupIDs: []countersign.GroupID{p.group},
	}, nil, countersign.Page{Limit: 10})
	if err != nil || len(list.Items) == 0 {
		return "", err
	}
	if len(list.Items) > 1 {
		return "", fmt.Errorf("%d memberships of one user in one group", len(list.Items))
	}
	id := list.Items[0].ID
	p.id.Store(&id)
	return id, nil
}

func (p *seat) now(s *stage) countersign.MembershipID {
	s.t.Helper()
	id, err := p.read(s, s.nodes[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// moved answers an addition, with the membership, or a removal, with none.
type moved struct{ id countersign.MembershipID }

func (m moved) String() string { return "done" + short(m.id) }

// unseen is a membership whose id was lost with the answer.
const unseen countersign.MembershipID = "unseen"

// sits is who sits there: nobody, somebody unseen, or a membership.
type sits struct{ id countersign.MembershipID }

func (s sits) String() string { return string(s.id) }

// memberships is the model of one seat. told are the ids that were answered: an
// unseen membership has another.
func memberships(told map[countersign.MembershipID]bool) porcupine.Model {
	return machine(sits{}, func(state sits, in, out any, logged bool) (bool, sits) {
		asked, _ := in.(seated)
		// meets says whether who sits there can be the one that is named, and who it
		// then is.
		meets := func(id countersign.MembershipID) (bool, sits) {
			if state.id == unseen && id != "" && !told[id] {
				return true, sits{id}
			}
			return state.id == id, state
		}
		change := func(to countersign.MembershipID) (bool, sits) {
			if asked.do == "add" {
				return logged && state.id == "", sits{to}
			}
			there, _ := meets(asked.id)
			return logged && there, sits{}
		}
		switch answer := out.(type) {
		case lost:
			return change(unseen)
		case moved:
			return change(answer.id)
		case countersign.MembershipID:
			return meets(answer)
		case refusal:
			if asked.do == "add" && answer.code == "already_member" {
				return meets(countersign.MembershipID(answer.detail))
			}
			return asked.do == "remove" && answer.code == "membership_unknown" && state.id != asked.id, state
		default:
			return false, state
		}
	})
}
