package box

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
)

// The constants of section 0.3.
const (
	typeMembership   = "group_membership"
	typeGroup        = "group"
	typeUser         = "user"
	typeEnterprise   = "enterprise"
	typeTrackingCode = "tracking_code"
	managedGroup     = "managed_group"
)

// moment is a time with an offset and whole seconds (section 0).
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-07:00") }

// orNull is a text that is null when it is empty.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// boxID is an id in a body: decimal digits in text, or a number, as callers
// without types send it (section 1).
type boxID int64

// UnmarshalJSONFrom reads the id.
func (id *boxID) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	text := string(value)
	if value.Kind() == '"' {
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return err
		}
		text = string(unquoted)
	}
	n, ok := parseNumber(text)
	if !ok {
		return countersign.E(countersign.Invalid, "", "must be an id: decimal digits in quotes")
	}
	*id = boxID(n)
	return nil
}

// reference is a nested object that names something by its id.
type reference struct {
	ID *boxID `json:"id"`
}

// userRef is a user as memberships show him.
func userRef(number int64, name, email string) object {
	return object{
		{"type", inBase, typeUser}, {"id", inBase, numberText(number)}, {"name", inMini, name}, {"login", inMini, orNull(email)},
	}
}

func groupRef(number int64, name string) object {
	return object{
		{"type", inBase, typeGroup}, {"id", inBase, numberText(number)}, {"name", inMini, name}, {"group_type", inMini, managedGroup},
	}
}

// membershipObject is a membership in full.
func membershipObject(m *countersign.MembershipView) object {
	var switches any
	if m.Role == countersign.GroupAdmin {
		on := m.Configurable.Map()
		list := make(object, 0, len(on))
		for _, key := range countersign.ConfigurableKeys() {
			list = append(list, member{key, inBase, on[key]})
		}
		switches = list
	}
	return object{
		{"type", inBase, typeMembership},
		{"id", inBase, numberText(m.Number)},
		{"user", inStandard, userRef(m.UserNumber, m.UserName, m.UserEmail)},
		{"group", inStandard, groupRef(m.GroupNumber, m.GroupName)},
		{"role", inStandard, string(m.Role)},
		{"configurable_permissions", inStandard, switches},
		{"created_at", inStandard, moment(m.CreatedAt)},
		{"modified_at", inStandard, moment(m.ModifiedAt)},
	}
}

// listedMembership is a membership as lists show it, which leave the switches
// out unless asked.
func listedMembership(m *countersign.MembershipView) object {
	o := membershipObject(m)
	for i := range o {
		if o[i].name == "configurable_permissions" {
			o[i].level = inFull
		}
	}
	return o
}

// groupObject is a group in full.
func groupObject(g *countersign.Group, mayInvite bool) object {
	return append(groupRef(g.Number, g.Name), object{
		{"created_at", inStandard, moment(g.CreatedAt)},
		{"modified_at", inStandard, moment(g.ModifiedAt)},
		{"provenance", inFull, orNull(g.Provenance)},
		{"external_sync_identifier", inFull, orNull(g.ExternalSyncIdentifier)},
		{"description", inFull, g.Description},
		{"invitability_level", inFull, string(g.Invitability)},
		{"member_viewability_level", inFull, string(g.MemberViewability)},
		{"permissions", inFull, object{{"can_invite_as_collaborator", inBase, mayInvite}}},
	}...)
}
