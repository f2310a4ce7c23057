package fordefi

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// question is a query as section 1.2 reads it.
type question struct {
	sortBy                           []string
	page, size                       int
	types, roles, states             []string
	includeDeleted                   bool
	names, emails, users, excluded   []string
	externalIDs                      []string
	groups, notGroups, statesOnGroup []string
}

// fault is one item of a 422.
type fault struct {
	place string // query or path
	name  string
	index int // -1 for what is no list
	msg   string
	kind  string
}

// values are what a query gives for a key, in order.
func values(query, key string) []string {
	var out []string
	for _, part := range strings.Split(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil || name != key {
			continue
		}
		if value, err = url.QueryUnescape(value); err != nil {
			continue
		}
		out = append(out, value)
	}
	return out
}

var (
	sortWords = []string{
		"role_asc", "role_desc", "email_asc", "email_desc", "created_asc", "created_desc", "name_asc", "name_desc",
		"last_keep_alive_asc", "last_keep_alive_desc", "state_asc", "state_desc", "type_asc", "type_desc",
	}
	typeWords  = []string{"person", "api_signer", "api_user", "system"}
	roleWords  = []string{"admin", "trader", "viewer"}
	groupWords = []string{"active", "pending_addition", "pending_removal"}
	stateWords = []string{
		"active", "onboarding_pending_code_generation", "onboarding_pending_activation", "pending_approval",
		"reset_device_pending_code_generation", "reset_device_pending_activation", "deleted", "onboarding",
	}
)

// parse reads a query. All faults are told, in the order of the table of section
// 1.1; what the table does not name is ignored.
func parse(query string) (question, []fault) {
	q := question{page: 1, size: 50}
	p := &parser{query: query}
	q.sortBy = p.words("sort_by", sortWords)
	q.page = p.integer("page", 1, 1, -1)
	q.size = p.integer("size", 50, 0, 400)
	p.boolean("skip_count") // the total is exact all the same
	q.types = p.words("types", typeWords)
	q.roles = p.words("roles", roleWords)
	q.states = p.words("states", stateWords)
	q.includeDeleted = p.boolean("include_deleted")
	q.names = folded(values(query, "names"))
	q.emails = folded(values(query, "emails"))
	q.users = p.uuids("user_ids")
	q.externalIDs = values(query, "external_ids")
	q.groups = p.uuids("group_ids")
	q.notGroups = p.uuids("group_ids__not")
	q.statesOnGroup = p.words("states_on_groups", groupWords)
	q.excluded = p.uuids("exclude_user_ids")
	return q, p.faults
}

func folded(list []string) (out []string) {
	for _, s := range list {
		out = append(out, fold(s))
	}
	return out
}

type parser struct {
	query  string
	faults []fault
}

func (p *parser) fault(name string, index int, kind, msg string) {
	p.faults = append(p.faults, fault{"query", name, index, msg, kind})
}

func (p *parser) words(name string, known []string) []string {
	given := values(p.query, name)
	for i, v := range given {
		if !holds(known, v) {
			p.fault(name, i, "enum", "Input should be "+alternatives(known))
		}
	}
	return given
}

// alternatives are "'a', 'b' or 'c'".
func alternatives(words []string) string {
	last := len(words) - 1
	return "'" + strings.Join(words[:last], "', '") + "' or '" + words[last] + "'"
}

// last of the values of a key that is no list.
func (p *parser) last(name string) (string, bool) {
	given := values(p.query, name)
	if len(given) == 0 {
		return "", false
	}
	return given[len(given)-1], true
}

func (p *parser) integer(name string, otherwise, least, most int) int {
	given, ok := p.last(name)
	if !ok {
		return otherwise
	}
	digits := strings.TrimSpace(given)
	if whole, zeros, ok := strings.Cut(digits, "."); ok && zeros != "" && strings.Trim(zeros, "0") == "" {
		digits = whole
	}
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil:
		p.fault(name, -1, "int_parsing", "Input should be a valid integer, unable to parse string as an integer")
	case n < least:
		p.fault(name, -1, "greater_than_equal", "Input should be greater than or equal to "+strconv.Itoa(least))
	case most >= 0 && n > most:
		p.fault(name, -1, "less_than_equal", "Input should be less than or equal to "+strconv.Itoa(most))
	}
	return n
}

func (p *parser) boolean(name string) bool {
	given, ok := p.last(name)
	if !ok {
		return false
	}
	switch strings.ToLower(given) {
	case "true", "1", "on", "yes", "t", "y":
		return true
	case "false", "0", "off", "no", "f", "n":
		return false
	}
	p.fault(name, -1, "bool_parsing", "Input should be a valid boolean, unable to interpret input")
	return false
}

// uuids reads the four ways to write one.
func (p *parser) uuids(name string) []string {
	var out []string
	for i, given := range values(p.query, name) {
		id, why := uuid(given)
		if why != "" {
			p.fault(name, i, "uuid_parsing", "Input should be a valid UUID, "+why)
		}
		out = append(out, id)
	}
	return out
}

// uuid returns the id in lower case with hyphens, or what is wrong with it in the
// words of the published service.
func uuid(given string) (id, why string) {
	s, before, plain := given, 0, true
	if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") && len(s) > 1 {
		s, before, plain = s[1:len(s)-1], 1, false
	} else if strings.HasPrefix(strings.ToLower(s), "urn:uuid:") {
		s, before, plain = s[len("urn:uuid:"):], len("urn:uuid:"), false
	}
	for i, c := range s {
		if !strings.ContainsRune("0123456789abcdefABCDEF-", c) {
			return "", fmt.Sprintf("invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `%c` at %d", c, before+i+1)
		}
	}
	s = strings.ToLower(s)
	groups := strings.Split(s, "-")
	switch {
	case plain && len(groups) == 1 && len(s) == 32:
		return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], ""
	case plain && len(groups) == 1:
		return "", fmt.Sprintf("invalid length: expected length 32 for simple format, found %d", len(s))
	case len(groups) != 5:
		return "", fmt.Sprintf("invalid group count: expected 5, found %d", len(groups))
	}
	for i, want := range []int{8, 4, 4, 4, 12} {
		if len(groups[i]) != want {
			return "", fmt.Sprintf("invalid group length in group %d: expected %d, found %d", i, want, len(groups[i]))
		}
	}
	return s, ""
}
