package fordefi

import (
	"net/http"
	"slices"

	"github.com/countersign/countersign/internal/wire"
)

const (
	base         = "/api/v1"
	documentPath = "/openapi.json"
)

// operation is one row of the API: what it takes, what it answers, who does it.
type operation struct {
	method, path string
	// id, tag and summary are those of the document.
	id, tag, summary string
	params           []param
	// body are the members of the JSON object it takes; nil for no body.
	body []param
	// status and schema of its success; no schema means no described body.
	status int
	schema string
	// csv answers are no JSON.
	csv bool
	// refusals are the statuses it answers besides those that every operation does.
	refusals []int
	// endUsers may call it too; nothing else is open to them.
	endUsers bool
	// long operations have no deadline.
	long    bool
	handler handler
}

// operations are all rows; the names are the operationIds of the published
// document where it has one.
func (d *Dialect) operations() []operation {
	rows := slices.Concat(d.userOperations(), d.groupOperations(), d.endUserOperations(), d.tokenOperations(), d.auditOperations())
	for i := range rows {
		rows[i].params = append(rows[i].params, profileParam())
	}
	return rows
}

func (d *Dialect) userOperations() []operation {
	return []operation{
		{
			method: "GET", path: base + "/users", id: "list_users_api_v1_users_get", tag: "Users", summary: "Get a list of users in the organization.",
			params: usersParams(), status: http.StatusOK, schema: "ListUsersResponse", handler: d.listUsers,
		},
		{
			method: "GET", path: base + "/users/{id}", id: "get_user_api_v1_users__id__get", tag: "Users", summary: "Get one user, deleted or not.",
			params: []param{pathID("user")}, status: http.StatusOK, schema: "User", refusals: []int{http.StatusNotFound}, handler: d.getUser,
		},
	}
}

// usersParams are those of contract section 1.1, in its order, which is also that
// in which faults are told.
func usersParams() []param {
	return slices.Concat([]param{
		words("sort_by", "The keys of the order, the most significant first.",
			"role_asc", "role_desc", "email_asc", "email_desc", "created_asc", "created_desc", "name_asc", "name_desc",
			"last_keep_alive_asc", "last_keep_alive_desc", "state_asc", "state_desc", "type_asc", "type_desc"),
	}, paging(maxUsers), []param{
		words("types", "Only users of these types.", "person", "api_signer", "api_user", "system"),
		words("roles", "Only users with these roles.", "admin", "trader", "viewer"),
		words("states", "Only users in these states; onboarding stands for both states of enrolment.",
			"active", "onboarding_pending_code_generation", "onboarding_pending_activation", "pending_approval",
			"reset_device_pending_code_generation", "reset_device_pending_activation", "deleted", stateOnboarding),
		flag("include_deleted", "True to include deleted users, too."),
		texts("names", "Only users with these names, whole, in any case of letters."),
		texts("emails", "Only users with these emails, whole, in any case of letters."),
		identifiers("user_ids", "Only these users."),
		texts("external_ids", "Only users with these ids of yours; none of the users listed here has one."),
		identifiers("group_ids", "Only users of these groups."),
		identifiers("group_ids__not", "No members of these groups."),
		words("states_on_groups", "Which memberships group_ids goes by; all three where it is absent.", "active", "pending_addition", "pending_removal"),
		identifiers("exclude_user_ids", "Not these users."),
	})
}

const (
	// maxUsers and maxItems are the published bounds of pages.
	maxUsers = 400
	maxItems = 100
)

func (d *Dialect) routes(operations []operation) []wire.Route {
	rows := []wire.Route{{Method: "GET", Pattern: documentPath, Name: "openapi", Public: true, Handler: http.HandlerFunc(d.serveDocument)}}
	for _, op := range operations {
		rows = append(rows, wire.Route{Method: op.method, Pattern: op.path, Name: op.id, Long: op.long, Handler: d.authenticated(op)})
	}
	return rows
}
