package engine_test

import (
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// What is deleted takes no memory until somebody asks for it; asking for what
// never was brings nothing in. Either way the answers are the same.
func TestDeletedRowsComeWhenAskedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		group := h.applies("ada", &countersign.CreateGroup{Name: "Gone", MemberIDs: []countersign.UserID{h.ID("vera")}}).Change.Operations[0]
		id := created(t, group)
		h.applies("ada", &countersign.DeleteGroup{GroupID: id})
		h.applies("ada", &countersign.DeleteUser{UserID: h.ID("bot")}, &countersign.DeleteUser{UserID: h.ID("vera")})
		ada := h.As("ada").Actor
		// What a question brings into memory: only lists need all of them.
		lists := map[string]bool{"all users": true, "deleted groups": true, "removed memberships": true}
		asks := map[string]func(e *engine.Engine) (bool, error){
			"a user": func(e *engine.Engine) (bool, error) {
				u, _, err := e.User(t.Context(), ada, h.ID("vera"))
				return u.State == countersign.UserDeleted && u.Name != "", err
			},
			"a group": func(e *engine.Engine) (bool, error) {
				g, _, err := e.Group(t.Context(), ada, id)
				return g.State == countersign.GroupDeleted && g.Name == "Gone", err
			},
			"a user by number": func(e *engine.Engine) (bool, error) {
				u, _, err := e.UserByNumber(t.Context(), ada, h.number(h.ID("vera")))
				return u.State == countersign.UserDeleted && u.ID == h.ID("vera"), err
			},
			"a group by number": func(e *engine.Engine) (bool, error) {
				g, _, err := e.GroupByNumber(t.Context(), ada, group.(*countersign.CreateGroup).Number)
				return g.State == countersign.GroupDeleted && g.ID == id, err
			},
			"all users": func(e *engine.Engine) (bool, error) {
				list, err := e.Users(t.Context(), ada, countersign.UserFilter{IncludeDeleted: true}, nil, countersign.Page{Limit: 10})
				return list.Total == 6, err
			},
			"deleted groups": func(e *engine.Engine) (bool, error) {
				list, err := e.Groups(t.Context(), ada, countersign.GroupFilter{States: []countersign.GroupState{countersign.GroupDeleted}}, nil, countersign.Page{Limit: 10})
				return list.Total == 1, err
			},
			"removed memberships": func(e *engine.Engine) (bool, error) {
				f := countersign.MembershipFilter{States: []countersign.MembershipState{countersign.MembershipRemoved}}
				list, err := e.Memberships(t.Context(), ada, f, nil, countersign.Page{Limit: 10})
				return list.Total == 1, err
			},
			"a check": func(e *engine.Engine) (bool, error) {
				v, err := e.Check(t.Context(), ada, engine.Question{User: h.ID("vera"), Permission: countersign.UsersRead})
				return !v.Allowed && v.Why == "user_not_active", err
			},
			"what he holds": func(e *engine.Engine) (bool, error) {
				list, _, err := e.Effective(t.Context(), ada, h.ID("vera"))
				return len(list) == 0, err
			},
			"his credentials": func(e *engine.Engine) (bool, error) {
				list, _, err := e.Credentials(t.Context(), ada, h.ID("bot"))
				return len(list) > 0, err
			},
		}
		for what, ask := range asks {
			e := withMemory(h.Store, 0)
			h.mustBeCold(e, false, "before anybody asks")
			if _, _, err := e.User(t.Context(), ada, nobody); countersign.KindOf(err) != countersign.NotFound {
				t.Errorf("nobody: %v", err)
			}
			if _, _, err := e.Group(t.Context(), ada, nobody); countersign.KindOf(err) != countersign.NotFound {
				t.Errorf("no group: %v", err)
			}
			h.mustBeCold(e, false, "after ids that never were")
			if right, err := ask(e); !right || err != nil {
				t.Errorf("%s: wrong (%v)", what, err)
			}
			h.mustBeCold(e, lists[what], what)
			if right, err := ask(e); !right || err != nil {
				t.Errorf("%s, asked again: wrong (%v)", what, err)
			}
		}
	})
}

func created(t *testing.T, op countersign.Change) countersign.GroupID {
	t.Helper()
	c, ok := op.(*countersign.CreateGroup)
	if !ok {
		t.Fatalf("%s is no group being made", op.Kind())
	}
	return c.GroupID
}

func (h *house) mustBeCold(e *engine.Engine, loaded bool, when string) {
	h.t.Helper()
	picture, err := e.Picture(h.t.Context(), h.Org.ID)
	if err != nil || picture.HasCold() != loaded {
		h.t.Errorf("%s: the deleted rows are loaded: %v (%v)", when, picture.HasCold(), err)
	}
}
