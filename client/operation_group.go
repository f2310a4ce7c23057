package client

import "time"

// GroupCreate creates a group.
type GroupCreate struct {
	Name                   string       `json:"name"`
	Description            string       `json:"description,omitzero"`
	Permissions            []Permission `json:"permissions,omitempty"`
	ExternalSyncIdentifier string       `json:"external_sync_identifier,omitzero"`
	Provenance             string       `json:"provenance,omitzero"`
	Invitability           Audience     `json:"invitability,omitzero"`
	MemberViewability      Audience     `json:"member_viewability,omitzero"`
	MemberIDs              []UserID     `json:"member_ids,omitempty"`
}

// GroupUpdate changes a group.
type GroupUpdate struct {
	GroupID GroupID `json:"group_id"`
	GroupPatch
}

// GroupReplaceMembers makes these the only members.
type GroupReplaceMembers struct {
	GroupID   GroupID  `json:"group_id"`
	MemberIDs []UserID `json:"member_ids"` // an empty list empties the group; nil is refused
}

// GroupDelete ends a group.
type GroupDelete struct {
	GroupID GroupID `json:"group_id"`
}

// MembershipAdd puts a user into a group.
type MembershipAdd struct {
	UserID  UserID         `json:"user_id"`
	GroupID GroupID        `json:"group_id"`
	Role    MembershipRole `json:"role,omitzero"`
	// ConfigurablePermissions of a group admin: absent leaves all on, null turns all
	// off.
	ConfigurablePermissions Optional[ConfigurableSwitches] `json:"configurable_permissions,omitzero"`
	StartsAt                time.Time                      `json:"starts_at,omitzero"`
	ExpiresAt               time.Time                      `json:"expires_at,omitzero"`
}

// MembershipUpdate changes role, switches or term.
type MembershipUpdate struct {
	MembershipID MembershipID `json:"membership_id"`
	MembershipPatch
}

// MembershipRemove takes a user out of a group.
type MembershipRemove struct {
	MembershipID MembershipID `json:"membership_id"`
}

// Kind returns "group.create".
func (GroupCreate) Kind() string { return "group.create" }

// Kind returns "group.update".
func (GroupUpdate) Kind() string { return "group.update" }

// Kind returns "group.replace_members".
func (GroupReplaceMembers) Kind() string { return "group.replace_members" }

// Kind returns "group.delete".
func (GroupDelete) Kind() string { return "group.delete" }

// Kind returns "membership.add".
func (MembershipAdd) Kind() string { return "membership.add" }

// Kind returns "membership.update".
func (MembershipUpdate) Kind() string { return "membership.update" }

// Kind returns "membership.remove".
func (MembershipRemove) Kind() string { return "membership.remove" }
