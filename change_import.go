package countersign

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OpenImport asks that rows of files be taken in, batch by batch. It names every
// batch by its digest and says what the rows of each do, so that whoever approves
// it approves exactly those bytes; the batches follow as ImportBatch once it is
// applied, and need no approval of their own (docs/adr/0013).
type OpenImport struct {
	// ImportID is the id of the change that opens the import.
	ImportID ChangeID `json:"import_id,omitzero"` // allotted
	Label    string   `json:"label,omitzero"`
	// Salt stands in every batch, so that a digest in the log, of which the rows
	// are personal data, can be guessed by nobody who does not have the salt.
	Salt    string               `json:"salt"`
	Files   []ImportFile         `json:"files"`
	Batches []ImportBatchSummary `json:"batches"`
	// Permissions are all that any row grants, to a user or to a group.
	Permissions []Permission `json:"permissions,omitzero"`
	// SkipRejects makes a batch leave out rows that the directory refuses, and say
	// so, where otherwise the batch would fail.
	SkipRejects bool `json:"skip_rejects,omitzero"`
}

// ImportFile is one file of an import as its source has it.
type ImportFile struct {
	// File is "users.csv", "groups.csv" or "memberships.csv".
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	// Rows of the file, and how many of them the batches leave out.
	Rows     int `json:"rows"`
	Rejected int `json:"rejected,omitzero"`
}

// ImportBatchSummary is one batch as the import declares it.
type ImportBatchSummary struct {
	// Digest is the SHA-256 of the batch's bytes, in hexadecimal.
	Digest string       `json:"digest"`
	Counts ImportCounts `json:"counts"`
}

// ImportCounts says what rows do.
type ImportCounts struct {
	Persons int `json:"persons,omitzero"`
	// Admins among the persons.
	Admins   int `json:"admins,omitzero"`
	EndUsers int `json:"end_users,omitzero"`
	APIUsers int `json:"api_users,omitzero"`
	// Grantees are the users who receive permissions of their own.
	Grantees    int `json:"grantees,omitzero"`
	Groups      int `json:"groups,omitzero"`
	Memberships int `json:"memberships,omitzero"`
	// GroupAdmins among the memberships.
	GroupAdmins int `json:"group_admins,omitzero"`
}

// Add returns the sum.
func (c ImportCounts) Add(d ImportCounts) ImportCounts {
	return ImportCounts{
		Persons: c.Persons + d.Persons, Admins: c.Admins + d.Admins, EndUsers: c.EndUsers + d.EndUsers, APIUsers: c.APIUsers + d.APIUsers,
		Grantees: c.Grantees + d.Grantees, Groups: c.Groups + d.Groups, Memberships: c.Memberships + d.Memberships,
		GroupAdmins: c.GroupAdmins + d.GroupAdmins,
	}
}

// Users is how many users of any type.
func (c ImportCounts) Users() int { return c.Persons + c.EndUsers + c.APIUsers }

// Rows is how many rows.
func (c ImportCounts) Rows() int { return c.Users() + c.Groups + c.Memberships }

// Kinds are the kinds of change that do, one by one, what the rows do.
func (c ImportCounts) Kinds() []ChangeKind {
	var kinds []ChangeKind
	for _, k := range []struct {
		rows int
		kind ChangeKind
	}{
		{c.Persons, KindUserInvite},
		{c.APIUsers, KindUserCreateAPIUser},
		{c.EndUsers, KindUserCreateEndUser},
		{c.Admins, KindUserChangeRole},
		{c.Grantees, KindUserGrant},
		{c.Groups, KindGroupCreate},
		{c.Memberships, KindMembershipAdd},
	} {
		if k.rows > 0 {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

func (c ImportCounts) validate() error {
	for _, n := range []int{c.Persons, c.Admins, c.EndUsers, c.APIUsers, c.Grantees, c.Groups, c.Memberships, c.GroupAdmins} {
		if n < 0 || n > MaxImportRows {
			return E(Invalid, "counts", "must be those of 1 to 2000 rows of one file")
		}
	}
	sorts := 0
	for _, n := range []int{c.Users(), c.Groups, c.Memberships} {
		if n > 0 {
			sorts++
		}
	}
	switch {
	case c.Admins > c.Persons || c.Grantees > c.Users() || c.GroupAdmins > c.Memberships:
		return E(Invalid, "counts", "must not count more admins or grantees than there are rows")
	case sorts != 1 || c.Rows() > MaxImportRows:
		return E(Invalid, "counts", "must be those of 1 to 2000 rows of one file")
	}
	return nil
}

// Counts is what all batches together do.
func (c *OpenImport) Counts() ImportCounts {
	var sum ImportCounts
	for _, b := range c.Batches {
		sum = sum.Add(b.Counts)
	}
	return sum
}

// Kind returns KindImportOpen.
func (*OpenImport) Kind() ChangeKind { return KindImportOpen }

// ImportFiles are the names of the files an import is made of, in the order in
// which their rows are taken in.
func ImportFiles() []string { return []string{"users.csv", "groups.csv", "memberships.csv"} }

// Validate checks the shape.
func (c *OpenImport) Validate() error {
	if err := firstError(checkText("label", c.Label, MaxNameLength, false), checkHex("salt", c.Salt, 16), checkPermissions(c.Permissions)); err != nil {
		return err
	}
	if len(c.Files) < 1 || len(c.Files) > len(ImportFiles()) {
		return E(Invalid, "files", "must name one to three files")
	}
	seen := map[string]bool{}
	for _, f := range c.Files {
		switch {
		case !slices.Contains(ImportFiles(), f.File) || seen[f.File]:
			return E(Invalid, "files", "must be users.csv, groups.csv or memberships.csv, each once")
		case f.Rows < 0 || f.Rejected < 0 || f.Rejected > f.Rows:
			return E(Invalid, "files", "must count their rows")
		}
		seen[f.File] = true
		if err := checkHex("files", f.SHA256, sha256.Size); err != nil {
			return err
		}
	}
	if len(c.Batches) < 1 || len(c.Batches) > MaxImportBatches {
		return E(Invalid, "batches", "must hold 1 to 8000 batches; cut a larger import into several")
	}
	for _, b := range c.Batches {
		if err := firstError(checkHex("batches", b.Digest, sha256.Size), b.Counts.validate()); err != nil {
			return err
		}
	}
	return nil
}

func checkHex(field, s string, size int) error {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != size || strings.ToLower(s) != s {
		return E(Invalid, field, "must be hexadecimal, in lower case and of the right length")
	}
	return nil
}

// ImportBatch takes in one batch of an import that is open. The change holds the
// batch's digest; what its rows did stands in the entry that applies it.
type ImportBatch struct {
	ImportID ChangeID `json:"import_id"`
	Index    int      `json:"index"`
	Digest   string   `json:"digest"`
	rows     *ImportRows
}

// NewImportBatch is a batch with its rows; raw are the bytes they were read from.
func NewImportBatch(id ChangeID, index int, raw []byte, rows *ImportRows) *ImportBatch {
	sum := sha256.Sum256(raw)
	return &ImportBatch{ImportID: id, Index: index, Digest: hex.EncodeToString(sum[:]), rows: rows}
}

// Rows are what the batch was made with; nil once it was stored and read again.
func (c *ImportBatch) Rows() *ImportRows { return c.rows }

// Kind returns KindImportBatch.
func (*ImportBatch) Kind() ChangeKind { return KindImportBatch }

// Validate checks the shape of the batch and of every row.
func (c *ImportBatch) Validate() error {
	if err := firstError(checkID("import_id", c.ImportID), checkHex("digest", c.Digest, sha256.Size)); err != nil {
		return err
	}
	if c.Index < 0 || c.Index >= MaxImportBatches {
		return E(Invalid, "index", "must be the place of the batch in its import, from 0")
	}
	if c.rows == nil {
		return E(Refused, "", "the batches of an import are sent to their own address")
	}
	return c.rows.Validate()
}

// ImportRows is the body of a batch: rows of one of the files.
type ImportRows struct {
	Salt        string             `json:"salt"`
	Users       []ImportUser       `json:"users,omitzero"`
	Groups      []ImportGroup      `json:"groups,omitzero"`
	Memberships []ImportMembership `json:"memberships,omitzero"`
}

// ImportUser is a row of users.csv. Line is its line in the file, here as below.
type ImportUser struct {
	Line        int          `json:"line"`
	Type        UserType     `json:"type"`
	Name        string       `json:"name,omitzero"`
	Email       string       `json:"email,omitzero"`
	Role        Role         `json:"role,omitzero"`
	ExternalID  string       `json:"external_id,omitzero"`
	Permissions []Permission `json:"permissions,omitzero"`
	// Responsible is the email of the person who answers for an API user.
	Responsible string `json:"responsible,omitzero"`
}

// ImportGroup is a row of groups.csv.
type ImportGroup struct {
	Line                   int          `json:"line"`
	Name                   string       `json:"name"`
	Description            string       `json:"description,omitzero"`
	Permissions            []Permission `json:"permissions,omitzero"`
	ExternalSyncIdentifier string       `json:"external_sync_identifier,omitzero"`
}

// ImportMembership is a row of memberships.csv.
type ImportMembership struct {
	Line int `json:"line"`
	// Group is the group's name.
	Group string `json:"group"`
	// User is the email of a person, the name of an API user or the id of either.
	User string         `json:"user"`
	Role MembershipRole `json:"role,omitzero"`
	// StartsAt and ExpiresAt say whether they were given: the year 1, which some
	// systems write for no time at all, is refused, not taken for no end.
	StartsAt  Opt[time.Time] `json:"starts_at,omitzero"`
	ExpiresAt Opt[time.Time] `json:"expires_at,omitzero"`
}

// File is the name of the file the rows are of.
func (r *ImportRows) File() string {
	files := ImportFiles()
	switch {
	case len(r.Users) > 0:
		return files[0]
	case len(r.Groups) > 0:
		return files[1]
	default:
		return files[2]
	}
}

// Len is how many rows there are.
func (r *ImportRows) Len() int { return len(r.Users) + len(r.Groups) + len(r.Memberships) }

// Validate checks every row.
func (r *ImportRows) Validate() error {
	if err := checkHex("salt", r.Salt, 16); err != nil {
		return err
	}
	sorts := 0
	for _, n := range []int{len(r.Users), len(r.Groups), len(r.Memberships)} {
		if n > 0 {
			sorts++
		}
	}
	if sorts != 1 || r.Len() > MaxImportRows {
		return E(Invalid, "", "a batch holds 1 to 2000 rows of one of users, groups and memberships")
	}
	for i := range r.Users {
		if err := r.Users[i].Validate(); err != nil {
			return ImportRowError("users.csv", r.Users[i].Line, err)
		}
	}
	for i := range r.Groups {
		if err := r.Groups[i].Validate(); err != nil {
			return ImportRowError("groups.csv", r.Groups[i].Line, err)
		}
	}
	for i := range r.Memberships {
		if err := r.Memberships[i].Validate(); err != nil {
			return ImportRowError("memberships.csv", r.Memberships[i].Line, err)
		}
	}
	return nil
}

// Counts says what the rows do.
func (r *ImportRows) Counts() ImportCounts {
	c := ImportCounts{Groups: len(r.Groups), Memberships: len(r.Memberships)}
	for i := range r.Users {
		u := &r.Users[i]
		switch u.Type {
		case EndUser:
			c.EndUsers++
		case APIUser:
			c.APIUsers++
		default:
			c.Persons++
		}
		if u.Role == RoleAdmin {
			c.Admins++
		}
		if len(u.Permissions) > 0 {
			c.Grantees++
		}
	}
	for i := range r.Memberships {
		if r.Memberships[i].Role == GroupAdmin {
			c.GroupAdmins++
		}
	}
	return c
}

// Granted lists the permissions the rows grant, sorted, each once.
func (r *ImportRows) Granted() []Permission {
	seen := map[Permission]bool{}
	for i := range r.Users {
		for _, p := range r.Users[i].Permissions {
			seen[p] = true
		}
	}
	for i := range r.Groups {
		for _, p := range r.Groups[i].Permissions {
			seen[p] = true
		}
	}
	list := make([]Permission, 0, len(seen))
	for p := range seen {
		list = append(list, p)
	}
	slices.Sort(list)
	return list
}

// Validate checks the row as the change of its type would be checked.
func (u *ImportUser) Validate() error {
	given := func(field string, is bool) error {
		if is {
			return E(Invalid, field, "does not belong to a user of type "+string(u.Type))
		}
		return nil
	}
	switch u.Type {
	case Person:
		return firstError(
			given("external_id", u.ExternalID != ""), given("responsible", u.Responsible != ""), checkPermissions(u.Permissions),
			checkText("name", u.Name, MaxNameLength, true), checkEmail("email", u.Email), checkRole("role", Person, u.Role),
		)
	case EndUser:
		return firstError(
			given("email", u.Email != ""), given("role", u.Role != ""), given("permissions", len(u.Permissions) > 0),
			given("responsible", u.Responsible != ""),
			checkText("external_id", u.ExternalID, MaxExternalIDLength, true), checkText("name", u.Name, MaxNameLength, false),
		)
	case APIUser:
		return firstError(
			given("email", u.Email != ""), given("external_id", u.ExternalID != ""), checkPermissions(u.Permissions),
			checkText("name", u.Name, MaxNameLength, true), checkRole("role", APIUser, u.Role), checkEmail("responsible", u.Responsible),
		)
	default:
		return E(Invalid, "type", "must be person, end_user or api_user")
	}
}

// Validate checks the row as the creation of a group would be checked.
func (g *ImportGroup) Validate() error {
	c := CreateGroup{Name: g.Name, Description: g.Description, Permissions: g.Permissions, ExternalSyncIdentifier: g.ExternalSyncIdentifier}
	return c.Validate()
}

// Validate checks the row; an empty role means member.
func (m *ImportMembership) Validate() error {
	return firstError(
		checkText("group", m.Group, MaxNameLength, true), checkText("user", m.User, MaxNameLength, true),
		checkMembershipRole("role", m.Role), checkTerm(m.StartsAt, m.ExpiresAt),
	)
}

// SkippedRow is a row that an import left out, and why.
type SkippedRow struct {
	Line  int    `json:"line"`
	Field string `json:"field"`
	Code  string `json:"code"`
}

// ImportRowError makes an error about a row say where the row stands.
func ImportRowError(file string, line int, err error) error {
	var own *Error
	if !errors.As(err, &own) {
		return err
	}
	c := *own
	at := strconv.Itoa(line)
	c.Message = file + ", line " + at + ": " + c.Message
	c.Detail = maps.Clone(c.Detail)
	if c.Detail == nil {
		c.Detail = map[string]string{}
	}
	c.Detail["file"], c.Detail["line"] = file, at
	return &c
}

// ImportFact is what opening an import moves.
func ImportFact(id ChangeID) Fact { return Fact("import:" + string(id)) }

// ImportBatchFact is what taking in a batch moves: once.
func ImportBatchFact(id ChangeID, index int) Fact {
	return Fact("import.batch:" + string(id) + "/" + strconv.Itoa(index))
}
