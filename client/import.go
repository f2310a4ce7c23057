package client

import (
	"context"
	"strconv"
	"time"
)

// ImportOpening opens an import: every batch by the SHA-256 of its bytes, and
// what its rows do.
type ImportOpening struct {
	Label string `json:"label,omitzero"`
	// Salt is 16 random bytes in hexadecimal; it stands in every batch too.
	Salt    string               `json:"salt"`
	Files   []ImportFile         `json:"files"`
	Batches []ImportBatchSummary `json:"batches"`
	// Permissions are all that any row grants.
	Permissions []Permission `json:"permissions,omitempty"`
	// SkipRejects leaves out rows that the directory refuses, where otherwise their
	// batch would fail.
	SkipRejects bool `json:"skip_rejects,omitzero"`
}

// ImportFile is a file the rows come from.
type ImportFile struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Rows   int64  `json:"rows"`
	// Rejected rows stand in no batch.
	Rejected int64 `json:"rejected,omitzero"`
}

// ImportBatchSummary is a batch as an import declares it.
type ImportBatchSummary struct {
	Digest string       `json:"digest"`
	Counts ImportCounts `json:"counts"`
}

// ImportCounts says what rows do.
type ImportCounts struct {
	Persons int64 `json:"persons,omitzero"`
	// Admins among the persons.
	Admins   int64 `json:"admins,omitzero"`
	EndUsers int64 `json:"end_users,omitzero"`
	APIUsers int64 `json:"api_users,omitzero"`
	// Grantees are the users who receive permissions of their own.
	Grantees    int64 `json:"grantees,omitzero"`
	Groups      int64 `json:"groups,omitzero"`
	Memberships int64 `json:"memberships,omitzero"`
	// GroupAdmins among the memberships.
	GroupAdmins int64 `json:"group_admins,omitzero"`
}

// Import is an import and how far it has come.
type Import struct {
	// ID of the import and of the change that opens it.
	ID ChangeID `json:"id"`
	// State is that of the change until it is applied, then "open", "complete" or
	// "closed".
	State           string               `json:"state"`
	Label           string               `json:"label"`
	Salt            string               `json:"salt"`
	Files           []ImportFile         `json:"files"`
	Batches         []ImportBatchSummary `json:"batches"`
	Counts          ImportCounts         `json:"counts"`
	Permissions     []Permission         `json:"permissions"`
	SkipRejects     bool                 `json:"skip_rejects"`
	Requester       UserID               `json:"requester"`
	RequesterPerson UserID               `json:"requester_person"`
	// Digest of the change, which an approval names.
	Digest    string    `json:"digest"`
	CreatedAt time.Time `json:"created_at"`
	// ClosesAt is when batches are no longer taken; zero until it is open.
	ClosesAt time.Time `json:"closes_at"`
	// Applied are the indexes of the batches that were taken in.
	Applied []int64 `json:"applied"`
	Rows    int64   `json:"rows"`
	Skipped int64   `json:"skipped"`
	Version int64   `json:"version"`
}

// ImportRows is what a batch holds: rows of one of the files.
type ImportRows struct {
	Salt        string             `json:"salt"`
	Users       []ImportUser       `json:"users,omitempty"`
	Groups      []ImportGroup      `json:"groups,omitempty"`
	Memberships []ImportMembership `json:"memberships,omitempty"`
}

// ImportUser is a row about a user. Line is that of the row in its file.
type ImportUser struct {
	Line        int64        `json:"line"`
	Type        UserType     `json:"type"`
	Name        string       `json:"name,omitzero"`
	Email       string       `json:"email,omitzero"`
	Role        Role         `json:"role,omitzero"`
	ExternalID  string       `json:"external_id,omitzero"`
	Permissions []Permission `json:"permissions,omitempty"`
	// Responsible is the email of who answers for an API user.
	Responsible string `json:"responsible,omitzero"`
}

// ImportGroup is a row about a group.
type ImportGroup struct {
	Line                   int64        `json:"line"`
	Name                   string       `json:"name"`
	Description            string       `json:"description,omitzero"`
	Permissions            []Permission `json:"permissions,omitempty"`
	ExternalSyncIdentifier string       `json:"external_sync_identifier,omitzero"`
}

// ImportMembership is a row about a membership: Group by name, User by email, by
// the name of an API user, or by id.
type ImportMembership struct {
	Line      int64          `json:"line"`
	Group     string         `json:"group"`
	User      string         `json:"user"`
	Role      MembershipRole `json:"role,omitzero"`
	StartsAt  time.Time      `json:"starts_at,omitzero"`
	ExpiresAt time.Time      `json:"expires_at,omitzero"`
}

// ImportedBatch is a batch that was taken in.
type ImportedBatch struct {
	ImportID ChangeID `json:"import_id"`
	Index    int64    `json:"index"`
	Digest   string   `json:"digest"`
	// Change that took it in, and its position in the log.
	Change   ChangeID     `json:"change"`
	Rows     int64        `json:"rows"`
	Skipped  []SkippedRow `json:"skipped"`
	Position int64        `json:"position"`
}

// SkippedRow is a row that was left out.
type SkippedRow struct {
	Line  int64  `json:"line"`
	Field string `json:"field"`
	Code  string `json:"code"`
}

// OpenImport opens an import; pending, it waits for approval under the id of its
// change.
func (c *Client) OpenImport(ctx context.Context, o ImportOpening, opts ...WriteOption) (*Outcome[Import], error) {
	return write[Import](ctx, c, post(directoryPath+"/imports", o), opts)
}

// GetImport reads an import.
func (c *Client) GetImport(ctx context.Context, id ChangeID, opts ...ReadOption) (*Import, error) {
	return read[Import](ctx, c, get(at("imports", id)), opts)
}

// TakeImportBatch sends a batch: exactly the bytes whose digest the import names
// at this place. Sending it again changes nothing.
func (c *Client) TakeImportBatch(ctx context.Context, id ChangeID, index int, batch []byte, opts ...WriteOption) (*Outcome[ImportedBatch], error) {
	return write[ImportedBatch](ctx, c, post(at("imports", id, "batches", strconv.Itoa(index)), bytesAsTheyAre(batch)), opts)
}

// GetImportBatch reads what became of a batch that was taken in.
func (c *Client) GetImportBatch(ctx context.Context, id ChangeID, index int, opts ...ReadOption) (*ImportedBatch, error) {
	return read[ImportedBatch](ctx, c, get(at("imports", id, "batches", strconv.Itoa(index))), opts)
}

// bytesAsTheyAre is a body that is encoded already, and must not be again.
type bytesAsTheyAre []byte
