package engine

import (
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/roster"
)

// governed is what a policy is asked about a batch, for who asked: a voter or a
// reader changes nothing about what a request needs.
func governed(picture *roster.Picture, ops []countersign.Change, requester countersign.UserID) []countersign.Matter {
	var matters []countersign.Matter
	for i, op := range ops {
		switch {
		case op.Kind() == countersign.KindImportBatch: // what opened the import was asked
		case op.Kind() == countersign.KindCredentialCollect, op.Kind() == countersign.KindCredentialRedeem, op.Kind() == countersign.KindUserActivate:
		case op.Kind() == countersign.KindCredentialRevoke && owns(picture, op, requester):
		default:
			matters = append(matters, countersign.Matter{Kind: op.Kind(), User: userTypeOf(picture, ops[:i], op)})
		}
		if open, is := op.(*countersign.OpenImport); is {
			for _, kind := range open.Counts().Kinds() {
				matters = append(matters, countersign.Matter{Kind: kind, User: bornOf(kind)})
			}
		}
	}
	return matters
}

// userTypeOf is the type of the user an operation is about: one whom it creates,
// one who is there, or one whom an operation before it in the batch creates.
func userTypeOf(picture *roster.Picture, before []countersign.Change, op countersign.Change) countersign.UserType {
	if t := bornOf(op.Kind()); t != "" {
		return t
	}
	id := userAbout(picture, op)
	if id == "" {
		return ""
	}
	if account, ok := picture.Account(id); ok {
		return account.Type
	}
	for _, earlier := range before {
		if made, ok := madeBy(earlier); ok && made == id {
			return bornOf(earlier.Kind())
		}
	}
	return ""
}

// bornOf is the type of the users a kind of change creates; empty for none.
func bornOf(kind countersign.ChangeKind) countersign.UserType {
	switch kind {
	case countersign.KindUserInvite:
		return countersign.Person
	case countersign.KindUserCreateAPIUser:
		return countersign.APIUser
	case countersign.KindUserCreateAPISigner:
		return countersign.APISigner
	case countersign.KindUserCreateEndUser:
		return countersign.EndUser
	default:
		return ""
	}
}

func madeBy(op countersign.Change) (countersign.UserID, bool) {
	switch c := op.(type) {
	case *countersign.InvitePerson:
		return c.UserID, true
	case *countersign.CreateAPIUser:
		return c.UserID, true
	case *countersign.CreateAPISigner:
		return c.UserID, true
	case *countersign.CreateEndUser:
		return c.UserID, true
	default:
		return "", false
	}
}

// userAbout is the one user an operation is about, if there is one.
func userAbout(picture *roster.Picture, op countersign.Change) countersign.UserID {
	switch c := op.(type) {
	case *countersign.MakeOnboardingCode:
		return c.UserID
	case *countersign.RevokeCredential:
		credential, _ := picture.Credential(c.CredentialID)
		return credential.UserID
	case *countersign.UpdateMembership:
		return memberOf(picture, c.MembershipID)
	case *countersign.RemoveMembership:
		return memberOf(picture, c.MembershipID)
	default:
		if subjects := approval.Subjects(op); len(subjects) > 0 {
			return subjects[0]
		}
		return ""
	}
}

// memberOf is the user of a stored membership, whenever it counts.
func memberOf(picture *roster.Picture, id countersign.MembershipID) countersign.UserID {
	m, _ := picture.Membership(id, time.Time{})
	return m.UserID
}
