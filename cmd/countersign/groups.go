package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

const groupArgument = `GROUP is an id or an exact name.`

func newGroupsCommand(p *process) *cobra.Command {
	cmd := noun("groups", "Groups of users, and what they give their members", `
Groups of users. Each active member receives the permissions of the group.
`+groupArgument,
		"  countersign groups list --sort -users_count\n  countersign groups create Auditors --permission audit.read")
	s := newSession(p, cmd)
	s.groupsList(cmd)
	s.groupsGet(cmd)
	s.groupsCreate(cmd)
	s.groupsUpdate(cmd)
	s.groupsDelete(cmd)
	s.groupsMembers(cmd)
	s.groupsSetMembers(cmd)
	return cmd
}

func groupColumns() []column[client.Group] {
	type group = client.Group
	return []column[group]{
		{name: "id", cell: func(g group) string { return string(g.ID) }},
		{name: "number", cell: func(g group) string { return number(g.Number) }, full: true},
		{name: "state", cell: func(g group) string { return string(g.State) }},
		{name: "name", cell: func(g group) string { return g.Name }},
		{name: "users_count", cell: func(g group) string { return number(g.UsersCount) }},
		{name: "admins_count", cell: func(g group) string { return number(g.AdminsCount) }, full: true},
		{name: "permissions", cell: func(g group) string { return joined(g.Permissions) }},
		{name: "description", cell: func(g group) string { return g.Description }, full: true},
		{name: "external_sync_identifier", cell: func(g group) string { return g.ExternalSyncIdentifier }, full: true},
		{name: "provenance", cell: func(g group) string { return g.Provenance }, full: true},
		{name: "invitability", cell: func(g group) string { return string(g.Invitability) }, full: true},
		{name: "member_viewability", cell: func(g group) string { return string(g.MemberViewability) }, full: true},
		{name: "created_by", cell: func(g group) string { return string(g.CreatedBy) }, full: true},
		{name: "modified_by", cell: func(g group) string { return string(g.ModifiedBy) }, full: true},
		{name: "created_at", cell: func(g group) string { return when(g.CreatedAt) }, full: true},
		{name: "modified_at", cell: func(g group) string { return when(g.ModifiedAt) }, full: true},
		{name: "pending_change", cell: func(g group) string { return pendingID(g.PendingChange) }},
		{name: "version", cell: func(g group) string { return number(g.Version) }, full: true},
		{name: "members_version", cell: func(g group) string { return number(g.MembersVersion) }, full: true},
	}
}

func pendingID(p *client.PendingChange) string {
	if p == nil {
		return ""
	}
	return string(p.ID)
}

func (s *session) groupsList(parent *cobra.Command) {
	var q client.GroupQuery
	var ids, notIDs, users, modifiers []string
	var states, sort *choices
	var p *paging
	cmd := s.add(parent, verb{
		use: "list", short: "List groups",
		long:    "Filters of one kind are alternatives, different ones must all hold. Without --state active and pending ones.",
		example: "  countersign groups list --user grace@northwind.example\n  countersign groups list --permission payouts.create -o json",
		run: func(ctx context.Context, _ []string) error {
			var err error
			if q.IDs, err = s.groups(ctx, ids); err != nil {
				return err
			}
			if q.NotIDs, err = s.groups(ctx, notIDs); err != nil {
				return err
			}
			if q.UserIDs, err = s.users(ctx, users); err != nil {
				return err
			}
			if q.ModifiedBy, err = s.users(ctx, modifiers); err != nil {
				return err
			}
			q.States, q.Sort = typed[client.GroupState](states.values), sort.values
			return showList(s, p, groupColumns(), func(at client.Paging, opts ...client.ReadOption) (*client.List[client.Group], error) {
				q.Paging = at
				return s.api.ListGroups(ctx, q, opts...)
			})
		},
	})
	flags := cmd.Flags()
	states = words(cmd, "state", "in these states", client.GroupStatePendingApproval, client.GroupStateActive, client.GroupStateDeleted)
	flags.StringArrayVar(&ids, "id", nil, "only this `GROUP`; may be repeated, as the others")
	flags.StringArrayVar(&notIDs, "not-id", nil, "not this `GROUP`")
	flags.StringArrayVar(&q.Names, "name", nil, "with this whole name, in any case")
	flags.StringArrayVar(&users, "user", nil, "with this `USER` as an effective member")
	flags.StringArrayVar(&modifiers, "modified-by", nil, "last modified by this `USER`")
	flags.StringVarP(&q.Text, "search", "q", "", "with this `TEXT` in the name")
	flags.StringVar((*string)(&q.Permission), "permission", "", "that give this `PERMISSION`")
	sort = sorting(cmd, "created", "modified", "name", "users_count", "number")
	p = pages(cmd)
}

func (s *session) groupsGet(parent *cobra.Command) {
	s.add(parent, verb{
		use: "get GROUP", short: "Show one group", long: groupArgument, example: "  countersign groups get Treasury", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := s.group(ctx, args[0])
			if err != nil {
				return err
			}
			var raw []byte
			g, err := s.api.GetGroup(ctx, id, s.reading(&raw)...)
			if err != nil {
				return err
			}
			return printOne(s, groupColumns(), *g, raw)
		},
	})
}

func (s *session) groupsDelete(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "delete GROUP", short: "Delete a group",
		long:    "Its memberships end; what members hold individually stays. There is no way back. " + groupArgument,
		example: "  countersign groups delete 'Night shift' --reason 'desk closed'", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := s.group(ctx, args[0])
			if err != nil {
				return err
			}
			return s.remove(ctx, w, args[0]+" is deleted", func(opts ...client.WriteOption) (*client.Outcome[client.Gone], error) {
				return s.api.DeleteGroup(ctx, id, opts...)
			})
		},
	})
	w = writes(cmd, true)
}

func (s *session) groupsMembers(parent *cobra.Command) {
	var f *memberFilter
	s.addMemberFilter(s.add(parent, verb{
		use: "members GROUP", short: "List the members of a group", long: groupArgument,
		example: "  countersign groups members Treasury --role admin", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := s.group(ctx, args[0])
			if err != nil {
				return err
			}
			q := f.query()
			return showList(s, f.pages, memberColumns(), func(at client.Paging, opts ...client.ReadOption) (*client.List[client.Membership], error) {
				q.Paging = at
				return s.api.ListGroupMembers(ctx, id, q, opts...)
			})
		},
	}), &f)
}

func (s *session) groupsSetMembers(parent *cobra.Command) {
	var file string
	var none bool
	var w *writing
	cmd := s.add(parent, verb{
		use: "set-members GROUP USER...", short: "Make these users the only members of a group",
		long: `
Who stays keeps role, switches and term; who is new becomes an ordinary member.
With -f the users are read from a file, one on each line; - is standard input.
` + userArgument + " " + groupArgument,
		example: "  countersign groups set-members Treasury ada@northwind.example grace@northwind.example\n  countersign groups set-members Treasury -f treasury.txt --dry-run", min: 1, max: -1,
		run: func(ctx context.Context, args []string) error {
			refs := args[1:]
			if file != "" {
				lines, err := s.lines(ctx, file)
				if err != nil {
					return err
				}
				refs = append(refs, lines...)
			}
			if none == (len(refs) > 0) {
				return usage("name the members, or give --none to empty the group")
			}
			group, err := s.group(ctx, args[0])
			if err != nil {
				return err
			}
			members, err := s.users(ctx, refs)
			if err != nil {
				return err
			}
			return s.changeGroup(ctx, w, fmt.Sprintf("%s has %d members", args[0], len(members)), func(opts ...client.WriteOption) (*client.Outcome[client.Group], error) {
				return s.api.ReplaceGroupMembers(ctx, group, members, opts...)
			})
		},
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "`FILE` with a user on each line; - is standard input")
	cmd.Flags().BoolVar(&none, "none", false, "no members")
	w = writes(cmd, true)
}
