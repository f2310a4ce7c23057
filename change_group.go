package countersign

import (
	"strings"
	"time"
)

// CreateGroup creates a group, its permissions and its first members, all
// ordinary ones.
type CreateGroup struct {
	GroupID                GroupID      `json:"group_id,omitzero"` // allotted
	Number                 int64        `json:"number,omitzero"`   // allotted
	Name                   string       `json:"name"`
	Description            string       `json:"description,omitzero"`
	Permissions            []Permission `json:"permissions,omitzero"`
	ExternalSyncIdentifier string       `json:"external_sync_identifier,omitzero"`
	Provenance             string       `json:"provenance,omitzero"`
	Invitability           Audience     `json:"invitability,omitzero"`
	MemberViewability      Audience     `json:"member_viewability,omitzero"`
	MemberIDs              []UserID     `json:"member_ids,omitzero"`
	// Memberships are the ids of the members' memberships, one for each of MemberIDs.
	Memberships []AllottedMembership `json:"memberships,omitzero"` // allotted
}

// AllottedMembership carries the id and number a membership gets when the
// change that implies it is applied.
type AllottedMembership struct {
	UserID       UserID       `json:"user_id"`
	GroupID      GroupID      `json:"group_id"`
	MembershipID MembershipID `json:"membership_id"`
	Number       int64        `json:"number"`
}

// Kind returns KindGroupCreate.
func (*CreateGroup) Kind() ChangeKind { return KindGroupCreate }

// Validate checks the shape.
func (c *CreateGroup) Validate() error {
	return firstError(
		checkText("name", c.Name, MaxNameLength, true),
		checkText("description", c.Description, MaxDescriptionLength, false),
		checkPermissions(c.Permissions),
		checkText("external_sync_identifier", c.ExternalSyncIdentifier, MaxExternalIDLength, false),
		checkText("provenance", c.Provenance, MaxExternalIDLength, false),
		checkAudience("invitability", c.Invitability),
		checkAudience("member_viewability", c.MemberViewability),
		checkIDs("member_ids", c.MemberIDs, MaxMembersPerOperation),
	)
}

// UpdateGroup changes a group; absent fields keep their value. Null clears
// description, external_sync_identifier and provenance.
type UpdateGroup struct {
	GroupID                GroupID           `json:"group_id"`
	Name                   Opt[string]       `json:"name,omitzero"`
	Description            Opt[string]       `json:"description,omitzero"`
	Permissions            Opt[[]Permission] `json:"permissions,omitzero"`
	ExternalSyncIdentifier Opt[string]       `json:"external_sync_identifier,omitzero"`
	Provenance             Opt[string]       `json:"provenance,omitzero"`
	Invitability           Opt[Audience]     `json:"invitability,omitzero"`
	MemberViewability      Opt[Audience]     `json:"member_viewability,omitzero"`
}

// Kind returns KindGroupUpdate.
func (*UpdateGroup) Kind() ChangeKind { return KindGroupUpdate }

// Validate checks the shape; something must be named.
func (c *UpdateGroup) Validate() error {
	if !c.Name.Set && !c.Description.Set && !c.Permissions.Set && !c.ExternalSyncIdentifier.Set &&
		!c.Provenance.Set && !c.Invitability.Set && !c.MemberViewability.Set {
		return E(Invalid, "", "names nothing to change")
	}
	if c.Permissions.Null {
		return E(Invalid, "permissions", "must be a list; an empty list takes all away")
	}
	if c.Name.Set {
		if err := checkText("name", c.Name.Value, MaxNameLength, true); err != nil {
			return err
		}
	}
	return firstError(
		checkID("group_id", c.GroupID),
		checkText("description", c.Description.Value, MaxDescriptionLength, false),
		checkPermissions(c.Permissions.Value),
		checkText("external_sync_identifier", c.ExternalSyncIdentifier.Value, MaxExternalIDLength, false),
		checkText("provenance", c.Provenance.Value, MaxExternalIDLength, false),
		checkGivenAudience("invitability", c.Invitability),
		checkGivenAudience("member_viewability", c.MemberViewability),
	)
}

// ReplaceMembers makes the named users the only members. Who stays keeps role,
// configuration and dates; who is new becomes an ordinary member.
type ReplaceMembers struct {
	GroupID   GroupID  `json:"group_id"`
	MemberIDs []UserID `json:"member_ids"`
	// Memberships are the ids of those who are new. Who is new cannot change
	// while the request is open: it relies on the group's members.
	Memberships []AllottedMembership `json:"memberships,omitzero"` // allotted
}

// Kind returns KindGroupReplaceMembers.
func (*ReplaceMembers) Kind() ChangeKind { return KindGroupReplaceMembers }

// Validate checks the shape; the list may be empty but must be given.
func (c *ReplaceMembers) Validate() error {
	if c.MemberIDs == nil {
		return E(Invalid, "member_ids", "is required; an empty list removes everyone")
	}
	return firstError(checkID("group_id", c.GroupID), checkIDs("member_ids", c.MemberIDs, MaxMembersPerOperation))
}

// DeleteGroup ends a group and its memberships; individual permissions of its
// members stay.
type DeleteGroup struct {
	GroupID GroupID `json:"group_id"`
}

// Kind returns KindGroupDelete.
func (*DeleteGroup) Kind() ChangeKind { return KindGroupDelete }

// Validate checks the shape.
func (c *DeleteGroup) Validate() error { return checkID("group_id", c.GroupID) }

// AddMembership puts a person or API user into a group.
type AddMembership struct {
	MembershipID MembershipID   `json:"membership_id,omitzero"` // allotted
	Number       int64          `json:"number,omitzero"`        // allotted
	UserID       UserID         `json:"user_id"`
	GroupID      GroupID        `json:"group_id"`
	Role         MembershipRole `json:"role,omitzero"`
	// Configurable follows ResolveConfigurable.
	Configurable Opt[map[string]bool] `json:"configurable_permissions,omitzero"`
	StartsAt     Opt[time.Time]       `json:"starts_at,omitzero"`
	ExpiresAt    Opt[time.Time]       `json:"expires_at,omitzero"`
}

// Kind returns KindMembershipAdd.
func (*AddMembership) Kind() ChangeKind { return KindMembershipAdd }

// Validate checks the shape; an empty role means member.
func (c *AddMembership) Validate() error {
	return firstError(
		checkID("user_id", c.UserID), checkID("group_id", c.GroupID),
		checkMembershipRole("role", c.Role), checkConfigurable("configurable_permissions", c.Configurable),
		checkTerm(c.StartsAt, c.ExpiresAt),
	)
}

// UpdateMembership changes role, switches or term of a membership; absent
// fields keep their value, a null date removes the bound.
type UpdateMembership struct {
	MembershipID MembershipID         `json:"membership_id"`
	Role         Opt[MembershipRole]  `json:"role,omitzero"`
	Configurable Opt[map[string]bool] `json:"configurable_permissions,omitzero"`
	StartsAt     Opt[time.Time]       `json:"starts_at,omitzero"`
	ExpiresAt    Opt[time.Time]       `json:"expires_at,omitzero"`
}

// Kind returns KindMembershipUpdate.
func (*UpdateMembership) Kind() ChangeKind { return KindMembershipUpdate }

// Validate checks the shape; something must be named.
func (c *UpdateMembership) Validate() error {
	if !c.Role.Set && !c.Configurable.Set && !c.StartsAt.Set && !c.ExpiresAt.Set {
		return E(Invalid, "", "names nothing to change")
	}
	if c.Role.Set && c.Role.Value == "" {
		return E(Invalid, "role", "must be member or admin")
	}
	return firstError(
		checkID("membership_id", c.MembershipID), checkMembershipRole("role", c.Role.Value),
		checkConfigurable("configurable_permissions", c.Configurable), checkTerm(c.StartsAt, c.ExpiresAt),
	)
}

// RemoveMembership takes a user out of a group.
type RemoveMembership struct {
	MembershipID MembershipID `json:"membership_id"`
}

// Kind returns KindMembershipRemove.
func (*RemoveMembership) Kind() ChangeKind { return KindMembershipRemove }

// Validate checks the shape.
func (c *RemoveMembership) Validate() error { return checkID("membership_id", c.MembershipID) }

func checkAudience(field string, a Audience) error {
	switch a {
	case "", AdminsOnly, AdminsAndMembers, AllManagedUsers:
		return nil
	default:
		return E(Invalid, field, "must be admins_only, admins_and_members or all_managed_users")
	}
}

func checkGivenAudience(field string, a Opt[Audience]) error {
	if a.Set && a.Value == "" {
		return E(Invalid, field, "must be admins_only, admins_and_members or all_managed_users")
	}
	return checkAudience(field, a.Value)
}

func checkMembershipRole(field string, r MembershipRole) error {
	switch r {
	case "", GroupMember, GroupAdmin:
		return nil
	default:
		return E(Invalid, field, "must be member or admin")
	}
}

func checkConfigurable(field string, given Opt[map[string]bool]) error {
	known := AllConfigurable().Map()
	for key := range given.Value {
		if _, ok := known[key]; !ok {
			return E(Invalid, field, "has the unknown key "+quoted(key)+"; known are can_create_accounts, can_edit_accounts, can_run_reports, can_instant_login")
		}
	}
	return nil
}

// quoted shortens hostile input before it goes into a message.
func quoted(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return "\"" + s + "\""
}

func checkTerm(starts, expires Opt[time.Time]) error {
	for field, t := range map[string]Opt[time.Time]{"starts_at": starts, "expires_at": expires} {
		if t.Set && !t.Null && (t.Value.Year() < 1970 || t.Value.Year() > 9999) {
			return E(Invalid, field, "must be a time between 1970 and 9999")
		}
	}
	if starts.Set && expires.Set && !starts.Null && !expires.Null && !starts.Value.Before(expires.Value) {
		return E(Invalid, "expires_at", "must be after starts_at")
	}
	return nil
}
