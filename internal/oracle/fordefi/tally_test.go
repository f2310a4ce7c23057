package fordefi_test

import (
	"fmt"
	"maps"
	"slices"
)

// everyLabel is what a run must have met.
func everyLabel() []string {
	labels := []string{"an unknown parameter", "external_ids given"}
	add := func(name string, lists ...[]string) {
		for _, list := range lists {
			for _, word := range list {
				labels = append(labels, name+" "+word)
			}
		}
	}
	var sorts []string
	for _, f := range sortFields {
		sorts = append(sorts, f+"_asc", f+"_desc")
	}
	mistaken := []string{"mistaken"}
	once := []string{"mistaken", "repeated"}
	add("sort_by", sorts, mistaken)
	add("page", pages, once)
	add("size", sizes, once)
	add("skip_count", boolWords, once)
	add("include_deleted", boolWords, once)
	add("types", typeWords, mistaken)
	add("roles", roleWords, mistaken)
	add("states", stateWords, mistaken)
	add("states_on_groups", groupWords, mistaken)
	for _, name := range []string{"names", "emails"} {
		add(name, textForms)
	}
	for _, name := range []string{"user_ids", "group_ids", "group_ids__not", "exclude_user_ids"} {
		add(name, idForms, mistaken)
	}
	return labels
}

// tally counts what was asked.
type tally struct {
	labels, pairs           map[string]int
	asked, filled, mistaken int
}

func newTally() *tally { return &tally{labels: map[string]int{}, pairs: map[string]int{}} }

func (t *tally) count(names, labels []string, status int, filled bool) {
	t.asked++
	if filled {
		t.filled++
	}
	if status != 200 {
		t.mistaken++
	}
	slices.Sort(labels)
	for _, l := range slices.Compact(labels) {
		t.labels[l]++
	}
	if status != 200 {
		return // a pair counts where both were looked at
	}
	for i, x := range names {
		for _, y := range names[:i] {
			t.pairs[pairOf(x, y)]++
		}
	}
}

func pairOf(x, y string) string { return min(x, y) + " + " + max(x, y) }

func (t *tally) add(o *tally) {
	t.asked, t.filled, t.mistaken = t.asked+o.asked, t.filled+o.filled, t.mistaken+o.mistaken
	for k, n := range o.labels {
		t.labels[k] += n
	}
	for k, n := range o.pairs {
		t.pairs[k] += n
	}
}

// least says what was met less often than n times.
func (t *tally) least(n int) (out []string) {
	for _, l := range everyLabel() {
		if t.labels[l] < n {
			out = append(out, fmt.Sprintf("%s: %d times", l, t.labels[l]))
		}
	}
	all := parameters()
	for i, x := range all {
		for _, y := range all[:i] {
			if p := pairOf(x.name, y.name); t.pairs[p] < n {
				out = append(out, fmt.Sprintf("%s: %d times", p, t.pairs[p]))
			}
		}
	}
	return slices.Sorted(slices.Values(out))
}

// rarest is the least frequent of a count.
func rarest(counts map[string]int) string {
	keys := slices.SortedFunc(maps.Keys(counts), func(x, y string) int { return counts[x] - counts[y] })
	if len(keys) == 0 {
		return "none"
	}
	return fmt.Sprintf("%s %d times", keys[0], counts[keys[0]])
}
