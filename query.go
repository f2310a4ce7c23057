package countersign

// SortKey is one key of a list order: a field and a direction.
type SortKey struct {
	Field      string
	Descending bool
}

// Page selects a slice of a list: Limit rows after skipping Offset, or, when
// After is given, the rows that sort after the row with that id. A limit of 0
// asks for the total only.
type Page struct {
	After  string
	Offset int
	Limit  int
}

// UserFilter selects users; values within one list are alternatives, different
// fields must all hold, an empty field does not filter (contracts/fordefi.md
// section 1.1 and 1.3).
type UserFilter struct {
	Types  []UserType
	Roles  []Role
	States []UserState
	// IncludeDeleted also returns deleted users; naming UserDeleted in States
	// does so too.
	IncludeDeleted bool
	// Names, Emails match whole values, compared folded; ExternalIDs exactly.
	Names       []string
	Emails      []string
	ExternalIDs []string
	IDs         []UserID
	ExcludeIDs  []UserID
	// GroupIDs selects users with a membership in one of the groups whose state
	// is in GroupStates (all three living states when that is empty).
	GroupIDs    []GroupID
	GroupStates []MembershipState
	// NotGroupIDs drops users whose membership in one of the groups is active
	// or pending removal.
	NotGroupIDs []GroupID
	// Text is a substring of name or email, compared folded.
	Text string
	// Permission selects users who effectively hold it now.
	Permission Permission
	// Only, when set, narrows to one user: what a caller without users.read may see.
	Only UserID
	// Shown, when set, is how an API shows users: Roles, States, IncludeDeleted
	// and orders by role and state go by what it makes of them. It must be pure.
	Shown UserShown
}

// UserShown says with which role and state an API shows users of a type, role
// and state, and false for those it does not show at all.
type UserShown func(UserType, Role, UserState) (Role, UserState, bool)

// UserSortFields are the fields users can be ordered by. Users without a value
// (role, email, last_keep_alive) come last in both directions. After the given
// keys comes name, then creation, then id, all ascending.
func UserSortFields() []string {
	return []string{"role", "email", "created", "name", "last_keep_alive", "state", "type", "number"}
}

// GroupFilter selects groups (contracts/fordefi.md section 3.2).
type GroupFilter struct {
	// States defaults to active and pending_approval.
	States     []GroupState
	IDs        []GroupID
	ExcludeIDs []GroupID
	// UserIDs selects groups with one of these users as an effective member.
	UserIDs    []UserID
	ModifiedBy []UserID
	// Names match whole, folded; Text is a folded substring.
	Names      []string
	Text       string
	Permission Permission
	// MemberOnly, when set, narrows to groups in which this user is: what a
	// caller without groups.read may see.
	MemberOnly UserID
}

// GroupSortFields are the fields groups can be ordered by; after the given keys
// come name, creation and id, ascending.
func GroupSortFields() []string {
	return []string{"created", "modified", "name", "users_count", "number"}
}

// MembershipFilter selects memberships.
type MembershipFilter struct {
	UserIDs  []UserID
	GroupIDs []GroupID
	// States defaults to the three living ones.
	States []MembershipState
	Roles  []MembershipRole
	// Only, when set, narrows to memberships of one user.
	Only UserID
}

// MembershipSortFields are the fields memberships can be ordered by; then id.
func MembershipSortFields() []string { return []string{"created", "user_name", "group_name"} }

// UserView is a user as a list or a single read shows him: the stored facts
// plus what open change requests would make of him.
type UserView struct {
	User
	// Groups in which he is, with the state of each membership, ordered by
	// group name.
	Groups []GroupRef
	// PendingChange is the open request that would create him, or change his
	// role or state; empty when there is none.
	PendingChange ChangeID
	// PendingRole is the role an open request would give him, NoRole if none, and
	// PendingRoleChange that request, the oldest of them.
	PendingRole       Role
	PendingRoleChange ChangeID
}

// GroupRef is a group as seen from one of its members.
type GroupRef struct {
	ID           GroupID
	Number       int64
	Name         string
	State        GroupState
	MembershipID MembershipID
	Membership   MembershipState
	Role         MembershipRole
	// UsersCount and RoleAdminsCount are those of the group (GroupView).
	UsersCount      int
	RoleAdminsCount int
}

// GroupView is a group as a list or a single read shows it.
type GroupView struct {
	Group
	// UsersCount and AdminsCount count effective members: pending additions not
	// yet, pending removals still.
	UsersCount  int
	AdminsCount int
	// RoleAdminsCount counts those effective members whose role in the
	// organization is admin; AdminsCount those who administer the group.
	RoleAdminsCount int
	// PendingChange is the oldest open request that touches the group or its
	// members; empty when there is none.
	PendingChange ChangeID
}

// MembershipView is a membership with the names people know.
type MembershipView struct {
	Membership
	UserName  string
	UserEmail string
	UserType  UserType
	GroupName string
	// UserNumber and GroupNumber are the small numbers of both sides.
	UserNumber  int64
	GroupNumber int64
	// PendingChange is the open request that would add, alter or remove it.
	PendingChange ChangeID
}

// Source says where an effective permission comes from.
type Source struct {
	// Via is "role", "individual" or "group".
	Via  string
	Role Role
	// GroupID, GroupName and MembershipID are given for "group".
	GroupID      GroupID
	GroupName    string
	MembershipID MembershipID
	// Position is the log position of the fact that gives it: the entry there
	// names who asked and who approved.
	Position int64
}

// EffectivePermission is a permission a user holds now, with every reason why.
type EffectivePermission struct {
	Permission Permission
	Sources    []Source
}

// Verdict answers one check.
type Verdict struct {
	Allowed bool
	// Revision is the log position the answer reflects.
	Revision int64
	// Because explains an allowed answer, every source; filled when asked for.
	Because []Source
	// Why explains a denied answer in one machine word: user_unknown,
	// user_not_active, not_granted, membership_pending, membership_not_started,
	// membership_expired; and PendingChange the open request that would grant it.
	Why           string
	PendingChange ChangeID
}

// NumberPage selects a slice of a list in the order of numbers: Limit rows with
// numbers above After, Offset of them skipped. A number need not be there any more
// to go on after it, so a list can be read to its end while its rows go.
type NumberPage struct {
	After  int64
	Offset int
	Limit  int
	// Uncounted leaves the total out, which may take a look at every row.
	Uncounted bool
}

// NumberedUserFilter selects living people and API users in the order of their
// numbers (contracts/box.md section 3).
type NumberedUserFilter struct {
	// Prefix is how name or email begins, compared folded.
	Prefix string
	// Profile are entries that must stand in the profile, and InvitedBy who must
	// have created the user; empty does not filter.
	Profile   Profile
	InvitedBy UserID
}
