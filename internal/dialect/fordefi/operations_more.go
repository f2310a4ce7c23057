package fordefi

import "net/http"

func (d *Dialect) groupOperations() []operation {
	const tag = "User Groups"
	return []operation{
		{
			method: "GET", path: base + "/user-groups", id: "list_user_groups_api_v1_user_groups_get", tag: tag, summary: "Get a list of user groups.",
			params: append([]param{
				words("sort_by", "The keys of the order, the most significant first.",
					"created_at_asc", "created_at_desc", "modified_at_asc", "modified_at_desc", "name_asc", "name_desc", "users_count_asc", "users_count_desc"),
				words("states", "Only groups in these states; the active ones where it is absent.", "active", "deleted"),
				identifiers("user_group_ids", "Only these groups."),
				identifiers("user_ids", "Only groups that have any of these users as a member."),
				identifiers("modified_by", "Only groups that were modified last by one of these users."),
				{name: "name", in: inQuery, kind: text, shortest: 1, about: "Only the group with this name, whole, in any case of letters."},
				{name: "search", in: inQuery, kind: text, shortest: 1, about: "Only groups whose name contains this, in any case of letters."},
				identifiers("exclude_user_group_ids", "Not these groups."),
			}, paging(maxItems)...),
			status: http.StatusOK, schema: "ListUserGroupsResponse", handler: d.listGroups,
		},
		{
			method: "GET", path: base + "/user-groups/{id}", id: "get_user_group_api_v1_user_groups__id__get", tag: tag,
			summary: "Get one user group, deleted or not.",
			params:  []param{pathID("user group")}, status: http.StatusOK, schema: "UserGroup", refusals: []int{http.StatusNotFound}, handler: d.getGroup,
		},
	}
}

func (d *Dialect) endUserOperations() []operation {
	const tag, list = "End Users", base + "/end-users"
	one := []param{pathID("end user")}
	return []operation{
		{
			method: "GET", path: list, id: "list_end_users_api_v1_end_users_get", tag: tag, summary: "Get a list of end users.",
			params: append([]param{
				words("sort_by", "The keys of the order; logins are not recorded, and order nothing.",
					"created_asc", "created_desc", "end_user_last_login_asc", "end_user_last_login_desc"),
				flag("include_count", "True to be told the total."),
				identifiers("user_ids", "Only these end users."),
				texts("external_ids", "Only end users with these ids of yours."),
			}, paging(maxItems)...),
			status: http.StatusOK, schema: "ListEndUsersResponse", handler: d.listEndUsers,
		},
		{
			method: "POST", path: list, id: "create_end_user_api_v1_end_users_post", tag: tag, summary: "Create an end user.",
			body:   []param{{name: "external_id", in: inBody, kind: text, required: true, shortest: 1, about: "Your own id of the user."}},
			status: http.StatusCreated, schema: "EndUser", refusals: []int{http.StatusBadRequest, http.StatusConflict}, handler: d.createEndUser,
		},
		{
			method: "GET", path: list + "/current", id: "get_current_end_user_api_v1_end_users_current_get", tag: tag, summary: "Get the end user whose token this is.",
			status: http.StatusOK, schema: "EndUser", refusals: []int{http.StatusNotFound}, endUsers: true, handler: d.currentEndUser,
		},
		{
			method: "GET", path: list + "/{id}", id: "get_end_user_api_v1_end_users__id__get", tag: tag, summary: "Get one end user.",
			params: one, status: http.StatusOK, schema: "EndUser", refusals: []int{http.StatusNotFound}, handler: d.getEndUser,
		},
		{
			method: "DELETE", path: list + "/{id}", id: "delete_end_user_api_v1_end_users__id__delete", tag: tag, summary: "Delete an end user and end his tokens.",
			params: one, status: http.StatusOK, schema: "DeletedEndUser", refusals: []int{http.StatusBadRequest, http.StatusNotFound}, handler: d.deleteEndUser,
		},
		{
			method: "PUT", path: list + "/{id}/set-export-end-user-keys-permissions",
			id: "set_export_end_user_keys_permissions_api_v1_end_users__id__set_export_end_user_keys_permissions_put", tag: tag,
			summary: "Forbid the export of keys, which is always forbidden here.", params: one,
			body:   []param{{name: "allow", in: inBody, kind: boolean, required: true, about: "True is refused: there are no keys to export."}},
			status: http.StatusNoContent, refusals: []int{http.StatusBadRequest, http.StatusNotFound}, handler: d.setExport,
		},
	}
}

func (d *Dialect) tokenOperations() []operation {
	const tag, list = "Authorization Tokens", base + "/authorization-tokens"
	return []operation{
		{
			method: "GET", path: list, id: "list_auth_tokens_api_v1_authorization_tokens_get", tag: tag, summary: "Get a list of the tokens that work now.",
			params: append([]param{
				identifiers("user_ids", "Only tokens of these end users."),
				words("user_types", "Only tokens of users of these types.", "end_user"),
			}, paging(maxItems)...),
			status: http.StatusOK, schema: "ListAuthTokensResponse", handler: d.listTokens,
		},
		{
			method: "POST", path: list, id: "create_auth_token_api_v1_authorization_tokens_post", tag: tag,
			summary: "Create a token of an end user, at most ten at a time; it is shown this once.",
			body: []param{
				{
					name: "user_type", in: inBody, kind: enumeration, required: true, words: []string{"person", "api_signer", "api_user", "end_user", "system"},
					about: "Tokens are issued for end users only.",
				},
				{name: "user_id", in: inBody, kind: identifier, required: true, about: "The end user."},
				{name: "expiration", in: inBody, kind: integer, least: 1, most: maxExpiration, initial: defaultExpiration, about: "How long it works, in seconds."},
			},
			status: http.StatusOK, schema: "CreatedAuthToken", refusals: []int{http.StatusBadRequest, http.StatusNotFound}, handler: d.createToken,
		},
		{
			method: "DELETE", path: list + "/{id}", id: "delete_auth_token_api_v1_authorization_tokens__id__delete", tag: tag, summary: "End a token.",
			params: []param{pathID("authorization token")}, status: http.StatusNoContent, refusals: []int{http.StatusBadRequest, http.StatusNotFound}, handler: d.revokeToken,
		},
	}
}

func (d *Dialect) auditOperations() []operation {
	const tag, list = "Audit Log", base + "/audit-log"
	window := []param{
		identifiers("created_by", "Only what these users did."),
		{name: "created_before", in: inQuery, kind: moment, about: "Nothing after this moment."},
		{name: "created_after", in: inQuery, kind: moment, about: "Nothing before this moment."},
		words("category", "Only entries of these categories.",
			"policy", "quorum_threshold", "user_management", "vaults", "address_book", "address_group", "backup", "webhook", "vault_group",
			"user_group", "aml_policy", "chains", "device_backup", "import_keys", "authentication", "dapp_group"),
	}
	return []operation{
		{
			method: "GET", path: list, id: "list_audit_log_api_v1_audit_log_get", tag: tag, summary: "Get the audit log, newest first.",
			params: append(append([]param{}, window...), paging(maxItems)...),
			status: http.StatusOK, schema: "ListAuditLogResponse", refusals: []int{http.StatusBadRequest}, handler: d.listAudit,
		},
		{
			method: "GET", path: list + "/export", id: "export_audit_log_api_v1_audit_log_export_get", tag: tag, summary: "Get the audit log as CSV, newest first.",
			params: window, status: http.StatusOK, csv: true, long: true, handler: d.exportAudit,
		},
	}
}
