package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/countersign/countersign/client"
)

// People type names; the API wants ids. A name must mean exactly one thing: it is
// compared as a whole, and what else answers to it is listed rather than guessed
// at, because the one who is suspended by mistake cannot log in to complain.

// isID reports whether a word is a UUID; then it is never taken for a name.
func isID(s string) bool {
	const shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(s) != len(shape) {
		return false
	}
	for i := range len(s) {
		if shape[i] == '-' && s[i] != '-' || shape[i] == 'x' && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}

// user finds a user by id, email or exact name.
func (s *session) user(ctx context.Context, ref string) (client.UserID, error) {
	if isID(ref) {
		return client.UserID(strings.ToLower(ref)), nil
	}
	found := map[client.UserID]client.User{}
	queries := []client.UserQuery{{Names: []string{ref}}}
	if strings.Contains(ref, "@") {
		// A name may look like somebody else's address: both are asked for.
		queries = append(queries, client.UserQuery{Emails: []string{ref}})
	}
	for _, q := range queries {
		q.Limit = maxPage
		list, err := s.api.ListUsers(ctx, q, s.reading(nil)...)
		if err != nil {
			return "", fmt.Errorf("looking for the user %s: %w", ref, err)
		}
		for _, u := range list.Items {
			found[u.ID] = u
		}
	}
	var lines []string
	for id, u := range found {
		if len(found) == 1 {
			s.known[string(id)] = labelOf(u)
			return id, nil
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s", id, u.Type, u.State, labelOf(u)))
	}
	if len(lines) == 0 {
		return "", &missingError{"no user has the id, email or exact name " + ref + "; look with: countersign users list --search " + shell(ref)}
	}
	return "", ambiguous("user", ref, lines)
}

// users finds several, each once, in the order given.
func (s *session) users(ctx context.Context, refs []string) ([]client.UserID, error) {
	return each(refs, func(ref string) (client.UserID, error) { return s.user(ctx, ref) })
}

// group finds a group by id or exact name.
func (s *session) group(ctx context.Context, ref string) (client.GroupID, error) {
	if isID(ref) {
		return client.GroupID(strings.ToLower(ref)), nil
	}
	list, err := s.api.ListGroups(ctx, client.GroupQuery{Names: []string{ref}, Paging: client.Paging{Limit: maxPage}}, s.reading(nil)...)
	if err != nil {
		return "", fmt.Errorf("looking for the group %s: %w", ref, err)
	}
	var lines []string
	for _, g := range list.Items {
		if len(list.Items) == 1 {
			s.known[string(g.ID)] = quoted(g.Name)
			return g.ID, nil
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", g.ID, g.State, quoted(g.Name)))
	}
	if len(lines) == 0 {
		return "", &missingError{"no group has the id or exact name " + ref + "; look with: countersign groups list --search " + shell(ref)}
	}
	return "", ambiguous("group", ref, lines)
}

func (s *session) groups(ctx context.Context, refs []string) ([]client.GroupID, error) {
	return each(refs, func(ref string) (client.GroupID, error) { return s.group(ctx, ref) })
}

// membership finds one by its id, or by its user and its group.
func (s *session) membership(ctx context.Context, refs []string) (client.MembershipID, error) {
	if len(refs) == 1 {
		if !isID(refs[0]) {
			return "", usage("%s is not the id of a membership; give that, or USER and GROUP", refs[0])
		}
		return client.MembershipID(strings.ToLower(refs[0])), nil
	}
	user, err := s.user(ctx, refs[0])
	if err != nil {
		return "", err
	}
	group, err := s.group(ctx, refs[1])
	if err != nil {
		return "", err
	}
	list, err := s.api.ListMemberships(ctx, client.MembershipQuery{UserIDs: []client.UserID{user}, GroupIDs: []client.GroupID{group}}, s.reading(nil)...)
	if err != nil {
		return "", err
	}
	if len(list.Items) != 1 {
		return "", &missingError{fmt.Sprintf("%s is not in the group %s", refs[0], refs[1])}
	}
	return list.Items[0].ID, nil
}

// objectID takes the id of something that has no name.
func objectID[T ~string](what, ref string) (T, error) {
	if !isID(ref) {
		return "", usage("%s is not the id of a %s", ref, what)
	}
	return T(strings.ToLower(ref)), nil
}

func each[T ~string](refs []string, find func(string) (T, error)) ([]T, error) {
	var out []T
	for _, ref := range refs {
		id, err := find(ref)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out, nil
}

func ambiguous(what, ref string, lines []string) error {
	slices.Sort(lines)
	return &usageError{message: fmt.Sprintf("%d %ss answer to %s; name one by its id:", len(lines), what, ref), below: lines}
}

// labelOf names a user as people know him. Whoever has no address is told apart by
// what kind of user he is.
func labelOf(u client.User) string {
	name := quoted(first(u.Name, u.Email, u.ExternalID, string(u.ID)))
	switch {
	case u.Name != "" && u.Email != "":
		return name + " <" + u.Email + ">"
	case u.Email != "":
		return name
	default:
		return name + " (" + string(u.Type) + ")"
	}
}

// quoted puts a name into quotes unless it is a plain one. Otherwise a name such as
// "Grace <grace@northwind.example>" would read like Grace.
func quoted(name string) string {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune(" .'-_&/", r)
	}
	if !strings.ContainsFunc(name, odd) {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// learn looks up labels for ids, so that people read names. Who may not list users
// or groups reads ids: that is no reason to fail.
func (s *session) learn(ctx context.Context, users []client.UserID, groups []client.GroupID) {
	const chunk = 100 // ids that fit an URL of 8 KB
	for ids := range slices.Chunk(unknown(s, users), chunk) {
		list, err := s.api.ListUsers(ctx, client.UserQuery{IDs: ids, IncludeDeleted: true, Paging: client.Paging{Limit: chunk}})
		if err != nil {
			return
		}
		for _, u := range list.Items {
			s.known[string(u.ID)] = labelOf(u)
		}
	}
	every := []client.GroupState{client.GroupStateActive, client.GroupStatePendingApproval, client.GroupStateDeleted}
	for ids := range slices.Chunk(unknown(s, groups), chunk) {
		list, err := s.api.ListGroups(ctx, client.GroupQuery{IDs: ids, States: every, Paging: client.Paging{Limit: chunk}})
		if err != nil {
			return
		}
		for _, g := range list.Items {
			s.known[string(g.ID)] = quoted(g.Name)
		}
	}
}

// maxLearned bounds what is looked up to show one change.
const maxLearned = 300

func unknown[T ~string](s *session, ids []T) []T {
	var out []T
	for _, id := range ids {
		if _, ok := s.known[string(id)]; !ok && id != "" && !slices.Contains(out, id) && len(out) < maxLearned {
			out = append(out, id)
		}
	}
	return out
}

// label is what people call an id, else the id itself.
func label[T ~string](s *session, id T) string { return first(s.known[string(id)], string(id)) }

// labels names some of many and says how many more there are.
func labels[T ~string](s *session, ids []T, most int) string {
	var parts []string
	for _, id := range ids[:min(most, len(ids))] {
		parts = append(parts, label(s, id))
	}
	text := strings.Join(parts, ", ")
	if more := len(ids) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// shell quotes a word for pasting into a shell.
func shell(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
