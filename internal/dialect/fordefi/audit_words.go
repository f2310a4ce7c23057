package fordefi

import (
	"fmt"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// recordID makes an id of UUID shape (version 8) for an entry, the same each time:
// half of it is from the organization's, half is the index.
func recordID(org countersign.OrganizationID, index int64) string {
	digits := strings.ReplaceAll(string(org), "-", "")
	if len(digits) != 32 {
		digits = strings.Repeat("0", 32)
	}
	own := digits[16:28]
	return fmt.Sprintf("%s-%s-8%s-a%03x-%012x", own[:8], own[8:12], digits[29:32], index>>48&0xfff, index&0xffff_ffff_ffff)
}

// categoryOf finds the published word for a kind of change; an entry without a
// change founded the organization.
func categoryOf(kind countersign.ChangeKind) string {
	switch noun, _, _ := strings.Cut(string(kind), "."); noun {
	case "user", "import":
		return "user_management"
	case "group", "membership":
		return "user_group"
	case "credential":
		return "authentication"
	case "permission":
		return "policy"
	default:
		return "quorum_threshold"
	}
}

// actionOf says what was done, in the manner of the published "Create webhook".
func actionOf(r *record, of told) string {
	verb := verbOf(of.kind)
	switch {
	case r.leaf.Attempt.Count > 0:
		return fmt.Sprintf("Refused: %d more attempts", r.leaf.Attempt.Count)
	case r.entry.Kind == countersign.EntryRefused:
		return "Refused: " + verb
	case r.entry.Kind == countersign.EntryGenesis || of.kind == "":
		return "Create organization"
	case r.entry.Kind == countersign.EntrySubmitted:
		return "Request approval: " + verb
	case r.entry.Kind == countersign.EntryVote && r.leaf.Approval.Decision == countersign.Deny:
		return "Deny: " + verb
	case r.entry.Kind == countersign.EntryVote:
		return "Approve: " + verb
	case r.entry.Kind == countersign.EntryClosed:
		return "Abort (" + string(r.leaf.Change.State) + "): " + verb
	case of.held:
		return "Apply: " + verb
	default:
		return verb
	}
}

// verbOf turns noun.verb into words: group.replace_members is "Replace members of
// user group".
func verbOf(kind countersign.ChangeKind) string {
	noun, verb, _ := strings.Cut(string(kind), ".")
	switch kind {
	case countersign.KindUserCreateAPIUser:
		return "Create API user"
	case countersign.KindUserCreateAPISigner:
		return "Create API signer"
	case countersign.KindUserCreateEndUser:
		return "Create end user"
	case countersign.KindUserChangeRole:
		return "Change user role"
	case countersign.KindUserOnboardingCode:
		return "Create onboarding code"
	case countersign.KindUserResetDevice:
		return "Reset user device"
	case countersign.KindGroupReplaceMembers:
		return "Replace members of user group"
	case countersign.KindMembershipAdd:
		return "Add user to user group"
	case countersign.KindMembershipRemove:
		return "Remove user from user group"
	default:
	}
	if noun == "group" {
		noun = "user group"
	}
	verb = strings.ReplaceAll(verb, "_", " ")
	if verb == "" {
		return ""
	}
	return strings.ToUpper(verb[:1]) + verb[1:] + " " + noun
}

// describe is a sentence about an entry.
func describe(look *engine.Look, r *record) (string, error) {
	who := system
	u, err := look.Brief(r.leaf.Actor.User)
	if err != nil {
		return "", err
	}
	if u != nil && u.Name != "" {
		who = u.Name
	} else if r.leaf.Actor.User != "" {
		who = string(r.leaf.Actor.User)
	}
	text := who + ": " + r.action
	if r.leaf.Change.ID != "" {
		text += ", change " + string(r.leaf.Change.ID)
	}
	return text + ".", nil
}
