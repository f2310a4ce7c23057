package countersign

import "time"

// MembershipRole is what a member is within the group.
type MembershipRole string

// The membership roles; GroupAdmin manages the group within his
// ConfigurablePermissions.
const (
	GroupMember MembershipRole = "member"
	GroupAdmin  MembershipRole = "admin"
)

// MembershipState says whether a membership counts. The two pending states are
// projections of open change requests, never stored: a pending addition grants
// nothing, a pending removal still grants.
type MembershipState string

// The membership states.
const (
	MembershipActive          MembershipState = "active"
	MembershipPendingAddition MembershipState = "pending_addition"
	MembershipPendingRemoval  MembershipState = "pending_removal"
	MembershipRemoved         MembershipState = "removed"
)

// Membership is the fact that a person or API user is in a group.
type Membership struct {
	ID      MembershipID
	Number  int64
	UserID  UserID
	GroupID GroupID
	Role    MembershipRole
	// Configurable is what a group admin may do in this group; all false, and
	// without effect, for members.
	Configurable ConfigurablePermissions
	// StartsAt and ExpiresAt bound the time in which the membership grants
	// anything: StartsAt <= now < ExpiresAt. Zero means unbounded.
	StartsAt   time.Time
	ExpiresAt  time.Time
	State      MembershipState
	CreatedAt  time.Time
	ModifiedAt time.Time
	// Version is the log position of the last write.
	Version int64
}

// GrantsAt reports whether the membership gives its group's permissions at now.
func (m *Membership) GrantsAt(now time.Time) bool {
	if m.State != MembershipActive && m.State != MembershipPendingRemoval {
		return false
	}
	return (m.StartsAt.IsZero() || !now.Before(m.StartsAt)) && (m.ExpiresAt.IsZero() || now.Before(m.ExpiresAt))
}

// ConfigurablePermissions are the four switches of a group admin
// (contracts/box.md section 1.1). They are scoped to the group.
type ConfigurablePermissions struct {
	CreateAccounts bool
	EditAccounts   bool
	RunReports     bool
	InstantLogin   bool
}

// ConfigurableKeys lists the names of the switches on every wire, in order.
func ConfigurableKeys() []string {
	return []string{"can_create_accounts", "can_edit_accounts", "can_run_reports", "can_instant_login"}
}

// Map returns the switches by name.
func (c ConfigurablePermissions) Map() map[string]bool {
	return map[string]bool{
		"can_create_accounts": c.CreateAccounts, "can_edit_accounts": c.EditAccounts,
		"can_run_reports": c.RunReports, "can_instant_login": c.InstantLogin,
	}
}

// AllConfigurable is what a new group admin gets when nothing is said.
func AllConfigurable() ConfigurablePermissions {
	return ConfigurablePermissions{CreateAccounts: true, EditAccounts: true, RunReports: true, InstantLogin: true}
}

// ResolveConfigurable applies the rules of contracts/box.md section 1.1:
// members have none; null turns all off; an object switches the named keys and
// turns omitted ones on; absent keeps what an admin has and gives a new admin all.
func ResolveConfigurable(given Opt[map[string]bool], role MembershipRole, wasAdmin bool, current ConfigurablePermissions) ConfigurablePermissions {
	switch {
	case role != GroupAdmin:
		return ConfigurablePermissions{}
	case !given.Set && wasAdmin:
		return current
	case !given.Set:
		return AllConfigurable()
	case given.Null:
		return ConfigurablePermissions{}
	}
	on := func(key string) bool {
		v, named := given.Value[key]
		return !named || v
	}
	return ConfigurablePermissions{
		CreateAccounts: on("can_create_accounts"), EditAccounts: on("can_edit_accounts"),
		RunReports: on("can_run_reports"), InstantLogin: on("can_instant_login"),
	}
}
