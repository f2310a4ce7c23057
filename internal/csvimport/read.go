// Package csvimport turns users.csv, groups.csv and memberships.csv into the
// batches of an import: it reads the files strictly, holds every row to the
// vocabulary, finds what the files say twice, and cuts the rows that are left into
// documents whose digests are known before anything is sent.
//
// It knows no server. The same files and the same salt give the same bytes, on any
// machine: that is how an interrupted import goes on, and how a reviewer compares
// the files with the request he is asked to approve.
package csvimport

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// Reject is a row that cannot be imported.
type Reject struct {
	File string
	Line int
	// Column at fault; empty when it is the row as a whole.
	Column string
	Reason string
	Row    []string
}

// Rows are the files as read.
type Rows struct {
	Files       []countersign.ImportFile
	Users       []countersign.ImportUser
	Groups      []countersign.ImportGroup
	Memberships []countersign.ImportMembership
	Rejects     []Reject
}

// FileError is a file that cannot be read as a whole.
type FileError struct {
	File   string
	Line   int
	Reason string
}

// Error says where and why.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Reason
	}
	return fmt.Sprintf("%s, line %d: %s", e.File, e.Line, e.Reason)
}

// maxRecord bounds one row, in bytes: a quote that is missing must not swallow
// the rest of a file.
const maxRecord = 256 << 10

// Columns are the columns a file may have, those it must have first.
func Columns(file string) (known []string, required int) {
	switch file {
	case "users.csv":
		return []string{"type", "name", "email", "role", "external_id", "permissions", "responsible"}, 1
	case "groups.csv":
		return []string{"name", "description", "permissions", "external_sync_identifier"}, 1
	default:
		return []string{"group", "user", "role", "starts_at", "expires_at"}, 2
	}
}

// Read reads the files of a directory; those that are missing have no rows.
func Read(dir string) (*Rows, error) {
	r := &Rows{}
	for _, name := range countersign.ImportFiles() {
		file, err := os.Open(filepath.Join(dir, name)) //nolint:gosec // the caller names the directory
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		err = r.ReadFile(name, file)
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return nil, err
		}
	}
	if len(r.Files) == 0 {
		return nil, &FileError{File: dir, Reason: "holds none of users.csv, groups.csv and memberships.csv"}
	}
	r.findRepeated()
	return r, nil
}

// ReadFile reads one file.
func (r *Rows) ReadFile(name string, from io.Reader) error {
	source := &source{from: bufio.NewReader(from), sum: sha256.New()}
	table, err := newTable(name, source)
	if err != nil {
		return err
	}
	file := countersign.ImportFile{File: name}
	for {
		row, err := table.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		file.Rows++
		if column, err := r.take(name, row); err != nil {
			file.Rejected++
			r.reject(name, row, column, reasonOf(err))
		}
	}
	file.SHA256 = hex.EncodeToString(source.sum.Sum(nil))
	r.Files = append(r.Files, file)
	return nil
}

func (r *Rows) reject(file string, row row, column, reason string) {
	r.Rejects = append(r.Rejects, Reject{File: file, Line: row.line, Column: column, Reason: reason, Row: slices.Clone(row.fields)})
}

// reasonOf is what an error says to whoever wrote the row.
func reasonOf(err error) string {
	var own *countersign.Error
	if errors.As(err, &own) {
		return own.Message
	}
	return err.Error()
}

// take keeps a row, or says which column is at fault.
func (r *Rows) take(file string, row row) (column string, err error) {
	if given, named := len(row.fields), len(row.table.places); given != named {
		return "", fmt.Errorf("has %d fields, the header names %d", given, named)
	}
	switch file {
	case "users.csv":
		err = r.takeUser(row)
	case "groups.csv":
		err = r.takeGroup(row)
	default:
		err = r.takeMembership(row)
	}
	var own *countersign.Error
	if errors.As(err, &own) {
		column = own.Field
	}
	return column, err
}

func (r *Rows) takeUser(row row) error {
	u := countersign.ImportUser{
		Line: row.line, Type: countersign.UserType(row.cell("type")), Name: row.cell("name"), Email: row.cell("email"),
		Role: countersign.Role(row.cell("role")), ExternalID: row.cell("external_id"), Permissions: row.permissions(), Responsible: row.cell("responsible"),
	}
	if u.Type != countersign.EndUser && u.Role == "" {
		u.Role = countersign.RoleNone
	}
	if err := u.Validate(); err != nil {
		return err
	}
	if err := shown("name", u.Name); err != nil {
		return err
	}
	if err := shown("email", u.Email); err != nil {
		return err
	}
	slices.Sort(u.Permissions)
	r.Users = append(r.Users, u)
	return nil
}

func (r *Rows) takeGroup(row row) error {
	g := countersign.ImportGroup{
		Line: row.line, Name: row.cell("name"), Description: row.cell("description"), Permissions: row.permissions(),
		ExternalSyncIdentifier: row.cell("external_sync_identifier"),
	}
	if err := g.Validate(); err != nil {
		return err
	}
	if err := shown("name", g.Name); err != nil {
		return err
	}
	slices.Sort(g.Permissions)
	r.Groups = append(r.Groups, g)
	return nil
}

func (r *Rows) takeMembership(row row) error {
	m := countersign.ImportMembership{Line: row.line, Group: row.cell("group"), User: row.cell("user"), Role: countersign.MembershipRole(row.cell("role"))}
	var err error
	if m.StartsAt, err = row.moment("starts_at"); err != nil {
		return err
	}
	if m.ExpiresAt, err = row.moment("expires_at"); err != nil {
		return err
	}
	if err := m.Validate(); err != nil {
		return err
	}
	r.Memberships = append(r.Memberships, m)
	return nil
}

// shown refuses what the directory refuses to show.
func shown(field, text string) error {
	if text == "" {
		return nil
	}
	_, err := names.Clean(field, text)
	return err
}

// findRepeated rejects rows that say again what an earlier row of the same file says.
func (r *Rows) findRepeated() {
	seen := map[string]int{}
	// again reports a row whose key an earlier one has.
	again := func(file, column, key string, line int) bool {
		first, known := seen[file+"\x00"+column+"\x00"+key]
		if !known {
			seen[file+"\x00"+column+"\x00"+key] = line
			return false
		}
		r.Rejects = append(r.Rejects, Reject{File: file, Line: line, Column: column, Reason: fmt.Sprintf("is the same as on line %d", first)})
		for i := range r.Files {
			if r.Files[i].File == file {
				r.Files[i].Rejected++
			}
		}
		return true
	}
	r.Users = slices.DeleteFunc(r.Users, func(u countersign.ImportUser) bool {
		switch u.Type {
		case countersign.Person:
			return again("users.csv", "email", names.FoldEmail(u.Email), u.Line)
		case countersign.EndUser:
			return again("users.csv", "external_id", u.ExternalID, u.Line)
		default:
			return false
		}
	})
	r.Groups = slices.DeleteFunc(r.Groups, func(g countersign.ImportGroup) bool {
		return again("groups.csv", "name", names.Fold(g.Name), g.Line)
	})
	r.Memberships = slices.DeleteFunc(r.Memberships, func(m countersign.ImportMembership) bool {
		return again("memberships.csv", "user", names.Fold(m.Group)+"\x00"+names.FoldEmail(m.User), m.Line)
	})
	slices.SortStableFunc(r.Rejects, func(a, b Reject) int {
		if a.File != b.File {
			return slices.Index(countersign.ImportFiles(), a.File) - slices.Index(countersign.ImportFiles(), b.File)
		}
		return a.Line - b.Line
	})
}
