package fordefi

import (
	"strings"

	"github.com/countersign/countersign"
)

// Profile is a generation of the wire: what the published document calls by one
// version number has changed over the years (contract section 0.1).
type Profile string

// The profiles.
const (
	// Newest is the document of July 2026.
	Newest Profile = "newest"
	// Seed is the one the seed shows, as far as the document of February 2025
	// completes it.
	Seed Profile = "seed"
)

// stateOnboarding is how the seed names every state of who still has to enrol.
const stateOnboarding = "onboarding"

// shown is how users are worded: this API knows no suspension, no role "none",
// and no account or signer that waits for approval. End users have lists of their
// own (product.md section 3; contract sections 1.5 and 5.3).
func shown(t countersign.UserType, r countersign.Role, s countersign.UserState) (countersign.Role, countersign.UserState, bool) {
	if r == countersign.RoleNone {
		r = countersign.RoleViewer
	}
	switch t {
	case countersign.Person:
		if s == countersign.UserSuspended {
			s = countersign.UserResetDeviceCode
		}
		return r, s, true
	case countersign.APIUser:
		if s != countersign.UserActive && s != countersign.UserPendingApproval {
			s = countersign.UserDeleted
		}
		return r, s, s != countersign.UserPendingApproval
	case countersign.APISigner:
		switch s {
		case countersign.UserResetDeviceCode:
			s = countersign.UserOnboardingCode
		case countersign.UserResetDeviceActivation:
			s = countersign.UserOnboardingActivation
		case countersign.UserSuspended:
			s = countersign.UserDeleted
		default:
		}
		return countersign.NoRole, s, s != countersign.UserPendingApproval
	case countersign.EndUser:
		return r, s, false
	default:
		return r, s, false
	}
}

// shownInSeed is the same in the seed: it has one word for all who must enrol.
// That word is written in place of the state it stands for here.
func shownInSeed(t countersign.UserType, r countersign.Role, s countersign.UserState) (countersign.Role, countersign.UserState, bool) {
	r, s, visible := shown(t, r, s)
	switch s {
	case countersign.UserOnboardingActivation, countersign.UserResetDeviceCode, countersign.UserResetDeviceActivation:
		s = countersign.UserOnboardingCode
	default:
	}
	return r, s, visible
}

func (p Profile) shown() countersign.UserShown {
	if p == Seed {
		return shownInSeed
	}
	return shown
}

// stateWord is a state as it is written.
func (p Profile) stateWord(s countersign.UserState) string {
	if p == Seed && s == countersign.UserOnboardingCode {
		return stateOnboarding
	}
	return string(s)
}

// statesNamed are the states a filter's word asks for. The word of the seed is
// taken in both generations; in the seed's, each of the words that it was split
// into later finds whom it stands for there.
func (p Profile) statesNamed(word string) []countersign.UserState {
	switch {
	case p == Seed && (word == stateOnboarding || strings.HasPrefix(word, "onboarding_") || strings.HasPrefix(word, "reset_device_")):
		return []countersign.UserState{countersign.UserOnboardingCode}
	case word == stateOnboarding:
		return []countersign.UserState{countersign.UserOnboardingCode, countersign.UserOnboardingActivation}
	default:
		return []countersign.UserState{countersign.UserState(word)}
	}
}
