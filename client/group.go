package client

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// Group is a named set of users.
type Group struct {
	ID          GroupID `json:"id"`
	Number      int64   `json:"number"`
	Name        string  `json:"name"`
	Description string  `json:"description"`
	// Permissions are what each active member receives.
	Permissions            []Permission `json:"permissions"`
	ExternalSyncIdentifier string       `json:"external_sync_identifier"`
	Provenance             string       `json:"provenance"`
	Invitability           Audience     `json:"invitability"`
	MemberViewability      Audience     `json:"member_viewability"`
	State                  GroupState   `json:"state"`
	// UsersCount and AdminsCount count effective members.
	UsersCount  int64     `json:"users_count"`
	AdminsCount int64     `json:"admins_count"`
	CreatedBy   UserID    `json:"created_by"`
	ModifiedBy  UserID    `json:"modified_by"`
	CreatedAt   time.Time `json:"created_at"`
	ModifiedAt  time.Time `json:"modified_at"`
	// Version moves with the group itself, MembersVersion with who is in it.
	Version        int64          `json:"version"`
	MembersVersion int64          `json:"members_version"`
	PendingChange  *PendingChange `json:"pending_change"`
}

// GroupQuery selects and orders groups.
type GroupQuery struct {
	// States: active and pending ones when empty.
	States      []GroupState
	IDs, NotIDs []GroupID
	Names       []string
	// UserIDs asks for one of these as an effective member.
	UserIDs    []UserID
	ModifiedBy []UserID
	// Text is part of the name.
	Text string
	// Permission is one that the group gives.
	Permission Permission
	// Sort: created, modified, name, users_count, number; a leading "-" turns the direction.
	Sort []string
	Paging
}

func (q GroupQuery) values() url.Values {
	v := url.Values{}
	addAll(v, "state", q.States)
	addAll(v, "id", q.IDs)
	addAll(v, "not_id", q.NotIDs)
	addAll(v, "name", q.Names)
	addAll(v, "user_id", q.UserIDs)
	addAll(v, "modified_by", q.ModifiedBy)
	addString(v, "q", q.Text)
	addString(v, "permission", q.Permission)
	addAll(v, "sort", q.Sort)
	q.Paging.values(v)
	return v
}

// GroupPatch changes a group; null clears what may be empty.
type GroupPatch struct {
	Name                   Optional[string]       `json:"name,omitzero"`
	Description            Optional[string]       `json:"description,omitzero"`
	Permissions            Optional[[]Permission] `json:"permissions,omitzero"`
	ExternalSyncIdentifier Optional[string]       `json:"external_sync_identifier,omitzero"`
	Provenance             Optional[string]       `json:"provenance,omitzero"`
	Invitability           Optional[Audience]     `json:"invitability,omitzero"`
	MemberViewability      Optional[Audience]     `json:"member_viewability,omitzero"`
}

// ListGroups lists one page of groups.
func (c *Client) ListGroups(ctx context.Context, q GroupQuery, opts ...ReadOption) (*List[Group], error) {
	return list[Group](ctx, c, directoryPath+"/groups", q.values(), opts)
}

// AllGroups lists groups to the end.
func (c *Client) AllGroups(ctx context.Context, q GroupQuery, opts ...ReadOption) iter.Seq2[Group, error] {
	return all(q.Paging, func(p Paging) (*List[Group], error) {
		q.Paging = p
		return c.ListGroups(ctx, q, opts...)
	})
}

// CreateGroup creates a group, with its first members where they are named.
func (c *Client) CreateGroup(ctx context.Context, g GroupCreate, opts ...WriteOption) (*Outcome[Group], error) {
	return write[Group](ctx, c, post(directoryPath+"/groups", g), opts)
}

// GetGroup reads a group.
func (c *Client) GetGroup(ctx context.Context, id GroupID, opts ...ReadOption) (*Group, error) {
	return read[Group](ctx, c, get(at("groups", id)), opts)
}

// UpdateGroup changes a group.
func (c *Client) UpdateGroup(ctx context.Context, id GroupID, p GroupPatch, opts ...WriteOption) (*Outcome[Group], error) {
	return write[Group](ctx, c, patch(at("groups", id), p), opts)
}

// DeleteGroup ends a group and its memberships; what members hold individually
// stays.
func (c *Client) DeleteGroup(ctx context.Context, id GroupID, opts ...WriteOption) (*Outcome[Gone], error) {
	return write[Gone](ctx, c, del(at("groups", id)), opts)
}

// ListGroupMembers lists one page of a group's memberships.
func (c *Client) ListGroupMembers(ctx context.Context, id GroupID, q MemberQuery, opts ...ReadOption) (*List[Membership], error) {
	return list[Membership](ctx, c, at("groups", id, "members"), q.values(), opts)
}

// AllGroupMembers lists a group's memberships to the end.
func (c *Client) AllGroupMembers(ctx context.Context, id GroupID, q MemberQuery, opts ...ReadOption) iter.Seq2[Membership, error] {
	return all(q.Paging, func(p Paging) (*List[Membership], error) {
		q.Paging = p
		return c.ListGroupMembers(ctx, id, q, opts...)
	})
}

// ReplaceGroupMembers makes these users the only members; none empties the group.
func (c *Client) ReplaceGroupMembers(ctx context.Context, id GroupID, members []UserID, opts ...WriteOption) (*Outcome[Group], error) {
	body := struct {
		MemberIDs []UserID `json:"member_ids"`
	}{orEmpty(members)}
	return write[Group](ctx, c, put(at("groups", id, "members"), body), opts)
}

// orEmpty keeps a list that must be there from being written as null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
