package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/testdb"
)

// falsifications are, for each invariant that a transaction is held to, what would
// break it: each changes a transaction that did happen, where it has what it needs,
// and says whether it could.
func falsifications() map[int]func(j *judge, c *commit) bool {
	return map[int]func(j *judge, c *commit) bool{
		1: func(_ *judge, c *commit) bool {
			return c.inEntry(func(e *entry) bool {
				had := len(e.effects) > 0
				e.effects = nil
				return had
			})
		},
		2: func(_ *judge, c *commit) bool {
			return c.inApplied(func(row *changeRow) { row.Approvals = row.Approvals[:len(row.Approvals)-1] })
		},
		3: func(j *judge, c *commit) bool {
			return c.inVote(func(a *countersign.Approval) bool {
				a.Person = j.document(*c, a.Change).RequesterPerson
				return true
			})
		},
		4: func(_ *judge, c *commit) bool {
			return c.inVote(func(a *countersign.Approval) bool {
				for id, k := range c.before.credentials {
					if k.UserID != a.Person {
						a.Credential = id
					}
				}
				return true
			})
		},
		5: func(_ *judge, c *commit) bool {
			return c.inVote(func(a *countersign.Approval) bool {
				signed := a.Signature != ""
				a.Signature = "A" + a.Signature[min(1, len(a.Signature)):]
				return signed
			})
		},
		6: func(_ *judge, c *commit) bool {
			for id, row := range c.before.changes {
				if !row.State.Open() {
					again := *row
					again.State = countersign.ChangePending
					c.after.changes[id] = &again
					return true
				}
			}
			return false
		},
		7: func(_ *judge, c *commit) bool {
			at := slices.IndexFunc(c.entries, func(e entry) bool { return e.Kind == countersign.EntryApplied })
			if at >= 0 {
				c.entries = append(c.entries, c.entries[at])
			}
			return at >= 0
		},
		8: func(_ *judge, c *commit) bool {
			return c.inEntry(func(e *entry) bool {
				if len(e.effects) == 0 {
					return false
				}
				e.effects[0].From++
				return true
			})
		},
		9: func(_ *judge, c *commit) bool {
			return c.inEntry(func(e *entry) bool {
				e.Time = c.after.change(e.said.Change.ID).ExpiresAt
				return e.Kind == countersign.EntryVote
			})
		},
		10: func(j *judge, c *commit) bool {
			return c.inEntry(func(e *entry) bool {
				since, waits := j.waiting[e.said.Change.ID]
				e.Time = since
				return waits && e.Kind == countersign.EntryApplied
			})
		},
		11: func(_ *judge, c *commit) bool {
			for id, k := range c.after.credentials {
				gone := *k
				gone.State = countersign.CredentialRevoked
				c.after.credentials[id] = &gone
			}
			return c.before.organization.Sealed() && len(c.entries) == 1 && c.entries[0].Kind == countersign.EntryApplied
		},
		12: func(_ *judge, c *commit) bool {
			applied := slices.ContainsFunc(c.entries, func(e entry) bool { return e.Kind == countersign.EntryApplied })
			for _, exclusion := range c.after.organization.Policy.Exclusions {
				for id, u := range c.before.users {
					if u.State == countersign.UserDeleted || sides(exclusion, c.before.holdings(lasting(c.after.head.Time))[id]) > 1 {
						continue
					}
					both := *c.after.users[id]
					both.State, both.Permissions = u.State, slices.Concat(exclusion.Sides...)
					c.after.users[id] = &both
					return applied && c.after.organization.Sealed()
				}
			}
			return false
		},
		13: func(_ *judge, c *commit) bool {
			for id, row := range c.before.changes {
				other := *row
				other.Payload = append(slices.Clone(row.Payload), ' ')
				c.after.changes[id] = &other
				return row.State.Open()
			}
			return false
		},
		15: func(_ *judge, c *commit) bool {
			return c.inEntry(func(e *entry) bool {
				e.Index++
				return true
			})
		},
	}
}

// A check that cannot fail shows nothing: what a walk did is changed, in one place,
// into what must never be, and the invariant of that number has to say so.
func TestEachInvariantSeesWhatBreaksIt(t *testing.T) {
	t.Parallel()
	s := testdb.SQLite(t)
	missing := falsifications()
	for most := 60; most > 0 && len(missing) > 0; most-- {
		told := walk(t.Context(), s, rand.Uint64()|1, nil)
		if told.failure != nil {
			t.Fatal(told.failure)
		}
		for number, falsify := range missing {
			if done, err := falsified(told.history, falsify); done {
				delete(missing, number)
				if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("invariant %d,", number)) {
					t.Errorf("invariant %d is broken, and found is %v", number, err)
				}
			}
		}
	}
	for number := range missing {
		t.Errorf("no walk had what it takes to break invariant %d", number)
	}
	for _, i := range invariants() {
		if falsifications()[i.number] == nil {
			t.Errorf("nothing breaks invariant %d", i.number)
		}
	}
}

// falsified judges a walk anew up to the first transaction that could be falsified.
func falsified(history []commit, falsify func(*judge, *commit) bool) (done bool, found error) {
	j := newJudge()
	for _, c := range history {
		other := commit{c.before, c.after.clone(), slices.Clone(c.entries)}
		for i := range other.entries {
			other.entries[i].effects = slices.Clone(other.entries[i].effects)
		}
		if falsify(j, &other) {
			return true, j.hold(other)
		}
		if err := j.hold(c); err != nil {
			return true, err
		}
	}
	return false, nil
}

// inEntry changes the first entry that will do.
func (c *commit) inEntry(change func(e *entry) bool) bool {
	for i := range c.entries {
		e := c.entries[i]
		if change(&e) {
			c.entries[i] = e
			return true
		}
	}
	return false
}

// inVote changes the last vote of a request that a transaction recorded.
func (c *commit) inVote(change func(a *countersign.Approval) bool) bool {
	for id, row := range c.after.changes {
		if n := len(row.Approvals); n > len(c.before.change(id).Approvals) {
			other := *row
			other.Approvals = slices.Clone(row.Approvals)
			if change(&other.Approvals[n-1]) {
				c.after.changes[id] = &other
				return true
			}
		}
	}
	return false
}

// inApplied changes the row of a request that a vote applied, and the vote before.
func (c *commit) inApplied(change func(row *changeRow)) bool {
	for id, row := range c.after.changes {
		if was := c.before.changes[id]; was != nil && was.State.Open() && row.State == countersign.ChangeApplied && len(row.Approvals) > len(was.Approvals) {
			other := *row
			change(&other)
			c.after.changes[id] = &other
			return true
		}
	}
	return false
}
