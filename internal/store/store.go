// Package store is the contract between the house and its database.
//
// It owns what must be true of storage: which reads exist, what a transaction
// guarantees, which error kinds come back. It does not own a single rule about
// who may do what, or what a change means; rows come in and go out.
//
// Every query hangs off a transaction of exactly one organization, so a query
// that forgets its organization cannot be written. There is no transaction in a
// context and no query that opens its own.
//
// Reads of lists are not here: lists and checks are answered by the roster,
// which follows the rows by position (the ...Since methods). What remains are
// point reads, appends, scans of one organization, and a few keyset lists of
// append-only things.
//
// What comes back is what was put in, but for two things: times come back in
// UTC, cut to microseconds, and empty lists as nil. Text is compared and sorted
// byte by byte. Text that is not UTF-8 or holds a NUL gives Invalid, wherever it
// is given.
//
// The implementation is internal/store/sqlstore; internal/store/storetest holds
// it to this text on both engines.
package store

import (
	"context"
	"time"

	"github.com/countersign/countersign"
)

// Store is a database holding any number of organizations.
type Store interface {
	// Read runs fn in one read snapshot of an organization. Unknown
	// organizations give NotFound.
	Read(ctx context.Context, org countersign.OrganizationID, fn func(ReadTx) error) error

	// Write runs fn in one transaction of an organization and commits when fn
	// returns nil. Before fn runs, the organization's head row has been read
	// under a lock: writes to one organization run one after another, on every
	// engine and from every process. fn may run again after
	// a transient failure, so it must assign to outer variables only as its last
	// act. Any error of fn rolls everything back and is returned as it is.
	//
	// Once the database has refused something, with Exists for one, the
	// transaction is spoilt: whatever follows gives the same error, and so does
	// Write even if fn returns nil. What may be refused belongs in a Savepoint.
	//
	// When the outcome of a commit is unknown, the error is Unavailable and
	// errors.Is(err, ErrCommitUnknown) holds.
	Write(ctx context.Context, org countersign.OrganizationID, fn func(WriteTx) error) error

	// Found creates an organization and its empty log, then runs fn as Write
	// would. An id or number already taken gives Exists.
	Found(ctx context.Context, org countersign.Organization, fn func(WriteTx) error) error

	// WriteTickets runs fn in one transaction over the tickets of an organization,
	// and commits, retries, spoils and fails as Write does. It takes no lock of the
	// organization, so on PostgreSQL it neither waits for changes nor makes them
	// wait, and SQLite runs it between two of them. Each statement sees what was
	// committed before it. That the organization exists is not checked.
	WriteTickets(ctx context.Context, org countersign.OrganizationID, fn func(TicketTx) error) error

	// Ticket finds one ticket of an organization, as TicketTx does.
	Ticket(ctx context.Context, org countersign.OrganizationID, hash []byte) (Ticket, error)

	// Deployment runs fn in one read snapshot across organizations. Only
	// start-up, authentication and health use it.
	Deployment(ctx context.Context, fn func(DeploymentTx) error) error

	// Watch blocks until ctx ends, and gives its error, or until the store is
	// closed, which gives Unavailable. Meanwhile it calls fn, from one goroutine,
	// for each commit of any process that moved an organization's log, with where
	// it stands then, as soon as that is known. An empty organization is news of
	// Watch itself: 0 means that it has just begun to listen, or does so again, and
	// that anything may have moved before; -1 that it has lost contact with the
	// database, which is noticed within two seconds. It then tries again by itself.
	// fn must not wait for anything. An Exclusive store has nothing to tell.
	Watch(ctx context.Context, fn func(org countersign.OrganizationID, position int64)) error

	// Exclusive reports whether this process is the only one that can write:
	// true for SQLite, which is opened under an exclusive lock.
	Exclusive() bool

	// Close waits for running transactions and closes the database.
	Close() error
}

// ErrCommitUnknown marks an Unavailable error after which the transaction may or
// may not have happened.
const ErrCommitUnknown = countersign.Kind("commit_unknown")

// DeploymentTx reads across organizations.
type DeploymentTx interface {
	// Organizations calls fn for every organization, in order of id.
	Organizations(ctx context.Context, fn func(countersign.Organization) error) error
	// LocateSecret finds which organization holds the credential, in any state,
	// whose secret has this SHA-256; else NotFound.
	LocateSecret(ctx context.Context, hash []byte) (countersign.OrganizationID, countersign.CredentialID, error)
	// LocateUser finds the organization of a user; NotFound when there is none,
	// or more than one.
	LocateUser(ctx context.Context, id countersign.UserID) (countersign.OrganizationID, error)
	// LocateClient finds the credential of an OAuth client id; else NotFound.
	LocateClient(ctx context.Context, clientID string) (countersign.OrganizationID, countersign.CredentialID, error)
}

// ReadTx is one consistent view of one organization. Point reads give NotFound
// for what is missing; callbacks end the iteration by returning an error, which
// is returned as it is. Callbacks must not use the transaction: it gives them an
// error.
type ReadTx interface {
	OrganizationReads
	UserReads
	GroupReads
	MembershipReads
	CredentialReads
	ChangeReads
	AuditReads
	ImportReads
	EmergencyReads
}

// WriteTx is a ReadTx that sees its own writes, and writes.
type WriteTx interface {
	ReadTx
	OrganizationWrites
	UserWrites
	GroupWrites
	MembershipWrites
	CredentialWrites
	ChangeWrites
	AuditWrites
	IdempotencyWrites
	ImportWrites
	EmergencyWrites

	// Savepoint runs fn; if fn fails, everything written by fn is undone and its
	// error returned, and the transaction goes on. Savepoints nest.
	Savepoint(ctx context.Context, fn func() error) error
}

// OrganizationReads are the reads of the organization's own rows.
type OrganizationReads interface {
	// Head is where the log stands; in a WriteTx the head just locked, moved on
	// by AppendEntry.
	Head(ctx context.Context) (countersign.Head, error)
	Organization(ctx context.Context) (countersign.Organization, error)
	// CataloguePermission gives an entry the organization added, living or removed.
	CataloguePermission(ctx context.Context, p countersign.Permission) (countersign.CataloguePermission, error)
	// CatalogueSince calls fn for every added entry with Version > position, removed ones included.
	CatalogueSince(ctx context.Context, position int64, fn func(countersign.CataloguePermission) error) error
}

// OrganizationWrites change the organization's own rows.
type OrganizationWrites interface {
	// PutOrganization writes name, seal, freeze, policy and versions; id, number and
	// creation never change.
	PutOrganization(ctx context.Context, o countersign.Organization) error
	PutCataloguePermission(ctx context.Context, p countersign.CataloguePermission) error
	// Allot takes n numbers of a sequence and returns the first. Numbers start
	// at 1; gaps are fine.
	Allot(ctx context.Context, sequence Sequence, n int64) (int64, error)
}

// Sequence names a per-organization sequence of small numbers.
type Sequence string

// The sequences.
const (
	UserNumbers       Sequence = "user"
	GroupNumbers      Sequence = "group"
	MembershipNumbers Sequence = "membership"
)

// UserReads are the reads of users.
type UserReads interface {
	User(ctx context.Context, id countersign.UserID) (countersign.User, error)
	// UserByNumber finds a user, deleted or not, by his number; 0 is nobody's.
	UserByNumber(ctx context.Context, number int64) (countersign.User, error)
	// LivingUserByEmail finds a user who is not deleted by his folded email.
	LivingUserByEmail(ctx context.Context, key string) (countersign.User, error)
	// LivingUserByExternalID finds an end user who is not deleted, by exact external id.
	LivingUserByExternalID(ctx context.Context, externalID string) (countersign.User, error)
	// UsersSince calls fn for every user with Version > position, deleted ones
	// included, in order of (Version, ID).
	UsersSince(ctx context.Context, position int64, fn func(countersign.User) error) error
	// LivingUsers and DeletedUsers call fn for every user who is not deleted, or
	// who is, in whatever order is fastest: who loads an organization needs the
	// living at once and the others hardly ever.
	LivingUsers(ctx context.Context, fn func(countersign.User) error) error
	DeletedUsers(ctx context.Context, fn func(countersign.User) error) error
}

// UserRow is a user as PutUser takes him.
type UserRow struct {
	User     countersign.User
	EmailKey string
}

// UserWrites change users.
type UserWrites interface {
	// PutUser inserts or replaces the whole row. emailKey is the folded email,
	// empty when there is none. An email or external id a living user already
	// has gives Exists with Code "email_taken" or "external_id_taken". Here and
	// below, a number other than 0 that another row has gives "number_taken".
	PutUser(ctx context.Context, u countersign.User, emailKey string) error
	// PutUsers is PutUser for each of rows, in their order and in a few
	// statements. Here and below, of rows with the same id only the last counts.
	PutUsers(ctx context.Context, rows []UserRow) error
}

// GroupReads are the reads of groups.
type GroupReads interface {
	Group(ctx context.Context, id countersign.GroupID) (countersign.Group, error)
	// GroupByNumber finds a group, deleted or not, by its number; 0 is of none.
	GroupByNumber(ctx context.Context, number int64) (countersign.Group, error)
	// LivingGroupByName finds a group that is not deleted by its folded name.
	LivingGroupByName(ctx context.Context, key string) (countersign.Group, error)
	// GroupsSince calls fn for every group with Version > position, deleted ones
	// included, in order of (Version, ID).
	GroupsSince(ctx context.Context, position int64, fn func(countersign.Group) error) error
	// LivingGroups and DeletedGroups call fn for every group that is not
	// deleted, or that is, in whatever order is fastest.
	LivingGroups(ctx context.Context, fn func(countersign.Group) error) error
	DeletedGroups(ctx context.Context, fn func(countersign.Group) error) error
}

// GroupRow is a group as PutGroup takes it.
type GroupRow struct {
	Group   countersign.Group
	NameKey string
}

// GroupWrites change groups.
type GroupWrites interface {
	// PutGroup inserts or replaces the whole row but MembersVersion. A name a
	// living group already has gives Exists with Code "name_taken".
	PutGroup(ctx context.Context, g countersign.Group, nameKey string) error
	// TouchMembers records that the membership of the group moved at position.
	TouchMembers(ctx context.Context, id countersign.GroupID, position int64) error
	// PutGroups is PutGroup for each of rows, in their order and in a few statements.
	PutGroups(ctx context.Context, rows []GroupRow) error
	// TouchManyMembers is TouchMembers for each of ids, in one statement. When
	// one of them does not exist it gives NotFound; the others are touched then.
	TouchManyMembers(ctx context.Context, ids []countersign.GroupID, position int64) error
}

// MembershipReads are the reads of memberships. Removed memberships stay as rows.
type MembershipReads interface {
	Membership(ctx context.Context, id countersign.MembershipID) (countersign.Membership, error)
	// MembershipOf finds the living membership of a user in a group, else the
	// newest removed one.
	MembershipOf(ctx context.Context, user countersign.UserID, group countersign.GroupID) (countersign.Membership, error)
	// MembershipsOfUser and MembershipsOfGroup call fn for living memberships, in order of id.
	MembershipsOfUser(ctx context.Context, id countersign.UserID, fn func(countersign.Membership) error) error
	MembershipsOfGroup(ctx context.Context, id countersign.GroupID, fn func(countersign.Membership) error) error
	// MembershipsSince calls fn for every membership with Version > position,
	// removed ones included, in order of (Version, ID).
	MembershipsSince(ctx context.Context, position int64, fn func(countersign.Membership) error) error
	// LivingMemberships and RemovedMemberships call fn for every membership that
	// is not removed, or that is, in whatever order is fastest.
	LivingMemberships(ctx context.Context, fn func(countersign.Membership) error) error
	RemovedMemberships(ctx context.Context, fn func(countersign.Membership) error) error
}

// MembershipWrites change memberships.
type MembershipWrites interface {
	// PutMembership inserts or replaces the whole row. A second living
	// membership of the same pair gives Exists with Code "already_member".
	PutMembership(ctx context.Context, m countersign.Membership) error
	// PutMemberships is PutMembership for each of rows, in their order and in a
	// few statements.
	PutMemberships(ctx context.Context, rows []countersign.Membership) error
	// RemoveMembershipsOfUser and RemoveMembershipsOfGroup mark every living
	// membership removed at position, in one statement.
	RemoveMembershipsOfUser(ctx context.Context, id countersign.UserID, position int64, at time.Time) error
	RemoveMembershipsOfGroup(ctx context.Context, id countersign.GroupID, position int64, at time.Time) error
}

// CredentialReads are the reads of credentials.
type CredentialReads interface {
	Credential(ctx context.Context, id countersign.CredentialID) (countersign.Credential, error)
	// CredentialsOfUser calls fn for pending and active credentials, in order of id.
	CredentialsOfUser(ctx context.Context, id countersign.UserID, fn func(countersign.Credential) error) error
	// CredentialsSince calls fn for every credential with Version > position, in
	// order of (Version, ID).
	CredentialsSince(ctx context.Context, position int64, fn func(countersign.Credential) error) error
}

// CredentialWrites change credentials.
type CredentialWrites interface {
	// PutCredential inserts or replaces the whole row. A secret hash or client
	// id already known, to any organization, gives Exists with Code
	// "secret_taken" or "client_id_taken"; the public key of another approval key of
	// the organization, in whatever state, "key_taken".
	PutCredential(ctx context.Context, c countersign.Credential) error
}

// ChangeRecord is a change request as it is stored. What never changes about it
// stands in Payload, the canonical document its digest is computed over, with
// personal data as commitments that Openings reveal.
type ChangeRecord struct {
	ID              countersign.ChangeID
	State           countersign.ChangeState
	Requester       countersign.UserID
	RequesterPerson countersign.UserID
	Digest          string
	Payload         []byte
	Openings        map[string]countersign.Opening
	CreatedAt       time.Time
	ExpiresAt       time.Time
	ClosedAt        time.Time
	ClosedBy        countersign.UserID
	ClosedBecause   string
	ReplacedBy      countersign.ChangeID
	WinnerID        countersign.ChangeID
	AppliedPosition int64
	Version         int64
	// ScheduledAt is when a scheduled request got the approvals it needs.
	ScheduledAt time.Time
	// Intent is by what requests that ask for the same are found; empty where
	// nobody looks for it.
	Intent string
	// Approvals are filled by reads, in order of position; PutChange ignores them.
	Approvals []countersign.Approval
}

// EarlierChange is as much of a request as a list of earlier ones tells.
type EarlierChange struct {
	ID            countersign.ChangeID
	State         countersign.ChangeState
	ExpiresAt     time.Time
	ClosedAt      time.Time
	ClosedBecause string
}

// ChangeReads are the reads of change requests.
type ChangeReads interface {
	Change(ctx context.Context, id countersign.ChangeID) (ChangeRecord, error)
	// OpenChangesSince calls fn for requests with Version > position: when
	// position is 0 only for open ones, else for all that moved, so that a
	// follower sees them close. In order of (Version, ID).
	OpenChangesSince(ctx context.Context, position int64, fn func(ChangeRecord) error) error
	// OpenChangesRelyingOn returns the open requests whose base holds any of the
	// facts, in order of id.
	OpenChangesRelyingOn(ctx context.Context, facts []countersign.Fact) ([]countersign.ChangeID, error)
	// CountOpen counts open, unexpired requests: all, and those of one person.
	CountOpen(ctx context.Context, person countersign.UserID, now time.Time) (all, own int, err error)
	// Changes lists requests newest first: ids below before ("" for the newest),
	// in one of states as stored (nil for all), at most limit.
	Changes(ctx context.Context, states []countersign.ChangeState, before countersign.ChangeID, limit int) ([]ChangeRecord, error)
	// ChangesVotedWith lists, newest first as Changes does, the requests on which a
	// vote was given with a credential, or with a statement that names it. It looks
	// through all votes: it is for the day on which a credential was stolen.
	ChangesVotedWith(ctx context.Context, credential countersign.CredentialID, before countersign.ChangeID, limit int) ([]ChangeRecord, error)
	// CountChanges counts requests by state; open ones whose expiry is at or before
	// now count as expired.
	CountChanges(ctx context.Context, now time.Time) (map[countersign.ChangeState]int, error)
	// EarlierChanges returns the requests of a person with an intent, which is not
	// empty, newest first: ids below before ("" for the newest), at most limit.
	EarlierChanges(ctx context.Context, person countersign.UserID, intent string, before countersign.ChangeID, limit int) ([]EarlierChange, error)
	// ExpiredChanges returns ids of open requests whose expiry is at or before
	// now, at most limit.
	ExpiredChanges(ctx context.Context, now time.Time, limit int) ([]countersign.ChangeID, error)
}

// ChangeWrites change requests.
type ChangeWrites interface {
	// PutChange inserts or replaces the row. For an open request, base says
	// which facts it relies on, each once, and an empty base leaves those it has;
	// closing a request forgets them.
	PutChange(ctx context.Context, c ChangeRecord, base []countersign.FactVersion) error
	AddApproval(ctx context.Context, a countersign.Approval) error
}

// AuditReads are the reads of the log.
type AuditReads interface {
	// Entry gives one entry by index; else NotFound.
	Entry(ctx context.Context, index int64) (countersign.AuditEntry, error)
	// Entries calls fn for entries from an index on, at most limit, ascending.
	Entries(ctx context.Context, from int64, limit int, fn func(countersign.AuditEntry) error) error
	// EntriesOf calls fn for entries that touch a fact, newest first, below
	// position before (0 for the newest), at most limit.
	EntriesOf(ctx context.Context, fact countersign.Fact, before int64, limit int, fn func(countersign.AuditEntry) error) error
	// Hashes returns the stored tree hashes at the given tlog storage indexes,
	// 32 bytes each; a missing one gives NotFound.
	Hashes(ctx context.Context, indexes []int64) ([][]byte, error)
	// Blob gives a content-addressed body by its SHA-256 in hexadecimal.
	Blob(ctx context.Context, digest string) ([]byte, error)
}

// AuditWrites append to the log. Nothing is ever changed or removed.
type AuditWrites interface {
	// AppendEntry stores an entry, the facts it touches (an index for history),
	// the tree hashes from firstHash on, an outbox row, and moves the head. An
	// entry that does not continue the log at the head is refused.
	AppendEntry(ctx context.Context, e countersign.AuditEntry, facts []countersign.Fact, firstHash int64, hashes [][]byte, head countersign.Head) error
	// PutBlob stores a body under its SHA-256; storing it twice is fine.
	PutBlob(ctx context.Context, digest string, body []byte) error
}

// IdempotencyRecord is the answer to a request that carried a key.
type IdempotencyRecord struct {
	// Principal, Route and Key identify the record within the organization.
	Principal countersign.UserID
	Route     string
	Key       string
	// Fingerprint is the SHA-256 of method, path and body.
	Fingerprint []byte
	Status      int
	// Header holds the few response headers to repeat, as name, value pairs.
	Header    map[string]string
	Body      []byte
	CreatedAt time.Time
}

// IdempotencyWrites keep answers for replay. They are not governed: no leaf.
type IdempotencyWrites interface {
	// Remembered gives the record, unless it was created at or before oldest;
	// else NotFound.
	Remembered(ctx context.Context, principal countersign.UserID, route, key string, oldest time.Time) (IdempotencyRecord, error)
	// Remember inserts or replaces the record.
	Remember(ctx context.Context, r IdempotencyRecord) error
	// Forget deletes records created at or before oldest, at most limit.
	Forget(ctx context.Context, oldest time.Time, limit int) error
}
