package fireblocks

import (
	"net/http"

	"github.com/countersign/countersign/internal/wire"
)

const base = "/v1"

// routes has one row for each operation of sections 1 and 3 of the contract
// that is served; the names are the operationIds of the published document.
func (d *Dialect) routes() []wire.Route {
	const groups, users, accounts = base + "/management/user_groups", base + "/management/users", base + "/management/api_users"
	list := d.row("GET", groups, "getUserGroups", administrators, d.listGroups)
	list.Long = true // it is not paged: a large organization takes its time
	return []wire.Route{
		list,
		large(d.row("POST", groups, "createUserGroup", administrators, d.createGroup)),
		d.row("GET", groups+"/{groupId}", "getUserGroup", administrators, d.getGroup),
		large(d.row("PUT", groups+"/{groupId}", "updateUserGroup", administrators, d.updateGroup)),
		d.row("DELETE", groups+"/{groupId}", "deleteUserGroup", administrators, d.deleteGroup),

		d.row("GET", base+"/users", "getUsers", administrators, d.listUsers),
		d.row("GET", users, "getConsoleUsers", administrators, d.listConsoleUsers),
		d.row("POST", users, "createConsoleUser", administrators, d.createConsoleUser),
		d.row("POST", users+"/{userId}/reset_device", "resetDevice", administrators, d.resetDevice),
		d.row("GET", accounts, "getApiUsers", administrators, d.listAPIUsers),
		d.row("POST", accounts, "createApiUser", administrators, d.createAPIUser),
		d.row("GET", accounts+"/{userId}/whitelist_ip_addresses", "getWhitelistIpAddresses", administrators, d.whitelist),

		d.row("GET", base+"/management/audit_logs", "getAuditLogs", anybody, d.listAudit),
		d.row("GET", base+"/audits", "getAudits", anybody, d.listAudit),
		d.row("GET", base+"/workspace", "getWorkspace", anybody, d.workspace),
	}
}

// callers says which roles may call an operation (section 2, "Roles allowed").
type callers bool

const (
	// administrators are ADMIN and NON_SIGNING_ADMIN.
	administrators callers = true
	// anybody may call; what he may see is decided by the engine.
	anybody callers = false
)

func (d *Dialect) row(method, pattern, name string, who callers, h handler) wire.Route {
	return wire.Route{Method: method, Pattern: pattern, Name: name, Handler: d.signed(who, h)}
}

// large is a row whose body may replace a member list.
func large(row wire.Route) wire.Route {
	row.BodyLimit = wire.MaxListBody
	return row
}

var _ http.Handler = (*Dialect)(nil)
