package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

const userArgument = `USER is an id, an email address or an exact name.`

func newUsersCommand(p *process) *cobra.Command {
	cmd := noun("users", "People, API users, signers and end users", `
People, API users, signers and end users: who they are, what they may do, and
the changes one can ask for. `+userArgument,
		"  countersign users list --role admin\n  countersign users invite --name Grace --email grace@northwind.example --role trader")
	s := newSession(p, cmd)
	s.usersList(cmd)
	s.usersGet(cmd)
	s.usersPermissions(cmd)
	s.usersInvite(cmd)
	s.usersCreateAPIUser(cmd)
	s.usersCreateAPISigner(cmd)
	s.usersCreateEndUser(cmd)
	s.usersUpdate(cmd)
	s.usersRole(cmd)
	s.usersGrant(cmd)
	s.usersRevoke(cmd)
	s.usersSetPermissions(cmd)
	s.usersActs(cmd)
	s.usersDelete(cmd)
	return cmd
}

func userColumns() []column[client.User] {
	type user = client.User
	return []column[user]{
		{name: "id", cell: func(u user) string { return string(u.ID) }},
		{name: "number", cell: func(u user) string { return number(u.Number) }, full: true},
		{name: "type", cell: func(u user) string { return string(u.Type) }},
		{name: "role", cell: func(u user) string { return string(u.Role) }},
		{name: "state", cell: func(u user) string { return string(u.State) }},
		{name: "name", cell: func(u user) string { return u.Name }},
		{name: "email", cell: func(u user) string { return u.Email }},
		{name: "external_id", cell: func(u user) string { return u.ExternalID }},
		{name: "groups", cell: groupNames},
		{name: "permissions", cell: func(u user) string { return joined(u.Permissions) }, full: true},
		{name: "responsible_person_id", cell: func(u user) string { return string(u.ResponsiblePersonID) }, full: true},
		{name: "allowed_ips", cell: func(u user) string { return joined(u.AllowedIPs) }, full: true},
		{name: "profile", cell: func(u user) string { return profileText(u.Profile) }, full: true},
		{name: "invited_by", cell: func(u user) string { return string(u.InvitedBy) }, full: true},
		{name: "device_reset_by", cell: func(u user) string { return string(u.DeviceResetBy) }, full: true},
		{name: "created_at", cell: func(u user) string { return when(u.CreatedAt) }, full: true},
		{name: "modified_at", cell: func(u user) string { return when(u.ModifiedAt) }, full: true},
		{name: "last_active_at", cell: func(u user) string { return when(u.LastActiveAt) }, full: true},
		{name: "last_keep_alive_at", cell: func(u user) string { return when(u.LastKeepAliveAt) }, full: true},
		{name: "pending_change", cell: func(u user) string {
			if u.PendingChange == nil {
				return ""
			}
			return string(u.PendingChange.ID)
		}},
		{name: "version", cell: func(u user) string { return number(u.Version) }, full: true},
	}
}

// groupNames lists the groups of a user; a membership that is not simply active
// says so.
func groupNames(u client.User) string {
	text := ""
	for i, g := range u.Groups {
		if i > 0 {
			text += ", "
		}
		text += g.Name
		if g.MembershipState != client.MembershipStateActive {
			text += " (" + string(g.MembershipState) + ")"
		}
	}
	return text
}

func (s *session) usersList(parent *cobra.Command) {
	var q client.UserQuery
	var ids, notIDs, groups, notGroups []string
	var types, roles, states, memberships, sort *choices
	var p *paging
	cmd := s.add(parent, verb{
		use: "list", short: "List users",
		long: `
Filters of one kind are alternatives, different ones must all hold. Deleted users
show with --include-deleted or --state deleted only.`,
		example: `  countersign users list --type person --role admin,trader --sort role,-created
  countersign users list --group Treasury --permission payouts.create -o csv --all > treasury.csv`,
		run: func(ctx context.Context, _ []string) error {
			var err error
			if q.GroupIDs, err = s.groups(ctx, groups); err != nil {
				return err
			}
			if q.NotGroupIDs, err = s.groups(ctx, notGroups); err != nil {
				return err
			}
			if q.IDs, err = s.users(ctx, ids); err != nil {
				return err
			}
			if q.NotIDs, err = s.users(ctx, notIDs); err != nil {
				return err
			}
			q.Types, q.Roles = typed[client.UserType](types.values), typed[client.Role](roles.values)
			q.States, q.MembershipStates = typed[client.UserState](states.values), typed[client.MembershipState](memberships.values)
			q.Sort = sort.values
			return showList(s, p, userColumns(), func(at client.Paging, opts ...client.ReadOption) (*client.List[client.User], error) {
				q.Paging = at
				return s.api.ListUsers(ctx, q, opts...)
			})
		},
	})
	flags := cmd.Flags()
	types = words(cmd, "type", "of these types", userTypes()...)
	roles = words(cmd, "role", "with these roles", userRoles()...)
	states = words(cmd, "state", "in these states", userStates()...)
	flags.BoolVar(&q.IncludeDeleted, "include-deleted", false, "deleted ones too")
	flags.StringArrayVar(&ids, "id", nil, "only this `USER`; may be repeated, as the others")
	flags.StringArrayVar(&notIDs, "not-id", nil, "not this `USER`")
	flags.StringArrayVar(&q.Names, "name", nil, "with this whole name, in any case")
	flags.StringArrayVar(&q.Emails, "email", nil, "with this whole address, in any case")
	flags.StringArrayVar(&q.ExternalIDs, "external-id", nil, "with exactly this external id")
	flags.StringArrayVar(&groups, "group", nil, "in this `GROUP`")
	memberships = words(cmd, "membership-state", "states of the membership that --group asks for", membershipStates()[:3]...)
	flags.StringArrayVar(&notGroups, "not-group", nil, "not in this `GROUP`")
	flags.StringVarP(&q.Text, "search", "q", "", "with this `TEXT` in the name or address")
	flags.StringVar((*string)(&q.Permission), "permission", "", "who holds this `PERMISSION` right now")
	sort = sorting(cmd, "role", "email", "created", "name", "last_keep_alive", "state", "type", "number")
	p = pages(cmd)
}

func userTypes() []client.UserType {
	return []client.UserType{client.Person, client.APIUser, client.APISigner, client.EndUser}
}

func userRoles() []client.Role {
	return []client.Role{client.RoleAdmin, client.RoleTrader, client.RoleViewer, client.RoleNone}
}

func userStates() []client.UserState {
	return []client.UserState{
		client.UserStatePendingApproval, client.UserStateOnboardingCode, client.UserStateOnboardingActivation, client.UserStateActive,
		client.UserStateResetDeviceCode, client.UserStateResetDeviceActivation, client.UserStateSuspended, client.UserStateDeleted,
	}
}

func (s *session) usersGet(parent *cobra.Command) {
	s.add(parent, verb{
		use: "get USER", short: "Show one user", long: userArgument + " Deleted users are found by their id only.",
		example: "  countersign users get grace@northwind.example", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := s.user(ctx, args[0])
			if err != nil {
				return err
			}
			var raw []byte
			u, err := s.api.GetUser(ctx, id, s.reading(&raw)...)
			if err != nil {
				return err
			}
			return printOne(s, userColumns(), *u, raw)
		},
	})
}

func (s *session) usersPermissions(parent *cobra.Command) {
	cmd := s.add(parent, verb{
		use: "permissions USER", short: "Show what a user may do now, and why",
		long:    "Every permission with everything it comes from: role, individual, groups. " + userArgument,
		example: "  countersign users permissions vera@northwind.example", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := s.user(ctx, args[0])
			if err != nil {
				return err
			}
			return showList(s, &paging{}, effectiveColumns(), func(_ client.Paging, opts ...client.ReadOption) (*client.List[client.EffectivePermission], error) {
				return s.api.ListUserPermissions(ctx, id, opts...)
			})
		},
	})
	cmd.Aliases = []string{"why"}
}

func effectiveColumns() []column[client.EffectivePermission] {
	return []column[client.EffectivePermission]{
		{name: "permission", cell: func(e client.EffectivePermission) string { return string(e.Permission) }},
		{name: "because", cell: func(e client.EffectivePermission) string { return because(e.Sources) }},
	}
}

// because says in words where a permission comes from.
func because(sources []client.Source) string {
	text := ""
	for i, source := range sources {
		if i > 0 {
			text += "; "
		}
		switch source.Via {
		case "role":
			text += "role " + string(source.Role)
		case "group":
			text += "group " + first(source.GroupName, string(source.GroupID))
		default:
			text += source.Via
		}
	}
	return text
}
