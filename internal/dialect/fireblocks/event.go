package fireblocks

import (
	"strings"

	"github.com/countersign/countersign"
)

// category of everything that a directory records.
const administration = "Administration"

// step is what an audit entry says of a change.
type step int

const (
	submitted step = iota
	approved
	denied
	rejected
	cancelled
	applied     // after approval
	appliedOnce // at once, nobody was asked
)

// vocabulary is what one kind of change is called at each step. The texts are
// those of section 4; where it has none, they are ours and documented.
type vocabulary struct {
	subject string
	event   [appliedOnce + 1]string
}

// words finds the vocabulary of a kind of change.
func words(kind countersign.ChangeKind) vocabulary {
	asked := func(subject, done string) vocabulary {
		return vocabulary{subject, [...]string{"Submitted request", "Approved", "Denied", "Rejected", "Canceled", done, done}}
	}
	switch kind {
	case countersign.KindGroupCreate:
		return vocabulary{"User group", [...]string{
			"Created", "Approved", "Denied", "Rejected", "Canceled change request", "Approved and created", "Approved and created",
		}}
	case countersign.KindGroupUpdate, countersign.KindGroupReplaceMembers,
		countersign.KindMembershipAdd, countersign.KindMembershipUpdate, countersign.KindMembershipRemove:
		return groupChange("Changes in effect", "Edited")
	case countersign.KindGroupDelete:
		return groupChange("Deleted", "Deleted")
	case countersign.KindUserInvite, countersign.KindUserCreateAPIUser, countersign.KindUserCreateAPISigner, countersign.KindUserCreateEndUser:
		return asked("New user", "Added")
	case countersign.KindUserDelete:
		return asked("User", "Deleted")
	case countersign.KindUserSuspend:
		return asked("User", "Deactivated")
	case countersign.KindUserChangeRole:
		return asked("User", "Changed role")
	case countersign.KindPolicyPut, countersign.KindOrganizationSeal:
		return asked("Quorum", "Changed threshold")
	default:
		return wordsOfNoun(asked, kind)
	}
}

// wordsOfNoun are for kinds that the published vocabulary has not heard of; an
// entry without a change founded the organization.
func wordsOfNoun(asked func(subject, done string) vocabulary, kind countersign.ChangeKind) vocabulary {
	switch noun, _, _ := strings.Cut(string(kind), "."); noun {
	case "user":
		return asked("Edit user", "Edited")
	case "":
		return asked("Organization", "Applied")
	default:
		return asked(strings.ToUpper(noun[:1])+noun[1:], "Applied")
	}
}

func groupChange(done, doneAtOnce string) vocabulary {
	return vocabulary{"User group", [...]string{
		"Requested change approval", "Changes approved", "Changes denied", "Changes rejected", "Canceled change request", done, doneAtOnce,
	}}
}
