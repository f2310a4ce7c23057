package countersign

import "time"

// GroupState is where a group stands. GroupPendingApproval is a projection of
// an open change request, never stored.
type GroupState string

// The group states.
const (
	GroupPendingApproval GroupState = "pending_approval"
	GroupActive          GroupState = "active"
	GroupDeleted         GroupState = "deleted"
)

// Audience says who may do something with a group (contracts/box.md section 2).
type Audience string

// The audiences, narrowest first.
const (
	AdminsOnly       Audience = "admins_only"
	AdminsAndMembers Audience = "admins_and_members"
	AllManagedUsers  Audience = "all_managed_users"
)

// Group is a named set of users, and a source of permissions.
type Group struct {
	ID     GroupID
	Number int64
	// Name is unique among living groups of the organization, compared folded.
	Name        string
	Description string
	// Permissions each active member receives, sorted, without duplicates.
	Permissions []Permission
	// ExternalSyncIdentifier and Provenance tie the group to an outside source.
	ExternalSyncIdentifier string
	Provenance             string
	// Invitability says who may invite the group, MemberViewability who may
	// list its members.
	Invitability      Audience
	MemberViewability Audience
	State             GroupState
	CreatedBy         UserID
	ModifiedBy        UserID
	CreatedAt         time.Time
	ModifiedAt        time.Time

	// Version is the log position of the last write to the group itself;
	// MembersVersion that of the last change to who is in it.
	Version            int64
	AttributesVersion  int64
	PermissionsVersion int64
	StateVersion       int64
	MembersVersion     int64
}

// ObjectVersion is the version of the group as a reader sees it, members
// included: what an ETag shows and If-Match compares.
func (g *Group) ObjectVersion() int64 { return max(g.Version, g.MembersVersion) }

// Living reports whether the group still counts for uniqueness.
func (g *Group) Living() bool { return g.State != GroupDeleted }
