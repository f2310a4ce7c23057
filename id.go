package countersign

import "strings"

// Ids are UUIDs (version 7 when made here), lower case with hyphens. Types keep
// a group id from being passed where a user id belongs.
type (
	// OrganizationID names an organization.
	OrganizationID string
	// UserID names a user of any type.
	UserID string
	// GroupID names a group.
	GroupID string
	// MembershipID names a membership.
	MembershipID string
	// CredentialID names a credential.
	CredentialID string
	// ChangeID names a submitted change: the change request it became, whether
	// it was applied at once or held.
	ChangeID string
)

const uuidLength = 36

// ParseUUID returns s in lower case, or an Invalid error that names field.
// Only the 36 character form with hyphens is accepted.
func ParseUUID(field, s string) (string, error) {
	if len(s) != uuidLength {
		return "", E(Invalid, field, "must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")
	}
	s = strings.ToLower(s)
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return "", E(Invalid, field, "must be a UUID with hyphens after 8, 12, 16 and 20 digits")
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return "", E(Invalid, field, "must be a UUID: only hexadecimal digits and hyphens")
			}
		}
	}
	return s, nil
}

// checkID validates an id that a change refers to.
func checkID[T ~string](field string, id T) error {
	if id == "" {
		return E(Invalid, field, "is required")
	}
	parsed, err := ParseUUID(field, string(id))
	if err != nil {
		return err
	}
	if parsed != string(id) {
		return E(Invalid, field, "must be written in lower case")
	}
	return nil
}
