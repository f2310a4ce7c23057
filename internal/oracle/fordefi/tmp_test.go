package fordefi_test

import (
	oracle "github.com/countersign/countersign/internal/oracle/fordefi"
	"strings"
	"testing"
	"time"
)

func TestTmp(t *testing.T) {
	b := time.Now()
	w := newWorld(t, *seed, crowd{users: *users, groups: 40})
	t.Log("world", time.Since(b))
	b = time.Now()
	d := newDice(1, 100)
	ta := newTally()
	for range *queries {
		a := &asker{dice: d, m: &w.material, profile: pick(d, oracle.Newest, oracle.Newest, oracle.Seed)}
		q, n, l := a.query()
		st, body := w.sights[a.profile].Answer(q, "x")
		ta.count(n, l, st, strings.Contains(body, `"users":[{`))
	}
	t.Log("asked", time.Since(b))
	t.Logf("%d queries, %d %% with users in the answer, %d %% refused; rarest value: %s; rarest pair: %s",
		ta.asked, 100*ta.filled/ta.asked, 100*ta.mistaken/ta.asked, rarest(ta.labels), rarest(ta.pairs))
	t.Log(ta.least(50))
	for _, q := range []string{"states=pending_approval&size=2", "types=api_user&size=2", "group_ids=" + w.material.groups[0] + "&states_on_groups=pending_removal&size=1", "types=person,api_user&page=0&size=401&include_deleted=x&user_ids=abc"} {
		_, body := w.sights["newest"].Answer(q, "x")
		t.Log(body)
		_, body = w.sights["seed"].Answer(q, "x")
		t.Log(body)
	}
}
