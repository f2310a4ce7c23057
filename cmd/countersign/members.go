package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

const membershipArgument = `A membership is named by its id, or by its user and its group.`

func newMembersCommand(p *process) *cobra.Command {
	cmd := noun("members", "Who is in which group", `
Memberships: the fact that a user is in a group, as a member or as a group admin,
for ever or for a term. `+membershipArgument,
		"  countersign members add grace@northwind.example Treasury --expires 2027-01-31")
	s := newSession(p, cmd)
	s.membersList(cmd)
	s.membersAdd(cmd)
	s.membersUpdate(cmd)
	s.membersRemove(cmd)
	return cmd
}

func memberColumns() []column[client.Membership] {
	type membership = client.Membership
	return []column[membership]{
		{name: "id", cell: func(m membership) string { return string(m.ID) }},
		{name: "number", cell: func(m membership) string { return number(m.Number) }, full: true},
		{name: "user_id", cell: func(m membership) string { return string(m.UserID) }, full: true},
		{name: "user_name", cell: func(m membership) string { return first(m.UserName, string(m.UserID)) }},
		{name: "user_type", cell: func(m membership) string { return string(m.UserType) }, full: true},
		{name: "group_id", cell: func(m membership) string { return string(m.GroupID) }, full: true},
		{name: "group_name", cell: func(m membership) string { return m.GroupName }},
		{name: "role", cell: func(m membership) string { return string(m.Role) }},
		{name: "state", cell: func(m membership) string { return string(m.State) }},
		{name: "configurable_permissions", cell: func(m membership) string { return switchedOn(m.ConfigurablePermissions) }, full: true},
		{name: "starts_at", cell: func(m membership) string { return when(m.StartsAt) }, full: true},
		{name: "expires_at", cell: func(m membership) string { return when(m.ExpiresAt) }},
		{name: "created_at", cell: func(m membership) string { return when(m.CreatedAt) }, full: true},
		{name: "modified_at", cell: func(m membership) string { return when(m.ModifiedAt) }, full: true},
		{name: "pending_change", cell: func(m membership) string { return pendingID(m.PendingChange) }},
		{name: "version", cell: func(m membership) string { return number(m.Version) }, full: true},
	}
}

// The switches of a group admin, in the order of the document.
func switchNames() []string {
	return []string{"can_create_accounts", "can_edit_accounts", "can_run_reports", "can_instant_login"}
}

func switchedOn(c *client.ConfigurablePermissions) string {
	if c == nil {
		return ""
	}
	var on []string
	for i, set := range []bool{c.CanCreateAccounts, c.CanEditAccounts, c.CanRunReports, c.CanInstantLogin} {
		if set {
			on = append(on, switchNames()[i])
		}
	}
	return first(joined(on), "none")
}

// memberFilter are the flags of every list of memberships.
type memberFilter struct {
	states, roles, sort *choices
	pages               *paging
}

func (s *session) addMemberFilter(cmd *cobra.Command, to **memberFilter) {
	*to = &memberFilter{
		states: words(cmd, "state", "in these states", membershipStates()...),
		roles:  words(cmd, "role", "with these roles", client.Member, client.GroupAdmin),
		sort:   sorting(cmd, "created", "user_name", "group_name"),
		pages:  pages(cmd),
	}
}

func (f *memberFilter) query() client.MemberQuery {
	return client.MemberQuery{States: typed[client.MembershipState](f.states.values), Roles: typed[client.MembershipRole](f.roles.values), Sort: f.sort.values}
}

func membershipStates() []client.MembershipState {
	return []client.MembershipState{
		client.MembershipStateActive, client.MembershipStatePendingAddition, client.MembershipStatePendingRemoval, client.MembershipStateRemoved,
	}
}

func (s *session) membersList(parent *cobra.Command) {
	var users, groups []string
	var f *memberFilter
	cmd := s.add(parent, verb{
		use: "list", short: "List memberships", long: "Without --state all living ones. " + userArgument + " " + groupArgument,
		example: "  countersign members list --user grace@northwind.example\n  countersign members list --state pending_addition,pending_removal",
		run: func(ctx context.Context, _ []string) error {
			q := client.MembershipQuery{MemberQuery: f.query()}
			var err error
			if q.UserIDs, err = s.users(ctx, users); err != nil {
				return err
			}
			if q.GroupIDs, err = s.groups(ctx, groups); err != nil {
				return err
			}
			return showList(s, f.pages, memberColumns(), func(at client.Paging, opts ...client.ReadOption) (*client.List[client.Membership], error) {
				q.Paging = at
				return s.api.ListMemberships(ctx, q, opts...)
			})
		},
	})
	cmd.Flags().StringArrayVar(&users, "user", nil, "of this `USER`; may be repeated")
	cmd.Flags().StringArrayVar(&groups, "group", nil, "in this `GROUP`; may be repeated")
	s.addMemberFilter(cmd, &f)
}

// stay are the flags that shape a membership.
type stay struct {
	role            choice
	off             []string
	starts, expires string
}

func (t *stay) add(cmd *cobra.Command) {
	t.role.allowed = []string{string(client.Member), string(client.GroupAdmin)}
	t.role.add(cmd, cmd.Flags(), "role", "", "role in the group")
	cmd.Flags().StringSliceVar(&t.off, "switched-off", nil, "what a group admin may not do: "+strings.Join(switchNames(), ", ")+", all or none; the others are on")
	cmd.Flags().StringVar(&t.starts, "starts", "", "`TIME` it begins, or never for no beginning")
	cmd.Flags().StringVar(&t.expires, "expires", "", "`TIME` it ends, or never")
}

// patch reads the flags that were given.
func (t *stay) patch(s *session) (client.MembershipPatch, error) {
	var p client.MembershipPatch
	if s.given("role") {
		p.Role = client.Value(client.MembershipRole(t.role.value))
	}
	var err error
	if s.given("switched-off") {
		if p.ConfigurablePermissions, err = switches(t.off); err != nil {
			return p, err
		}
	}
	if p.StartsAt, err = optionalTime(s, "starts", t.starts); err != nil {
		return p, err
	}
	p.ExpiresAt, err = optionalTime(s, "expires", t.expires)
	return p, err
}

func optionalTime(s *session, flag, value string) (client.Optional[time.Time], error) {
	switch {
	case !s.given(flag):
		return client.Optional[time.Time]{}, nil
	case value == "never":
		return client.Null[time.Time](), nil
	default:
		t, err := parseTime(flag, value)
		return client.Value(t), err
	}
}

// switches reads which are off: some, "all" (null on the wire) or "none".
func switches(off []string) (client.Optional[client.ConfigurableSwitches], error) {
	var set client.ConfigurableSwitches
	if len(off) == 1 && off[0] == "all" {
		return client.Null[client.ConfigurableSwitches](), nil
	}
	if len(off) == 1 && off[0] == "none" {
		return client.Value(set), nil
	}
	for _, name := range off {
		switch name {
		case "can_create_accounts":
			set.CanCreateAccounts = client.Value(false)
		case "can_edit_accounts":
			set.CanEditAccounts = client.Value(false)
		case "can_run_reports":
			set.CanRunReports = client.Value(false)
		case "can_instant_login":
			set.CanInstantLogin = client.Value(false)
		default:
			return client.Optional[client.ConfigurableSwitches]{}, usage("--switched-off %q must be of %s, or all or none", name, strings.Join(switchNames(), ", "))
		}
	}
	return client.Value(set), nil
}

// changeMembership sends a write on a membership and tells what became of it.
func (s *session) changeMembership(ctx context.Context, w *writing, what string, send func(...client.WriteOption) (*client.Outcome[client.Membership], error)) error {
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := send(opts...)
	if err != nil {
		return err
	}
	return tell(ctx, s, done[client.Membership]{what: what, columns: memberColumns()}, out, raw)
}

func (s *session) membersAdd(parent *cobra.Command) {
	var t stay
	var w *writing
	cmd := s.add(parent, verb{
		use: "add USER GROUP", short: "Put a user into a group", long: "Persons and API users only. " + userArgument + " " + groupArgument,
		example: "  countersign members add grace@northwind.example Treasury --role admin --switched-off can_run_reports", min: 2, max: 2,
		run: func(ctx context.Context, args []string) error {
			p, err := t.patch(s)
			if err != nil {
				return err
			}
			m := client.MembershipAdd{Role: client.MembershipRole(t.role.value), ConfigurablePermissions: p.ConfigurablePermissions}
			if m.StartsAt, err = plainTime("starts", t.starts); err != nil {
				return err
			}
			if m.ExpiresAt, err = plainTime("expires", t.expires); err != nil {
				return err
			}
			if m.UserID, err = s.user(ctx, args[0]); err != nil {
				return err
			}
			if m.GroupID, err = s.group(ctx, args[1]); err != nil {
				return err
			}
			return s.changeMembership(ctx, w, args[0]+" is in "+args[1], func(opts ...client.WriteOption) (*client.Outcome[client.Membership], error) {
				return s.api.CreateMembership(ctx, m, opts...)
			})
		},
	})
	t.add(cmd)
	w = writes(cmd, false)
}

// plainTime is parseTime where the absence of a time is its zero value.
func plainTime(flag, value string) (time.Time, error) {
	if value == "" || value == "never" {
		return time.Time{}, nil
	}
	return parseTime(flag, value)
}

func (s *session) membersUpdate(parent *cobra.Command) {
	var t stay
	var w *writing
	cmd := s.add(parent, verb{
		use: "update MEMBERSHIP | USER GROUP", short: "Change role, switches or term of a membership",
		long:    "Only what is given changes. " + membershipArgument,
		example: "  countersign members update grace@northwind.example Treasury --role member --expires never", min: 1, max: 2,
		run: func(ctx context.Context, args []string) error {
			if !s.anyGiven("role", "switched-off", "starts", "expires") {
				return usage("give at least one of --role, --switched-off, --starts, --expires")
			}
			p, err := t.patch(s)
			if err != nil {
				return err
			}
			id, err := s.membership(ctx, args)
			if err != nil {
				return err
			}
			return s.changeMembership(ctx, w, "the membership is updated", func(opts ...client.WriteOption) (*client.Outcome[client.Membership], error) {
				return s.api.UpdateMembership(ctx, id, p, opts...)
			})
		},
	})
	t.add(cmd)
	w = writes(cmd, true)
}

func (s *session) membersRemove(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "remove MEMBERSHIP | USER GROUP", short: "Take a user out of a group", long: membershipArgument,
		example: "  countersign members remove grace@northwind.example Treasury --reason 'back on the day shift'", min: 1, max: 2,
		run: func(ctx context.Context, args []string) error {
			id, err := s.membership(ctx, args)
			if err != nil {
				return err
			}
			return s.remove(ctx, w, "the membership has ended", func(opts ...client.WriteOption) (*client.Outcome[client.Gone], error) {
				return s.api.DeleteMembership(ctx, id, opts...)
			})
		},
	})
	w = writes(cmd, true)
}
