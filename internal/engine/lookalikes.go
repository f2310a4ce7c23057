package engine

import (
	"strconv"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/roster"
)

// maxNamings bounds how many names of one request are compared with all others.
const maxNamings = 200

// lookalikes finds the names in operations, and the names of whom they are about,
// that could be taken for those of others. Who may not read users or groups is
// not told of theirs.
func (v view) lookalikes(ops []countersign.Change) []roster.Lookalike {
	n := namings{view: v, seen: map[roster.Naming]bool{}}
	for i, op := range ops {
		n.at = "operations." + strconv.Itoa(i) + "."
		n.of(op)
	}
	if len(n.all) == 0 {
		return nil
	}
	return v.picture.Lookalikes(n.all)
}

// namings collects names, each once.
type namings struct {
	view
	at   string
	all  []roster.Naming
	seen map[roster.Naming]bool
}

func (n *namings) add(kind roster.NameKind, field, text, id string) {
	need := countersign.UsersRead
	if kind == roster.GroupName {
		need = countersign.GroupsRead
	}
	// What stands at two places is told of once.
	key := roster.Naming{Kind: kind, Text: text, ID: id}
	if text == "" || len(n.all) == maxNamings || n.seen[key] || !n.holds(need) {
		return
	}
	n.seen[key] = true
	n.all = append(n.all, roster.Naming{Field: n.at + field, Kind: kind, Text: text, ID: id})
}

// user adds the names of a user who is there already.
func (n *namings) user(field string, ids ...countersign.UserID) {
	for _, id := range ids {
		if len(n.all) == maxNamings {
			return
		}
		if u, ok := n.picture.Brief(id, n.now); ok {
			n.add(roster.UserName, field, u.Name, string(id))
			n.add(roster.UserEmail, field, u.Email, string(id))
		}
	}
}

func (n *namings) group(field string, ids ...countersign.GroupID) {
	for _, id := range ids {
		if len(n.all) == maxNamings {
			return
		}
		if g, ok := n.picture.Group(id, n.now); ok {
			n.add(roster.GroupName, field, g.Name, string(id))
		}
	}
}

func (n *namings) membership(id countersign.MembershipID) {
	if m, ok := n.picture.Membership(id, n.now); ok {
		n.user("membership_id", m.UserID)
		n.group("membership_id", m.GroupID)
	}
}

// of adds the names of one operation.
func (n *namings) of(op countersign.Change) {
	switch c := op.(type) {
	case *countersign.InvitePerson:
		n.add(roster.UserName, "name", c.Name, "")
		n.add(roster.UserEmail, "email", c.Email, "")
		n.group("group_ids", c.GroupIDs...)
	case *countersign.CreateAPIUser:
		n.add(roster.UserName, "name", c.Name, "")
		n.user("responsible_person_id", c.ResponsiblePersonID)
		n.group("group_ids", c.GroupIDs...)
	case *countersign.CreateAPISigner:
		n.add(roster.UserName, "name", c.Name, "")
		n.user("responsible_person_id", c.ResponsiblePersonID)
	case *countersign.CreateEndUser:
		n.add(roster.UserName, "name", c.Name, "")
	case *countersign.UpdateUser:
		n.user("user_id", c.UserID)
		n.add(roster.UserName, "name", c.Name.Value, string(c.UserID))
		n.add(roster.UserEmail, "email", c.Email.Value, string(c.UserID))
	case *countersign.CreateGroup:
		n.add(roster.GroupName, "name", c.Name, "")
		n.user("member_ids", c.MemberIDs...)
	case *countersign.UpdateGroup:
		n.group("group_id", c.GroupID)
		n.add(roster.GroupName, "name", c.Name.Value, string(c.GroupID))
	case *countersign.ReplaceMembers:
		n.group("group_id", c.GroupID)
		n.user("member_ids", c.MemberIDs...)
	case *countersign.DeleteGroup:
		n.group("group_id", c.GroupID)
	case *countersign.AddMembership:
		n.user("user_id", c.UserID)
		n.group("group_id", c.GroupID)
	case *countersign.UpdateMembership:
		n.membership(c.MembershipID)
	case *countersign.RemoveMembership:
		n.membership(c.MembershipID)
	default:
		n.ofUser(op)
	}
}

func (n *namings) ofUser(op countersign.Change) {
	n.user("user_id", approval.Subjects(op)...)
	switch c := op.(type) {
	case *countersign.MakeOnboardingCode:
		n.user("user_id", c.UserID)
	case *countersign.RevokeCredential:
		if credential, ok := n.picture.Credential(c.CredentialID); ok {
			n.user("credential_id", credential.UserID)
		}
	}
}
