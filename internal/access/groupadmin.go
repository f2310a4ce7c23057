package access

import (
	"slices"

	"github.com/countersign/countersign"
)

// Facts are what the rules of group admins ask about the directory.
type Facts interface {
	// Standing is the actor's membership in an active group that counts now, and
	// false when he has none.
	Standing(id countersign.GroupID) (countersign.Membership, bool)
	// Membership finds a membership that was not removed.
	Membership(id countersign.MembershipID) (countersign.Membership, bool)
	// User finds a living user, and Memberships those of his that count now.
	User(id countersign.UserID) (countersign.User, bool)
	Memberships(id countersign.UserID) []countersign.Membership
}

// Missing reports whether a refusal of Request is only for want of a permission,
// so that being a group admin may make up for it.
func Missing(err error) bool {
	e, ok := err.(*countersign.Error) //nolint:errorlint // as Request made it, not wrapped
	return ok && e.Code == codeMissing
}

// AsGroupAdmin says whether the actor may ask for a change because he is an admin
// of the group it is about, without the permission that it needs otherwise
// (contracts/box.md section 4.1). Of his own groups, and of no other, he may
//
//   - add, alter and remove ordinary members. Who is a group admin, with which
//     switches, is not his to say: nobody widens his own powers or passes them on;
//   - change what a group says of itself, but not what it grants;
//   - with can_create_accounts, invite people of role none into them;
//   - with can_edit_accounts, change name and contact data of ordinary members who
//     have no rights of their own. An email opens accounts and is not among them.
//
// The other two switches have no operation here. Policy asks of his changes what
// it asks of everybody's.
func AsGroupAdmin(f Facts, change countersign.Change) bool {
	switch c := change.(type) {
	case *countersign.AddMembership:
		return administers(f, c.GroupID) && c.Role != countersign.GroupAdmin
	case *countersign.UpdateMembership:
		return ordinary(f, c.MembershipID) && (!c.Role.Set || c.Role.Value == countersign.GroupMember)
	case *countersign.RemoveMembership:
		return ordinary(f, c.MembershipID)
	case *countersign.UpdateGroup:
		return administers(f, c.GroupID) && !c.Permissions.Set
	case *countersign.InvitePerson:
		return mayInvite(f, c)
	case *countersign.UpdateUser:
		return mayEdit(f, c)
	default:
		return false
	}
}

func administers(f Facts, id countersign.GroupID) bool {
	m, ok := f.Standing(id)
	return ok && m.Role == countersign.GroupAdmin
}

// ordinary reports whether a membership is that of an ordinary member in a group
// which the actor administers.
func ordinary(f Facts, id countersign.MembershipID) bool {
	m, ok := f.Membership(id)
	return ok && m.Role == countersign.GroupMember && administers(f, m.GroupID)
}

// contactData are the entries of a profile that say how to reach somebody: none
// of them loosens a check or widens an account.
func contactData() []string {
	return []string{
		countersign.ProfileAddress, countersign.ProfileJobTitle, countersign.ProfileLanguage, countersign.ProfilePhone,
		countersign.ProfileTelegramChatID, countersign.ProfileTimezone,
	}
}

func onlyContactData(p countersign.Profile) bool {
	for name := range p {
		if !slices.Contains(contactData(), name) {
			return false
		}
	}
	return true
}

func mayInvite(f Facts, c *countersign.InvitePerson) bool {
	if c.Role != countersign.RoleNone || len(c.GroupIDs) == 0 || !onlyContactData(c.Profile) {
		return false
	}
	for _, id := range c.GroupIDs {
		if m, ok := f.Standing(id); !ok || m.Role != countersign.GroupAdmin || !m.Configurable.CreateAccounts {
			return false
		}
	}
	return true
}

func mayEdit(f Facts, c *countersign.UpdateUser) bool {
	if c.Email.Set || c.ExternalID.Set || c.AllowedIPs.Set || c.ResponsiblePersonID.Set || c.Profile.Null || !onlyContactData(c.Profile.Value) {
		return false
	}
	u, ok := f.User(c.UserID)
	if !ok || u.Type != countersign.Person || u.Role != countersign.RoleNone || len(u.Permissions) > 0 {
		return false
	}
	return slices.ContainsFunc(f.Memberships(c.UserID), func(his countersign.Membership) bool {
		mine, ok := f.Standing(his.GroupID)
		return his.Role == countersign.GroupMember && ok && mine.Role == countersign.GroupAdmin && mine.Configurable.EditAccounts
	})
}

// SeeMembers says whether the actor may list who is in a group: with
// memberships.read, as its admin, or as far as the group lets its members or
// everybody see them (contracts/box.md section 2). in is false for who is no
// member.
func SeeMembers(holds Holder, level countersign.Audience, standing countersign.Membership, in bool) bool {
	switch {
	case holds(countersign.MembershipsRead), in && standing.Role == countersign.GroupAdmin:
		return true
	case level == countersign.AllManagedUsers:
		return true
	default:
		return level == countersign.AdminsAndMembers && in
	}
}
