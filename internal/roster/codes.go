package roster

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// The words of the vocabulary as small numbers. Apart from the empty word they
// stand in the order of their bytes, so that comparing numbers orders words.
//
//nolint:gochecknoglobals // constants the language cannot express
var (
	userTypes  = []countersign.UserType{"", countersign.APISigner, countersign.APIUser, countersign.EndUser, countersign.Person}
	userRoles  = []countersign.Role{countersign.NoRole, countersign.RoleAdmin, countersign.RoleNone, countersign.RoleTrader, countersign.RoleViewer}
	userStates = []countersign.UserState{
		"", countersign.UserActive, countersign.UserDeleted, countersign.UserOnboardingActivation, countersign.UserOnboardingCode,
		countersign.UserPendingApproval, countersign.UserResetDeviceActivation, countersign.UserResetDeviceCode, countersign.UserSuspended,
	}
	groupStates  = []countersign.GroupState{"", countersign.GroupActive, countersign.GroupDeleted, countersign.GroupPendingApproval}
	audiences    = []countersign.Audience{"", countersign.AdminsAndMembers, countersign.AdminsOnly, countersign.AllManagedUsers}
	memberRoles  = []countersign.MembershipRole{"", countersign.GroupAdmin, countersign.GroupMember}
	memberStates = []countersign.MembershipState{"", countersign.MembershipActive, countersign.MembershipRemoved}
)

// Codes the code asks for by name. State 0 marks a row that is not in use.
const (
	noRow         uint8 = 0
	userActive    uint8 = 1
	userDeleted   uint8 = 2
	userSuspended uint8 = 8

	groupActive  uint8 = 1
	groupDeleted uint8 = 2

	memberActive  uint8 = 1
	memberRemoved uint8 = 2

	roleAdmin uint8 = 1

	typeAPIUser uint8 = 2
	typePerson  uint8 = 4

	memberAdmin uint8 = 1
)

// code finds a word; a stored word nobody knows is an error, since guessing at
// what it permits could open a door.
func code[T ~string](list []T, word T) (uint8, error) {
	for i, w := range list {
		if w == word {
			return uint8(i), nil
		}
	}
	return 0, fmt.Errorf("%q is no word of the vocabulary", word)
}

// codeMask makes a set of words a set of bits; unknown words match nothing.
func codeMask[T ~string](list, words []T) uint32 {
	mask := uint32(0)
	for _, w := range words {
		if i := slices.Index(list, w); i >= 0 {
			mask |= 1 << i
		}
	}
	return mask
}

// unbounded is how time.Time{} reads in microseconds.
var unbounded = time.Time{}.UnixMicro() //nolint:gochecknoglobals // a constant the language cannot express

func fromMicro(at int64) time.Time {
	if at == unbounded {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}

// missing is the number of a value that is not there.
const missing = math.MaxUint64

// ascending makes a time a number that orders like it.
func ascending(at int64) uint64 {
	if at == unbounded {
		return missing
	}
	return uint64(at - unbounded)
}
