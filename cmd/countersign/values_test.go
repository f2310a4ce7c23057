package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/client"
)

func TestHowValuesMove(t *testing.T) {
	s := &session{known: map[string]string{grace: "Grace"}}
	rule := func(id string, need int) string {
		return fmt.Sprintf(`{"id":%q,"changes":["user.*"],"requirement":{"clauses":[{"approvers":{"role":"admin"},"need":%d}]}}`, id, need)
	}
	for name, tc := range map[string]struct {
		before, after string
		want          []string
	}{
		"changed":                      {`"trader"`, `"admin"`, []string{"f: trader -> admin"}},
		"new":                          {``, `"admin"`, []string{"f: admin"}},
		"gone":                         {`"admin"`, ``, []string{"f: admin -> (gone)"}},
		"cleared":                      {`"x"`, `null`, []string{"f: x -> (none)"}},
		"emptied":                      {`"x"`, `""`, []string{"f: x -> (empty)"}},
		"a number":                     {`7`, `8`, []string{"f: 7 -> 8"}},
		"somebody":                     {`null`, `"` + grace + `"`, []string{"f: (none) -> " + grace + " Grace"}},
		"a list":                       {`["a","b"]`, `["b","c"]`, []string{"f: +c -a (1 as before)"}},
		"a list of people":             {`[]`, `["` + grace + `"]`, []string{"f: +Grace"}},
		"an emptied list":              {`["a"]`, `[]`, []string{"f: -a"}},
		"a list that was null":         {`null`, `["a"]`, []string{"f: +a"}},
		"a value posing as a movement": {``, `"trader -> admin"`, []string{`f: "trader -> admin"`}},
		"a value posing as none":       {`"a"`, `"(none)"`, []string{`f: a -> "(none)"`}},
		"a word that is two":           {`[]`, `["a, b","c"]`, []string{`f: +"a, b" +c`}},
		"a rule that moved down": {
			"[" + rule("one", 1) + "]", "[" + rule("new", 2) + "," + rule("one", 3) + "]",
			[]string{
				"f[new].changes: user.*", "f[new].id: new", "f[new].requirement.clauses[0].approvers.role: admin", "f[new].requirement.clauses[0].need: 2",
				"f[one].requirement.clauses[0].need: 1 -> 3",
			},
		},
		"a rule that went":     {"[" + rule("one", 1) + "," + rule("two", 2) + "]", "[" + rule("two", 2) + "]", []string{"f[one].changes: user.* -> (gone)", "f[one].id: one -> (gone)", "f[one].requirement.clauses[0].approvers.role: admin -> (gone)", "f[one].requirement.clauses[0].need: 1 -> (gone)"}},
		"a rule posing as two": {"[" + rule("a", 1) + "]", "[" + rule("a].need: 1, f[b", 2) + "]", []string{`f["a].need: 1, f[b"].changes: user.*`}},
		"nothing":              {`{"a":1}`, `{"a":1}`, []string{"f: (as before)"}},
	} {
		raw := func(s string) json.RawMessage {
			if s == "" {
				return nil
			}
			return json.RawMessage(s)
		}
		got := s.movements("f", raw(tc.before), raw(tc.after))
		if name == "a rule posing as two" {
			got = got[:1]
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// Nothing that is approved is left out for being long.
func TestEveryPermissionOfAGrantIsShown(t *testing.T) {
	var all []string
	for i := range 150 {
		all = append(all, fmt.Sprintf("resource%d.read", i))
	}
	encoded, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	op := client.SubmittedOperation{Kind: "user.grant", Fields: map[string]json.RawMessage{"permissions": encoded}}
	c := &client.Change{State: client.ChangeStatePending, Operations: slices.Repeat([]client.SubmittedOperation{op}, 100)}
	var out bytes.Buffer
	s := &session{process: &process{}, known: map[string]string{}}
	s.showChange(&out, c, nil, oneScreen)
	if n := strings.Count(out.String(), "resource149.read"); n != 100 {
		t.Errorf("the last permission shows %d times of 100", n)
	}
}

// Whatever the values of a change hold, a line of them is one line, and it is
// indented below the operation it belongs to.
func FuzzAChangeCannotFakeALine(f *testing.F) {
	f.Add("Eve\n  2. user.delete\ndigest  00", "reason\n\napprovals\n  none needed")
	f.Add("\u202e", "\x1b[2J")
	f.Fuzz(func(t *testing.T, name, reason string) {
		raw, err := json.Marshal(name)
		if err != nil {
			t.Skip()
		}
		c := &client.Change{
			ID: openChange, State: client.ChangeStatePending, Reason: reason, Requester: grace, RequesterPerson: grace, Digest: aDigest,
			Operations: []client.SubmittedOperation{{Kind: "group.create", Fields: map[string]json.RawMessage{"name": raw, "permissions": json.RawMessage("[" + string(raw) + "]")}}},
			Effects:    []client.Effect{{Fact: "group:" + treasury, After: map[string]json.RawMessage{"name": raw}}},
			Impact:     &client.Impact{Users: []client.UserImpact{{Name: name, Type: client.Person, Gained: []client.Permission{client.Permission(name)}}}, UsersTotal: 1, Gains: 1},
			Approvals:  []client.Approval{{Person: grace, Decision: client.Approve, Comment: reason}},
		}
		var out bytes.Buffer
		s := &session{process: &process{}, known: map[string]string{grace: quoted(name)}}
		s.showChange(&out, c, nil, everything)
		const want = 24
		if lines := strings.Count(out.String(), "\n"); lines != want {
			t.Errorf("%d lines, want %d:\n%s", lines, want, out.String())
		}
	})
}
