package roster_test

import (
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/oracle"
	"github.com/countersign/countersign/internal/roster"
)

// compareProposals asks what is proposed about groups: users are those whose
// membership the oracle shows as pending, the request is the oldest one it names.
func compareProposals(t *testing.T, w *world, book *roster.Book, sight *oracle.Sight) {
	t.Helper()
	for _, g := range sight.Groups {
		got, ok := book.Picture().Proposal(g.ID, sight.Now)
		if want := g.PendingChange != "" && g.State == countersign.GroupActive; ok != want {
			t.Fatalf("group %s (%s, %s): proposed %v", g.ID, g.State, g.PendingChange, ok)
		}
		if !ok {
			continue
		}
		want := roster.Proposal{Change: g.PendingChange}
		for _, m := range sight.Memberships {
			switch {
			case m.GroupID != g.ID:
			case m.State == countersign.MembershipPendingAddition:
				want.Added = append(want.Added, m.UserID)
			case m.State == countersign.MembershipPendingRemoval:
				want.Removed = append(want.Removed, m.UserID)
			}
		}
		slices.Sort(want.Added)
		slices.Sort(want.Removed)
		for _, c := range w.changes {
			if c.ID == want.Change {
				want.Requester, want.CreatedAt = c.Requester, c.CreatedAt
			}
		}
		want.Name = got.Name // told apart in the tests of who shows it
		same(t, "proposal about "+string(g.ID), got, want)
	}
}

// compareBriefs asks for users without their groups.
func compareBriefs(t *testing.T, w *world, book *roster.Book, sight *oracle.Sight) {
	t.Helper()
	for range 20 {
		want := pick(w, sight.Users...)
		got, ok := book.Picture().Brief(want.ID, sight.Now)
		if !ok {
			t.Fatalf("user %s is not found", want.ID)
		}
		same(t, "user "+string(want.ID), got, want.User)
	}
}

// TestTokensOfATypeOfUser pages through those that work now, oldest first.
func TestTokensOfATypeOfUser(t *testing.T) {
	w := newWorld(62)
	w.found(60, 1, 0, 0)
	for range 300 {
		w.addCredential()
		c := &w.credentials[len(w.credentials)-1]
		switch w.IntN(5) {
		case 0:
			c.State = countersign.CredentialRevoked
		case 1:
			c.ExpiresAt = noon.Add(-1)
		case 2:
			c.Type = countersign.OAuthClient
		}
	}
	book := roster.NewBook()
	follow(t, book, w)
	for _, kind := range []countersign.UserType{countersign.EndUser, countersign.Person} {
		for _, users := range [][]countersign.UserID{nil, {w.users[0].ID, w.users[1].ID, "nobody", w.users[0].ID}} {
			var want []countersign.CredentialID
			for _, c := range w.credentials {
				at := slices.IndexFunc(w.users, func(u countersign.User) bool { return u.ID == c.UserID })
				if at >= 0 && w.users[at].Type == kind && c.Type == countersign.Token && c.WorksAt(noon) && (users == nil || slices.Contains(users, c.UserID)) {
					want = append(want, c.ID)
				}
			}
			created := func(id countersign.CredentialID) countersign.Credential {
				return w.credentials[slices.IndexFunc(w.credentials, func(c countersign.Credential) bool { return c.ID == id })]
			}
			slices.SortFunc(want, func(a, b countersign.CredentialID) int {
				if order := created(a).CreatedAt.Compare(created(b).CreatedAt); order != 0 {
					return order
				}
				return slices.Compare([]byte(a), []byte(b))
			})
			var got []countersign.CredentialID
			for offset := 0; ; offset += 7 {
				list := book.Picture().Tokens(kind, users, countersign.Page{Offset: offset, Limit: 7}, noon)
				if list.Total != len(want) || list.More != (offset+7 < len(want)) {
					t.Fatalf("total %d, more %v; want %d", list.Total, list.More, len(want))
				}
				for _, c := range list.Items {
					got = append(got, c.ID)
				}
				if !list.More {
					break
				}
			}
			same(t, "tokens", got, want)
			if users == nil && len(want) < 8 {
				t.Errorf("only %d tokens of type %s: the test is worth nothing", len(want), kind)
			}
		}
	}
}
