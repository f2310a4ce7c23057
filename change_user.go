package countersign

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// InvitePerson creates a person who still has to enrol (state
// onboarding_pending_code_generation), already a member of the named groups.
type InvitePerson struct {
	UserID UserID `json:"user_id,omitzero"` // allotted
	Number int64  `json:"number,omitzero"`  // allotted
	Name   string `json:"name"`
	Email  string `json:"email"`
	Role   Role   `json:"role"`
	// Profile is what other systems keep about him.
	Profile Profile `json:"profile,omitzero"`
	// GroupIDs the person joins as an ordinary member.
	GroupIDs []GroupID `json:"group_ids,omitzero"`
	// Memberships are the ids of those memberships, one for each of GroupIDs.
	Memberships []AllottedMembership `json:"memberships,omitzero"` // allotted
}

// Kind returns KindUserInvite.
func (*InvitePerson) Kind() ChangeKind { return KindUserInvite }

// Validate checks the shape of the invitation.
func (c *InvitePerson) Validate() error {
	return firstError(
		checkText("name", c.Name, MaxNameLength, true),
		checkEmail("email", c.Email),
		checkRole("role", Person, c.Role),
		c.Profile.validate("profile"),
		checkIDs("group_ids", c.GroupIDs, MaxOperations),
	)
}

// CreateAPIUser creates an API user, active at once. Its credentials are
// changes of their own.
type CreateAPIUser struct {
	UserID              UserID       `json:"user_id,omitzero"` // allotted
	Number              int64        `json:"number,omitzero"`  // allotted
	Name                string       `json:"name"`
	Role                Role         `json:"role"`
	ResponsiblePersonID UserID       `json:"responsible_person_id"`
	Permissions         []Permission `json:"permissions,omitzero"`
	AllowedIPs          []string     `json:"allowed_ips,omitzero"`
	GroupIDs            []GroupID    `json:"group_ids,omitzero"`
	// Memberships are the ids of those memberships, one for each of GroupIDs.
	Memberships []AllottedMembership `json:"memberships,omitzero"` // allotted
}

// Kind returns KindUserCreateAPIUser.
func (*CreateAPIUser) Kind() ChangeKind { return KindUserCreateAPIUser }

// Validate checks the shape; an API user is never admin and has a responsible person.
func (c *CreateAPIUser) Validate() error {
	return firstError(
		checkText("name", c.Name, MaxNameLength, true),
		checkRole("role", APIUser, c.Role),
		checkID("responsible_person_id", c.ResponsiblePersonID),
		checkPermissions(c.Permissions),
		checkAllowedIPs("allowed_ips", c.AllowedIPs),
		checkIDs("group_ids", c.GroupIDs, MaxOperations),
	)
}

// CreateAPISigner creates a signing device identity, which enrols by code.
type CreateAPISigner struct {
	UserID              UserID `json:"user_id,omitzero"` // allotted
	Number              int64  `json:"number,omitzero"`  // allotted
	Name                string `json:"name"`
	ResponsiblePersonID UserID `json:"responsible_person_id"`
}

// Kind returns KindUserCreateAPISigner.
func (*CreateAPISigner) Kind() ChangeKind { return KindUserCreateAPISigner }

// Validate checks the shape.
func (c *CreateAPISigner) Validate() error {
	return firstError(
		checkText("name", c.Name, MaxNameLength, true),
		checkID("responsible_person_id", c.ResponsiblePersonID),
	)
}

// CreateEndUser creates an end user: a customer of the customer, without role
// or groups, active at once.
type CreateEndUser struct {
	UserID     UserID `json:"user_id,omitzero"` // allotted
	Number     int64  `json:"number,omitzero"`  // allotted
	ExternalID string `json:"external_id"`
	Name       string `json:"name,omitzero"`
}

// Kind returns KindUserCreateEndUser.
func (*CreateEndUser) Kind() ChangeKind { return KindUserCreateEndUser }

// Validate checks the shape.
func (c *CreateEndUser) Validate() error {
	return firstError(
		checkText("external_id", c.ExternalID, MaxExternalIDLength, true),
		checkText("name", c.Name, MaxNameLength, false),
	)
}

// UpdateUser changes attributes; absent fields keep their value.
type UpdateUser struct {
	UserID              UserID        `json:"user_id"`
	Name                Opt[string]   `json:"name,omitzero"`
	Email               Opt[string]   `json:"email,omitzero"`
	ExternalID          Opt[string]   `json:"external_id,omitzero"`
	AllowedIPs          Opt[[]string] `json:"allowed_ips,omitzero"`
	ResponsiblePersonID Opt[UserID]   `json:"responsible_person_id,omitzero"`
	// Profile puts entries in; an empty one takes its entry out, null all of them.
	Profile Opt[Profile] `json:"profile,omitzero"`
}

// Kind returns KindUserUpdate.
func (*UpdateUser) Kind() ChangeKind { return KindUserUpdate }

// Validate checks the shape; whether a field suits the user's type is decided
// when the user is known.
func (c *UpdateUser) Validate() error {
	if !c.Name.Set && !c.Email.Set && !c.ExternalID.Set && !c.AllowedIPs.Set && !c.ResponsiblePersonID.Set && !c.Profile.Set {
		return E(Invalid, "", "names nothing to change")
	}
	err := firstError(checkID("user_id", c.UserID), checkAllowedIPs("allowed_ips", c.AllowedIPs.Value), c.Profile.Value.validate("profile"))
	if err == nil && c.Name.Set {
		err = checkText("name", c.Name.Value, MaxNameLength, true)
	}
	if err == nil && c.Email.Set {
		err = checkEmail("email", c.Email.Value)
	}
	if err == nil && c.ExternalID.Set {
		err = checkText("external_id", c.ExternalID.Value, MaxExternalIDLength, true)
	}
	if err == nil && c.ResponsiblePersonID.Set {
		err = checkID("responsible_person_id", c.ResponsiblePersonID.Value)
	}
	return err
}

// ChangeRole gives a person or API user another role.
type ChangeRole struct {
	UserID UserID `json:"user_id"`
	Role   Role   `json:"role"`
}

// Kind returns KindUserChangeRole.
func (*ChangeRole) Kind() ChangeKind { return KindUserChangeRole }

// Validate checks the shape.
func (c *ChangeRole) Validate() error {
	return firstError(checkID("user_id", c.UserID), checkRole("role", Person, c.Role))
}

// GrantPermissions adds to a user's individual permissions.
type GrantPermissions struct {
	UserID      UserID       `json:"user_id"`
	Permissions []Permission `json:"permissions"`
}

// Kind returns KindUserGrant.
func (*GrantPermissions) Kind() ChangeKind { return KindUserGrant }

// Validate checks the shape; at least one permission is named.
func (c *GrantPermissions) Validate() error { return checkGrant(c.UserID, c.Permissions) }

// RevokePermissions takes from a user's individual permissions.
type RevokePermissions struct {
	UserID      UserID       `json:"user_id"`
	Permissions []Permission `json:"permissions"`
}

// Kind returns KindUserRevoke.
func (*RevokePermissions) Kind() ChangeKind { return KindUserRevoke }

// Validate checks the shape; at least one permission is named.
func (c *RevokePermissions) Validate() error { return checkGrant(c.UserID, c.Permissions) }

func checkGrant(id UserID, list []Permission) error {
	if len(list) == 0 {
		return E(Invalid, "permissions", "must name at least one permission")
	}
	return firstError(checkID("user_id", id), checkPermissions(list))
}

// SetPermissions replaces a user's individual permissions.
type SetPermissions struct {
	UserID      UserID       `json:"user_id"`
	Permissions []Permission `json:"permissions"`
}

// Kind returns KindUserSetPermissions.
func (*SetPermissions) Kind() ChangeKind { return KindUserSetPermissions }

// Validate checks the shape; the list may be empty but must be given.
func (c *SetPermissions) Validate() error {
	if c.Permissions == nil {
		return E(Invalid, "permissions", "is required; an empty list takes all away")
	}
	return firstError(checkID("user_id", c.UserID), checkPermissions(c.Permissions))
}

// MakeOnboardingCode makes the one-use code by which an invited or reset user
// enrols; the user's state becomes the matching pending_activation. An earlier
// code stops working.
type MakeOnboardingCode struct {
	UserID       UserID       `json:"user_id"`
	CredentialID CredentialID `json:"credential_id,omitzero"` // allotted
}

// Kind returns KindUserOnboardingCode.
func (*MakeOnboardingCode) Kind() ChangeKind { return KindUserOnboardingCode }

// Validate checks the shape.
func (c *MakeOnboardingCode) Validate() error { return checkID("user_id", c.UserID) }

// ActivateUser is what redeeming an onboarding code does: the code is spent,
// the user becomes active, and receives a token of his own. Submitted only by
// the redemption endpoint.
type ActivateUser struct {
	UserID       UserID       `json:"user_id"`
	CodeID       CredentialID `json:"code_id"`
	CredentialID CredentialID `json:"credential_id,omitzero"` // allotted
	Label        string       `json:"label,omitzero"`
}

// Kind returns KindUserActivate.
func (*ActivateUser) Kind() ChangeKind { return KindUserActivate }

// Validate checks the shape.
func (c *ActivateUser) Validate() error {
	return firstError(checkID("user_id", c.UserID), checkID("code_id", c.CodeID), checkText("label", c.Label, MaxNameLength, false))
}

// ResetDevice revokes every credential of an active user and lets him enrol anew.
type ResetDevice struct {
	UserID UserID `json:"user_id"`
}

// Kind returns KindUserResetDevice.
func (*ResetDevice) Kind() ChangeKind { return KindUserResetDevice }

// Validate checks the shape.
func (c *ResetDevice) Validate() error { return checkID("user_id", c.UserID) }

// SuspendUser takes every permission from a user without forgetting them.
type SuspendUser struct {
	UserID UserID `json:"user_id"`
}

// Kind returns KindUserSuspend.
func (*SuspendUser) Kind() ChangeKind { return KindUserSuspend }

// Validate checks the shape.
func (c *SuspendUser) Validate() error { return checkID("user_id", c.UserID) }

// ReactivateUser ends a suspension.
type ReactivateUser struct {
	UserID UserID `json:"user_id"`
}

// Kind returns KindUserReactivate.
func (*ReactivateUser) Kind() ChangeKind { return KindUserReactivate }

// Validate checks the shape.
func (c *ReactivateUser) Validate() error { return checkID("user_id", c.UserID) }

// DeleteUser ends a user: memberships and credentials go, the row stays readable.
type DeleteUser struct {
	UserID UserID `json:"user_id"`
}

// Kind returns KindUserDelete.
func (*DeleteUser) Kind() ChangeKind { return KindUserDelete }

// Validate checks the shape.
func (c *DeleteUser) Validate() error { return checkID("user_id", c.UserID) }

// checkText bounds a text and refuses what cannot be shown: invalid UTF-8,
// control characters. Unicode rules that need tables stand in internal/names.
func checkText(field, s string, limit int, required bool) error {
	switch {
	case required && strings.TrimSpace(s) == "":
		return E(Invalid, field, "is required")
	case len(s) > limit:
		return &Error{Kind: Invalid, Code: "too_long", Field: field, Message: "is too long; see the limits in the API document"}
	case !utf8.ValidString(s):
		return E(Invalid, field, "must be valid UTF-8")
	case strings.IndexFunc(s, unicode.IsControl) >= 0:
		return E(Invalid, field, "must not contain control characters")
	}
	return nil
}

// checkProse is checkText for reasons and comments, which may have lines.
func checkProse(field, s string) error {
	plain := strings.NewReplacer("\n", " ", "\t", " ", "\r", " ").Replace(s)
	return checkText(field, plain, MaxReasonLength, false)
}

// checkEmail asks for one @ with something on both sides and no blanks; whether
// mail arrives there only mail can tell.
func checkEmail(field, s string) error {
	if err := checkText(field, s, MaxEmailLength, true); err != nil {
		return err
	}
	local, domain, found := strings.Cut(s, "@")
	if !found || local == "" || domain == "" || strings.ContainsAny(domain, "@") || strings.IndexFunc(s, unicode.IsSpace) >= 0 ||
		strings.ContainsAny(s, "<>,;\"\\") || strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") {
		return E(Invalid, field, "must be an email address such as ada@example.org")
	}
	return nil
}

func checkAllowedIPs(field string, list []string) error {
	if len(list) > MaxAllowedIPs {
		return E(Invalid, field, "must hold at most 100 addresses")
	}
	for _, s := range list {
		if _, err := ParseAllowedIP(field, s); err != nil {
			return err
		}
	}
	return nil
}

// ParseAllowedIP reads an address or prefix and returns it in canonical form.
func ParseAllowedIP(field, s string) (netip.Prefix, error) {
	if prefix, err := netip.ParsePrefix(s); err == nil {
		return prefix.Masked(), nil
	}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	return netip.Prefix{}, E(Invalid, field, "must be an IP address or a prefix such as 192.0.2.0/24")
}

func checkIDs[T ~string](field string, ids []T, limit int) error {
	if len(ids) > limit {
		return &Error{Kind: Invalid, Code: "too_many", Field: field, Message: "names too many ids; see the limits in the API document"}
	}
	seen := make(map[T]bool, len(ids))
	for _, id := range ids {
		if err := checkID(field, id); err != nil {
			return err
		}
		if seen[id] {
			return E(Invalid, field, "names "+string(id)+" twice")
		}
		seen[id] = true
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
