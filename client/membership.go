package client

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// Membership is the fact that a user is in a group.
type Membership struct {
	ID        MembershipID   `json:"id"`
	Number    int64          `json:"number"`
	UserID    UserID         `json:"user_id"`
	UserName  string         `json:"user_name"`
	UserType  UserType       `json:"user_type"`
	GroupID   GroupID        `json:"group_id"`
	GroupName string         `json:"group_name"`
	Role      MembershipRole `json:"role"`
	// ConfigurablePermissions of a group admin; nil for a member.
	ConfigurablePermissions *ConfigurablePermissions `json:"configurable_permissions"`
	StartsAt                time.Time                `json:"starts_at"`
	ExpiresAt               time.Time                `json:"expires_at"`
	State                   MembershipState          `json:"state"`
	CreatedAt               time.Time                `json:"created_at"`
	ModifiedAt              time.Time                `json:"modified_at"`
	Version                 int64                    `json:"version"`
	PendingChange           *PendingChange           `json:"pending_change"`
}

// ConfigurablePermissions are what a group admin may do in his group.
type ConfigurablePermissions struct {
	CanCreateAccounts bool `json:"can_create_accounts"`
	CanEditAccounts   bool `json:"can_edit_accounts"`
	CanRunReports     bool `json:"can_run_reports"`
	CanInstantLogin   bool `json:"can_instant_login"`
}

// ConfigurableSwitches set ConfigurablePermissions: what is absent is on. Null, as
// an Optional, turns all off.
type ConfigurableSwitches struct {
	CanCreateAccounts Optional[bool] `json:"can_create_accounts,omitzero"`
	CanEditAccounts   Optional[bool] `json:"can_edit_accounts,omitzero"`
	CanRunReports     Optional[bool] `json:"can_run_reports,omitzero"`
	CanInstantLogin   Optional[bool] `json:"can_instant_login,omitzero"`
}

// MemberQuery selects and orders the memberships of one user or one group.
type MemberQuery struct {
	// States: all living ones when empty.
	States []MembershipState
	Roles  []MembershipRole
	// Sort: created, user_name, group_name; a leading "-" turns the direction.
	Sort []string
	Paging
}

func (q MemberQuery) values() url.Values {
	v := url.Values{}
	addAll(v, "state", q.States)
	addAll(v, "role", q.Roles)
	addAll(v, "sort", q.Sort)
	q.Paging.values(v)
	return v
}

// MembershipQuery selects and orders memberships.
type MembershipQuery struct {
	UserIDs  []UserID
	GroupIDs []GroupID
	MemberQuery
}

func (q MembershipQuery) values() url.Values {
	v := q.MemberQuery.values()
	addAll(v, "user_id", q.UserIDs)
	addAll(v, "group_id", q.GroupIDs)
	return v
}

// MembershipPatch changes role, switches or term; null ends a term.
type MembershipPatch struct {
	Role                    Optional[MembershipRole]       `json:"role,omitzero"`
	ConfigurablePermissions Optional[ConfigurableSwitches] `json:"configurable_permissions,omitzero"`
	StartsAt                Optional[time.Time]            `json:"starts_at,omitzero"`
	ExpiresAt               Optional[time.Time]            `json:"expires_at,omitzero"`
}

// ListMemberships lists one page of memberships.
func (c *Client) ListMemberships(ctx context.Context, q MembershipQuery, opts ...ReadOption) (*List[Membership], error) {
	return list[Membership](ctx, c, directoryPath+"/memberships", q.values(), opts)
}

// AllMemberships lists memberships to the end.
func (c *Client) AllMemberships(ctx context.Context, q MembershipQuery, opts ...ReadOption) iter.Seq2[Membership, error] {
	return all(q.Paging, func(p Paging) (*List[Membership], error) {
		q.Paging = p
		return c.ListMemberships(ctx, q, opts...)
	})
}

// CreateMembership puts a user into a group.
func (c *Client) CreateMembership(ctx context.Context, m MembershipAdd, opts ...WriteOption) (*Outcome[Membership], error) {
	return write[Membership](ctx, c, post(directoryPath+"/memberships", m), opts)
}

// GetMembership reads a membership.
func (c *Client) GetMembership(ctx context.Context, id MembershipID, opts ...ReadOption) (*Membership, error) {
	return read[Membership](ctx, c, get(at("memberships", id)), opts)
}

// UpdateMembership changes role, switches or term.
func (c *Client) UpdateMembership(ctx context.Context, id MembershipID, p MembershipPatch, opts ...WriteOption) (*Outcome[Membership], error) {
	return write[Membership](ctx, c, patch(at("memberships", id), p), opts)
}

// DeleteMembership takes a user out of a group.
func (c *Client) DeleteMembership(ctx context.Context, id MembershipID, opts ...WriteOption) (*Outcome[Gone], error) {
	return write[Gone](ctx, c, del(at("memberships", id)), opts)
}
