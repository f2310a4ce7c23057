package fordefi_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	oracle "github.com/countersign/countersign/internal/oracle/fordefi"
)

// asker draws questions, mostly so that a given user is among the answer, and
// counts what they were made of.
type asker struct {
	*dice
	m       *material
	profile oracle.Profile
	about   person
	sloppy  bool // makes many mistakes in one query
	labels  []string
}

// parameter is one of section 1.1, and how values for it are drawn.
type parameter struct {
	name string
	draw func(a *asker) []string
	// weight is how often it is chosen, 100 being usual.
	weight int
}

func parameters() []parameter {
	return []parameter{
		{"sort_by", (*asker).sortBy, 100},
		{"page", (*asker).page, 100},
		{"size", (*asker).size, 100},
		{"skip_count", (*asker).boolean, 70},
		{"types", func(a *asker) []string { return a.words(typeWords, a.about.kind) }, 100},
		{"roles", func(a *asker) []string { return a.words(roleWords, a.about.role) }, 100},
		{"states", func(a *asker) []string { return a.words(stateWords, a.about.state) }, 100},
		{"include_deleted", (*asker).boolean, 100},
		{"names", func(a *asker) []string { return a.texts(func(p person) string { return p.name }) }, 60},
		{"emails", func(a *asker) []string { return a.texts(func(p person) string { return p.email }) }, 50},
		{"user_ids", func(a *asker) []string { return a.ids(a.about.id, a.somebody, 15) }, 60},
		{"external_ids", (*asker).externalIDs, 12},
		{"group_ids", func(a *asker) []string { return a.ids(a.groupOf(), a.group, 15) }, 70},
		{"group_ids__not", func(a *asker) []string { return a.ids(a.group(), a.group, 15) }, 60},
		{"states_on_groups", func(a *asker) []string { return a.words(groupWords, "active") }, 70},
		{"exclude_user_ids", func(a *asker) []string { return a.ids(a.somebody(), a.somebody, 15) }, 60},
	}
}

var (
	sortFields = []string{"role", "email", "created", "name", "last_keep_alive", "state", "type"}
	typeWords  = []string{"person", "api_signer", "api_user", "system"}
	roleWords  = []string{"admin", "trader", "viewer"}
	stateWords = []string{
		"active", "onboarding", "onboarding_pending_code_generation", "onboarding_pending_activation", "reset_device_pending_code_generation",
		"reset_device_pending_activation", "pending_approval", "deleted",
	}
	groupWords = []string{"active", "pending_addition", "pending_removal"}
	boolWords  = []string{"true", "false", "1", "0", "on", "off", "yes", "no", "t", "f", "y", "n"}
	sizes      = []string{"0", "1", "2", "5", "20", "50", "400", "2.0", " 3 "}
	pages      = []string{"1", "2", "3", "999", "1.0", " 1 "}
	textForms  = []string{"as it is", "upper", "lower", "padded", "decomposed", "full width", "with a comma", "empty", "unknown"}
	idForms    = []string{"hyphens", "bare", "braces", "urn", "capitals", "unknown"}
)

// unknown parameters are ignored, whatever their value.
var unknown = []string{"limit=9", "page_size=3", "page_token=z", "sort_by[]=name_asc", "Types=person", "vault_group_ids[]=x", "size[]=401", "q=%00", "=x"}

// query draws a question and what it was made of.
func (a *asker) query() (query string, names, labels []string) {
	a.about, a.labels, a.sloppy = pick(a.dice, a.m.users...), nil, a.chance(2)
	all := parameters()
	want := pick(a.dice, 1, 1, 2, 2, 3, 3, 4, 5, 6)
	for len(names) < want {
		if p := pick(a.dice, all...); a.IntN(100) < p.weight && !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	var pairs []string
	for _, p := range all {
		if !slices.Contains(names, p.name) {
			continue
		}
		before := len(a.labels)
		for _, v := range p.draw(a) {
			pairs = append(pairs, p.name+"="+a.escape(v))
		}
		for i := before; i < len(a.labels); i++ {
			a.labels[i] = p.name + " " + a.labels[i]
		}
	}
	if a.chance(5) {
		pairs = append(pairs, pick(a.dice, unknown...))
		a.labels = append(a.labels, "an unknown parameter")
	}
	if a.chance(50) { // keys of one name keep their order
		slices.SortStableFunc(pairs, func(x, y string) int { return strings.Compare(key(x), key(y)) })
	}
	return strings.Join(pairs, "&"), names, a.labels
}

func key(pair string) string { k, _, _ := strings.Cut(pair, "="); return k }

func (a *asker) escape(v string) string {
	if a.chance(50) {
		return strings.ReplaceAll(url.QueryEscape(v), "+", "%20")
	}
	return url.QueryEscape(v)
}

func (a *asker) label(s string) { a.labels = append(a.labels, s) }

// wrong draws a mistake, seldom.
func (a *asker) wrong(mistakes ...string) (string, bool) {
	if a.chance(2) || a.sloppy && a.chance(40) {
		v := pick(a.dice, mistakes...)
		a.label("mistaken")
		return v, true
	}
	return "", false
}

func (a *asker) sortBy() (out []string) {
	for range 1 + a.IntN(4) {
		word, bad := a.wrong("name", "NAME_ASC", "name_asc,role_desc", "-created", "created_at_asc", "")
		if !bad {
			word = pick(a.dice, sortFields...) + pick(a.dice, "_asc", "_desc")
			a.label(word)
		}
		out = append(out, word)
	}
	return out
}

// once gives a key that is no list, now and then after a value that does not count.
func (a *asker) once(v string) []string {
	if a.chance(5) {
		a.label("repeated")
		return []string{pick(a.dice, "1", "nonsense", ""), v}
	}
	return []string{v}
}

func (a *asker) page() []string {
	if v, bad := a.wrong("0", "-1", "", "first", "1.5", "1e3", "0.0"); bad {
		return a.once(v)
	}
	v := pages[0]
	if a.chance(45) {
		v = pick(a.dice, pages...)
	}
	a.label(v)
	return a.once(v)
}

func (a *asker) size() []string {
	if v, bad := a.wrong("401", "-1", "", "ten", "1.5", "100000", "4_"); bad {
		return a.once(v)
	}
	v := pick(a.dice, sizes...)
	a.label(v)
	return a.once(v)
}

func (a *asker) boolean() []string {
	if v, bad := a.wrong("", "2", "maybe", "truee"); bad {
		return a.once(v)
	}
	v := pick(a.dice, boolWords...)
	a.label(v)
	return a.once(pick(a.dice, v, strings.ToUpper(v)))
}

// words draws words, most often that of the user in question.
func (a *asker) words(words []string, own string) (out []string) {
	if slices.Contains(words, own) && a.chance(60) {
		a.label(own)
		out = append(out, own)
	}
	for len(out) == 0 || a.chance(35) {
		word, bad := a.wrong("end_user", "Active", "person,api_user", "", "none")
		if !bad {
			word = pick(a.dice, words...)
			a.label(word)
		}
		out = append(out, word)
	}
	return out
}

// texts draws names in other spellings.
func (a *asker) texts(of func(person) string) (out []string) {
	for len(out) == 0 || a.chance(40) {
		about := a.about
		if len(out) > 0 || of(about) == "" {
			about = pick(a.dice, a.m.users...)
		}
		form := textForms[0]
		if a.chance(50) {
			form = pick(a.dice, textForms...)
		}
		a.label(form)
		out = append(out, respelled(of(about), form))
	}
	return out
}

func respelled(s, form string) string {
	switch form {
	case "upper":
		return strings.ToUpper(s)
	case "lower":
		return strings.ToLower(s)
	case "padded":
		return "  " + s + "\u00a0"
	case "decomposed":
		return norm.NFD.String(s)
	case "full width":
		return strings.Map(func(r rune) rune {
			if r > ' ' && r <= unicode.MaxASCII {
				return r - '!' + 0xFF01
			}
			return r
		}, s)
	case "with a comma":
		return s + "," + s
	case "empty":
		return ""
	case "unknown":
		return "nobody " + s
	default:
		return s
	}
}

// ids draws ids in the ways there are to write one.
func (a *asker) ids(own string, others func() string, most int) (out []string) {
	id := own
	for len(out) == 0 || len(out) < most && a.chance(40) {
		v, bad := a.wrong("abc", "", "abc-", strings.ReplaceAll(id, "-", "")+"0", id+","+id, id[:35], id+"0", "{"+id, "urn:uuid:"+id+"Z", "{"+strings.ReplaceAll(id, "-", "")+"}", strings.Replace(id, "7", "-7", 1))
		if !bad {
			form := idForms[0]
			if a.chance(40) {
				form = pick(a.dice, idForms...)
			}
			a.label(form)
			v = a.written(id, form)
		}
		out, id = append(out, v), others()
	}
	return out
}

func (a *asker) written(id, form string) string {
	switch form {
	case "bare":
		return strings.ReplaceAll(id, "-", "")
	case "braces":
		return "{" + id + "}"
	case "urn":
		return "urn:uuid:" + id
	case "capitals":
		return pick(a.dice, strings.ToUpper(id), "URN:UUID:"+strings.ToUpper(id), "{"+strings.ToUpper(id)+"}")
	case "unknown":
		return a.uuid(a.Int64N(1 << 40))
	default:
		return id
	}
}

func (a *asker) somebody() string { return pick(a.dice, a.m.users...).id }
func (a *asker) group() string    { return pick(a.dice, a.m.groups...) }

func (a *asker) groupOf() string {
	if own := a.m.memberships[a.about.id]; len(own) > 0 {
		return pick(a.dice, own...)
	}
	return a.group()
}

func (a *asker) externalIDs() []string {
	v := pick(a.dice, "customer-5", fmt.Sprint("customer-", a.IntN(2000)), "", "x")
	a.label("given")
	return []string{v}
}

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
