package b2core

import "github.com/countersign/countersign/internal/wire"

const base = "/api/v2"

// routes has one row for each operation of sections 2 and 7 of the contract. PUT
// and PATCH are one operation there, and so they are here.
func (d *Dialect) routes() []wire.Route {
	const groups, group, users, user = base + "/groups", base + "/groups/{groupId}", base + "/users", base + "/users/{userId}"
	rows := []wire.Route{
		d.row("GET", groups, "listGroups", d.listGroups),
		d.row("POST", groups, "createGroup", d.createGroup),
		d.row("GET", group, "getGroup", d.getGroup),
		d.row("PUT", group, "updateGroup", d.updateGroup),
		d.row("PATCH", group, "patchGroup", d.updateGroup),
		d.row("DELETE", group, "deleteGroup", d.deleteGroup),

		d.row("GET", users, "listUsers", d.listUsers),
		d.row("POST", users, "createUser", d.createUser),
		d.row("GET", user, "getUser", d.getUser),
		d.row("PUT", user, "updateUser", d.updateUser),
		d.row("PATCH", user, "patchUser", d.updateUser),
		d.row("DELETE", user, "deleteUser", d.deleteUser),
	}
	if d.Sessions != nil { // section 10: both inferred
		rows = append(rows,
			wire.Route{Method: "POST", Pattern: base + "/signin", Name: "signIn", Public: true, Handler: public(d.signIn)},
			wire.Route{Method: "POST", Pattern: base + "/refresh", Name: "refresh", Public: true, Handler: public(d.refresh)},
		)
	}
	return rows
}

func (d *Dialect) row(method, pattern, name string, h handler) wire.Route {
	return wire.Route{Method: method, Pattern: pattern, Name: name, Handler: d.authenticated(h)}
}
