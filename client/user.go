package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"time"
)

// User is an identity of the directory.
type User struct {
	ID     UserID    `json:"id"`
	Number int64     `json:"number"`
	Type   UserType  `json:"type"`
	Role   Role      `json:"role"`
	State  UserState `json:"state"`
	Name   string    `json:"name"`
	Email  string    `json:"email"`
	// ExternalID is the customer's own id of an end user.
	ExternalID string `json:"external_id"`
	// Permissions held individually; ListUserPermissions tells all he holds.
	Permissions []Permission `json:"permissions"`
	// ResponsiblePersonID counts as the requester of what an API user submits.
	ResponsiblePersonID UserID `json:"responsible_person_id"`
	// AllowedIPs is where an API user may call from; empty means anywhere.
	AllowedIPs []string `json:"allowed_ips"`
	// Profile is what other systems keep about the user, by the names of the API
	// document.
	Profile         map[string]string `json:"profile"`
	InvitedBy       UserID            `json:"invited_by"`
	DeviceResetBy   UserID            `json:"device_reset_by"`
	CreatedAt       time.Time         `json:"created_at"`
	ModifiedAt      time.Time         `json:"modified_at"`
	LastActiveAt    time.Time         `json:"last_active_at"`
	LastKeepAliveAt time.Time         `json:"last_keep_alive_at"`
	// Version is what IfMatch takes.
	Version int64      `json:"version"`
	Groups  []GroupRef `json:"groups"`
	// PendingChange is the open request that would create the user or change his
	// role or state; nil when there is none.
	PendingChange *PendingUserChange `json:"pending_change"`
	Secrets       []Secret           `json:"secrets"`
}

// GroupRef is a group as seen from one of its members.
type GroupRef struct {
	ID              GroupID         `json:"id"`
	Number          int64           `json:"number"`
	Name            string          `json:"name"`
	State           GroupState      `json:"state"`
	MembershipID    MembershipID    `json:"membership_id"`
	MembershipState MembershipState `json:"membership_state"`
	MembershipRole  MembershipRole  `json:"membership_role"`
}

// PendingUserChange is an open request on a user, and the role it would give him.
type PendingUserChange struct {
	ID   ChangeID `json:"id"`
	Role Role     `json:"role"`
}

// PendingChange is the open request that touches an object.
type PendingChange struct {
	ID ChangeID `json:"id"`
}

// UserQuery selects and orders users. Values of one field are alternatives,
// different fields must all hold.
type UserQuery struct {
	Types          []UserType
	Roles          []Role
	States         []UserState
	IncludeDeleted bool
	IDs, NotIDs    []UserID
	// Names and Emails match whole, without regard to case; ExternalIDs exactly.
	Names, Emails, ExternalIDs []string
	// GroupIDs asks for a membership in one of the groups, in one of MembershipStates
	// where those are given.
	GroupIDs         []GroupID
	MembershipStates []MembershipState
	NotGroupIDs      []GroupID
	// Text is part of the name or address.
	Text string
	// Permission is one that the user holds right now.
	Permission Permission
	// Sort: role, email, created, name, last_keep_alive, state, type, number; a leading "-"
	// turns the direction.
	Sort []string
	Paging
}

func (q UserQuery) values() url.Values {
	v := url.Values{}
	addAll(v, "type", q.Types)
	addAll(v, "role", q.Roles)
	addAll(v, "state", q.States)
	addBool(v, "include_deleted", q.IncludeDeleted)
	addAll(v, "id", q.IDs)
	addAll(v, "not_id", q.NotIDs)
	addAll(v, "name", q.Names)
	addAll(v, "email", q.Emails)
	addAll(v, "external_id", q.ExternalIDs)
	addAll(v, "group_id", q.GroupIDs)
	addAll(v, "membership_state", q.MembershipStates)
	addAll(v, "not_group_id", q.NotGroupIDs)
	addString(v, "q", q.Text)
	addString(v, "permission", q.Permission)
	addAll(v, "sort", q.Sort)
	q.Paging.values(v)
	return v
}

// NewUser is what CreateUser takes: UserInvite, UserCreateAPIUser,
// UserCreateAPISigner or UserCreateEndUser.
type NewUser interface {
	Operation
	userType() UserType
}

// UserPatch changes a user. Which members suit depends on his type.
type UserPatch struct {
	Name                Optional[string]   `json:"name,omitzero"`
	Email               Optional[string]   `json:"email,omitzero"`
	ExternalID          Optional[string]   `json:"external_id,omitzero"`
	AllowedIPs          Optional[[]string] `json:"allowed_ips,omitzero"` // null means anywhere
	ResponsiblePersonID Optional[UserID]   `json:"responsible_person_id,omitzero"`
	// Profile puts entries in; an empty one takes its entry out, null all of them.
	Profile     Optional[map[string]string] `json:"profile,omitzero"`
	Role        Optional[Role]              `json:"role,omitzero"`
	Permissions Optional[[]Permission]      `json:"permissions,omitzero"`
}

// ListUsers lists one page of users.
func (c *Client) ListUsers(ctx context.Context, q UserQuery, opts ...ReadOption) (*List[User], error) {
	return list[User](ctx, c, directoryPath+"/users", q.values(), opts)
}

// AllUsers lists users to the end.
func (c *Client) AllUsers(ctx context.Context, q UserQuery, opts ...ReadOption) iter.Seq2[User, error] {
	return all(q.Paging, func(p Paging) (*List[User], error) {
		q.Paging = p
		return c.ListUsers(ctx, q, opts...)
	})
}

// CreateUser invites a person or creates another user. Persons and signers start
// without a code: see MakeOnboardingCode.
func (c *Client) CreateUser(ctx context.Context, u NewUser, opts ...WriteOption) (*Outcome[User], error) {
	return write[User](ctx, c, post(directoryPath+"/users", newUser{u}), opts)
}

// newUser writes the type beside the members.
type newUser struct{ NewUser }

func (u newUser) MarshalJSON() ([]byte, error) {
	fields, err := json.Marshal(u.NewUser)
	if err != nil {
		return nil, err
	}
	return spliced("type", string(u.userType()), fields), nil
}

// GetUser reads a user.
func (c *Client) GetUser(ctx context.Context, id UserID, opts ...ReadOption) (*User, error) {
	return read[User](ctx, c, get(at("users", id)), opts)
}

// UpdateUser changes attributes, role or individual permissions.
func (c *Client) UpdateUser(ctx context.Context, id UserID, p UserPatch, opts ...WriteOption) (*Outcome[User], error) {
	return write[User](ctx, c, patch(at("users", id), p), opts)
}

// DeleteUser ends a user, his memberships and credentials.
func (c *Client) DeleteUser(ctx context.Context, id UserID, opts ...WriteOption) (*Outcome[Gone], error) {
	return write[Gone](ctx, c, del(at("users", id)), opts)
}

// SuspendUser takes every permission without forgetting any.
func (c *Client) SuspendUser(ctx context.Context, id UserID, opts ...WriteOption) (*Outcome[User], error) {
	return write[User](ctx, c, post(at("users", id, "suspend"), nil), opts)
}

// ReactivateUser ends a suspension.
func (c *Client) ReactivateUser(ctx context.Context, id UserID, opts ...WriteOption) (*Outcome[User], error) {
	return write[User](ctx, c, post(at("users", id, "reactivate"), nil), opts)
}

// ResetDevice revokes every credential of a user, who then enrols anew.
func (c *Client) ResetDevice(ctx context.Context, id UserID, opts ...WriteOption) (*Outcome[User], error) {
	return write[User](ctx, c, post(at("users", id, "reset-device"), nil), opts)
}

// MakeOnboardingCode makes the code by which an invited or reset user enrols. It
// stands in the outcome's Secrets.
func (c *Client) MakeOnboardingCode(ctx context.Context, id UserID, opts ...WriteOption) (*Outcome[User], error) {
	return write[User](ctx, c, post(at("users", id, "onboarding-code"), nil), opts)
}

// ListUserMemberships lists one page of a user's memberships.
func (c *Client) ListUserMemberships(ctx context.Context, id UserID, q MemberQuery, opts ...ReadOption) (*List[Membership], error) {
	return list[Membership](ctx, c, at("users", id, "memberships"), q.values(), opts)
}

// AllUserMemberships lists a user's memberships to the end.
func (c *Client) AllUserMemberships(ctx context.Context, id UserID, q MemberQuery, opts ...ReadOption) iter.Seq2[Membership, error] {
	return all(q.Paging, func(p Paging) (*List[Membership], error) {
		q.Paging = p
		return c.ListUserMemberships(ctx, id, q, opts...)
	})
}

// ListUserPermissions tells what a user may do now, and why. It is one page.
func (c *Client) ListUserPermissions(ctx context.Context, id UserID, opts ...ReadOption) (*List[EffectivePermission], error) {
	return list[EffectivePermission](ctx, c, at("users", id, "permissions"), nil, opts)
}
