package box

import "github.com/countersign/countersign/internal/wire"

const base = "/2.0"

// routes has one row for each operation of sections 1 to 3 of the contract that
// is served; the names are the operationIds of the published document.
func (d *Dialect) routes() []wire.Route {
	const memberships, groups, users = base + "/group_memberships", base + "/groups", base + "/users"
	row := func(method, pattern, name string, needs []Scope, h handler) wire.Route {
		return wire.Route{Method: method, Pattern: pattern, Name: name, Handler: d.authenticated(needs, h)}
	}
	group := []Scope{ManageGroups}
	user := []Scope{ManageManagedUsers, ManageAppUsers}
	return []wire.Route{
		row("GET", users+"/{user_id}/memberships", "get_users_id_memberships", group, d.listUserMemberships),
		row("GET", groups+"/{group_id}/memberships", "get_groups_id_memberships", group, d.listGroupMemberships),
		row("POST", memberships, "post_group_memberships", group, d.createMembership),
		row("GET", memberships+"/{group_membership_id}", "get_group_memberships_id", group, d.getMembership),
		row("PUT", memberships+"/{group_membership_id}", "put_group_memberships_id", group, d.updateMembership),
		row("DELETE", memberships+"/{group_membership_id}", "delete_group_memberships_id", group, d.deleteMembership),

		row("GET", groups, "get_groups", group, d.listGroups),
		row("POST", groups, "post_groups", group, d.createGroup),
		row("GET", groups+"/{group_id}", "get_groups_id", group, d.getGroup),
		row("PUT", groups+"/{group_id}", "put_groups_id", group, d.updateGroup),
		row("DELETE", groups+"/{group_id}", "delete_groups_id", group, d.deleteGroup),
		row("GET", groups+"/{group_id}/collaborations", "get_groups_id_collaborations", group, d.listCollaborations),

		row("GET", users, "get_users", user, d.listUsers),
		row("POST", users, "post_users", user, d.createUser),
		row("GET", users+"/me", "get_users_me", nil, d.getMe),
		row("GET", users+"/{user_id}", "get_users_id", user, d.getUser),
		row("PUT", users+"/{user_id}", "put_users_id", user, d.updateUser),
		row("DELETE", users+"/{user_id}", "delete_users_id", user, d.deleteUser),
	}
}
