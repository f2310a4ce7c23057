package fireblocks

import (
	"github.com/countersign/countersign"
)

// The two values a group's status has; a third would break closed clients
// (section 1.2).
const (
	statusPending = "PENDING_APPROVAL"
	statusActive  = "ACTIVE"
)

// groupOut is UserGroupResponse, CreateUserGroupResponse and
// UserGroupCreateResponse, which have the same members.
type groupOut struct {
	ID        countersign.GroupID  `json:"id"`
	Name      string               `json:"name"`
	MemberIDs []countersign.UserID `json:"memberIds"`
	Status    string               `json:"status"`
}

// groupIn is UserGroupCreateRequest and UserGroupUpdateRequest.
type groupIn struct {
	Name      *string   `json:"groupName"`
	MemberIDs *[]string `json:"memberIds"`
}

// userOut is UserResponse.
type userOut struct {
	ID        countersign.UserID `json:"id"`
	FirstName string             `json:"firstName"`
	LastName  string             `json:"lastName"`
	Role      string             `json:"role"`
	Email     string             `json:"email"`
	Enabled   bool               `json:"enabled"`
}

// consoleUserOut is ConsoleUser.
type consoleUserOut struct {
	userOut
	Status   string `json:"status"`
	UserType string `json:"userType"`
}

// apiUserOut is APIUser.
type apiUserOut struct {
	ID       countersign.UserID `json:"id"`
	Name     string             `json:"name"`
	Role     string             `json:"role"`
	Enabled  bool               `json:"enabled"`
	Status   string             `json:"status"`
	UserType string             `json:"userType"`
}

// usersOut is how both user lists of /management are answered.
type usersOut[T any] struct {
	Users []T `json:"users"`
}

// consoleUserIn is CreateConsoleUser.
type consoleUserIn struct {
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Role      string `json:"role"`
	Email     string `json:"email"`
}

// apiUserIn is CreateAPIUser.
type apiUserIn struct {
	Role    string `json:"role"`
	Name    string `json:"name"`
	CSR     string `json:"csrPem"`
	Signer  string `json:"coSignerSetupType"`
	IsFirst bool   `json:"coSignerSetupIsFirstUser"`
}

// whitelistOut is the answer of the IP allowlist; null says that there is none.
type whitelistOut struct {
	UserID countersign.UserID `json:"userId"`
	IPs    *[]string          `json:"whitelistedIps"`
}

type workspaceOut struct {
	ID   countersign.OrganizationID `json:"id"`
	Name string                     `json:"name"`
}

// auditOut is both generations of the audit log in one (section 3.3). Total is
// known where nothing is filtered, which the older generation cannot do.
type auditOut struct {
	Data   []eventOut `json:"data"`
	Next   *string    `json:"next"`
	Cursor *string    `json:"cursor"`
	Total  *int64     `json:"total,omitzero"`
}

type eventOut struct {
	ID        string                     `json:"id"`
	Timestamp int64                      `json:"timestamp"`
	CreatedAt int64                      `json:"createdAt"`
	User      string                     `json:"user"`
	Subject   string                     `json:"subject"`
	Event     string                     `json:"event"`
	TenantID  countersign.OrganizationID `json:"tenantId"`
	UserID    countersign.UserID         `json:"userId"`
	Category  string                     `json:"category"`
}
