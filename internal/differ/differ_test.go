package differ_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/differ"
)

const (
	ada   = "0198c5f0-0000-7000-8000-000000000001"
	bob   = "0198c5f0-0000-7000-8000-000000000002"
	old   = "0198c5f0-0000-7000-8000-00000000000a"
	fresh = "0198c5f0-0000-7000-8000-00000000000b"
)

// request writes a document of operations and effects.
func request(ops []string, effects ...string) []byte {
	return fmt.Appendf(nil, `{"operations":[%s],"effects":[%s],"effects_total":%d}`, strings.Join(ops, ","), strings.Join(effects, ","), len(effects))
}

func grant(user, permissions string) string {
	return `{"kind":"user.grant","permissions":[` + permissions + `],"user_id":"` + user + `"}`
}

func group(id, name string) string {
	return `{"group_id":"` + id + `","kind":"group.create","name":"` + name + `","number":7}`
}

func effect(fact, before, after string) string {
	return `{"fact":"` + fact + `","from":3,"before":{` + before + `},"after":{` + after + `}}`
}

// said writes differences down, one line each.
func said(d differ.Differences) []string {
	out := []string{}
	for _, o := range d.Operations {
		out = append(out, fmt.Sprintf("%s %s %d %d %s %s", o.How, o.Kind, o.Was, o.Is, o.Before, o.After))
	}
	for _, e := range d.Effects {
		out = append(out, fmt.Sprintf("%s %s %s %s %s %s", e.How, e.Fact, e.WasBefore, e.WasAfter, e.Before, e.After))
	}
	return out
}

func TestWhatDiffersBetweenTwoRequests(t *testing.T) {
	t.Parallel()
	for rule, c := range map[string]struct {
		was, is []byte
		want    []string
	}{
		"nothing": {
			request([]string{grant(ada, `"a.b"`)}, effect("user.permissions:"+ada, `"permissions":[]`, `"permissions":["a.b"]`)),
			request([]string{grant(ada, `"a.b"`)}, effect("user.permissions:"+ada, `"permissions":[]`, `"permissions":["a.b"]`)), []string{},
		},
		"ids and numbers that are allotted are none": {
			request([]string{group(old, "Night")}, effect("group:"+old, "", `"name":"Night","number":7`), effect("membership:"+ada+"/"+old, "", `"id":"1"`)),
			request([]string{group(fresh, "Night")}, effect("group:"+fresh, "", `"name":"Night","number":8`), effect("membership:"+ada+"/"+fresh, "", `"id":"2"`)), []string{},
		},
		"order alone is none": {
			request([]string{grant(ada, `"a.b"`), grant(bob, `"a.b"`)}), request([]string{grant(bob, `"a.b"`), grant(ada, `"a.b"`)}), []string{},
		},
		"a permission less": {
			request([]string{grant(ada, `"a.b","c.d"`)}), request([]string{grant(ada, `"a.b"`)}),
			[]string{`changed user.grant 0 0 map[permissions:["a.b","c.d"]] map[permissions:["a.b"]]`},
		},
		"another name of what is made": {
			request([]string{group(old, "Night")}, effect("group:"+old, "", `"name":"Night"`)),
			request([]string{group(fresh, "Day")}, effect("group:"+fresh, "", `"name":"Day"`)),
			[]string{`changed group.create 0 0 map[name:"Night"] map[name:"Day"]`, `changed group:` + fresh + ` map[] map[name:"Night"] map[] map[name:"Day"]`},
		},
		"somebody else": {
			request([]string{grant(ada, `"a.b"`)}), request([]string{grant(bob, `"a.b"`)}),
			[]string{`changed user.grant 0 0 map[user_id:"` + ada + `"] map[user_id:"` + bob + `"]`},
		},
		"one about the same comes before one of the same kind": {
			request([]string{grant(ada, `"a.b"`), grant(bob, `"a.b"`)}), request([]string{grant(bob, `"c.d"`)}),
			[]string{`changed user.grant 1 0 map[permissions:["a.b"]] map[permissions:["c.d"]]`, `removed user.grant 0 -1 map[permissions:["a.b"] user_id:"` + ada + `"] map[]`},
		},
		"one more, twice the same": {
			request([]string{grant(ada, `"a.b"`)}), request([]string{grant(ada, `"a.b"`), grant(ada, `"a.b"`)}),
			[]string{`added user.grant -1 1 map[] map[permissions:["a.b"] user_id:"` + ada + `"]`},
		},
		"a field that was left out": {
			request([]string{grant(ada, `"a.b"`)}), request([]string{`{"kind":"user.grant","user_id":"` + ada + `"}`}),
			[]string{`changed user.grant 0 0 map[permissions:["a.b"]] map[]`},
		},
		"the same asked of a directory that has moved": {
			request([]string{grant(ada, `"a.b"`)}, effect("user.permissions:"+ada, `"permissions":[]`, `"permissions":["a.b"]`)),
			request([]string{grant(ada, `"a.b"`)}, effect("user.permissions:"+ada, `"permissions":["x.y"]`, `"permissions":["a.b","x.y"]`)),
			[]string{`changed user.permissions:` + ada + ` map[permissions:[]] map[permissions:["a.b"]] map[permissions:["x.y"]] map[permissions:["a.b","x.y"]]`},
		},
		"a fact that moves twice": {
			request(nil, effect("user:"+ada, `"name":"A"`, `"name":"B"`), effect("user:"+ada, `"name":"B"`, `"name":"C"`)),
			request(nil, effect("user:"+ada, `"name":"A"`, `"name":"B"`), effect("user:"+ada, `"name":"B"`, `"name":"D"`)),
			[]string{`changed user:` + ada + ` map[name:"B"] map[name:"C"] map[name:"B"] map[name:"D"]`},
		},
		"facts that come and go": {
			request(nil, effect("user:"+ada, "", `"name":"A"`)), request(nil, effect("user:"+bob, "", `"name":"B"`)),
			[]string{`added user:` + bob + ` map[] map[] map[] map[name:"B"]`, `removed user:` + ada + ` map[] map[name:"A"] map[] map[]`},
		},
	} {
		d, err := differ.Compare(c.was, c.is)
		if err != nil || d.Partial {
			t.Errorf("%s: %v, partial %v", rule, err, d.Partial)
		}
		if diff := cmp.Diff(c.want, said(d)); diff != "" {
			t.Errorf("%s (-want +said)\n%s", rule, diff)
		}
	}
}

// Where not all effects are listed it says so, and calls none gone that may be there.
func TestEffectsThatAreNotListedAreNotSaidToBeGone(t *testing.T) {
	t.Parallel()
	whole := request(nil, effect("user:"+ada, "", `"name":"A"`))
	cut := []byte(`{"operations":[],"effects":[],"effects_total":900}`)
	d, err := differ.Compare(whole, cut)
	if err != nil || !d.Partial || len(d.Effects) != 0 {
		t.Errorf("%+v (%v)", d, err)
	}
	for _, broken := range [][2]string{{"", "{}"}, {"{}", "["}, {`{"operations":1}`, "{}"}} {
		if _, err := differ.Compare([]byte(broken[0]), []byte(broken[1])); err == nil {
			t.Errorf("%q is compared", broken)
		}
	}
}
