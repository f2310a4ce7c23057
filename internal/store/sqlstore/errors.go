package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// failure is what a database error means to us.
type failure struct {
	// kind is empty for what should never happen.
	kind countersign.Kind
	// index is the unique index that refused a row.
	index string
	// transient is true when nothing has happened, and the same transaction may
	// succeed when it is run again.
	transient bool
	// unknown is true when the commit may or may not have happened.
	unknown bool
}

// conflict is what a unique index stands for.
type conflict struct {
	index string
	// columns as SQLite names them, which does not tell the name of the index.
	columns string
	err     *countersign.Error
}

// conflicts lists every unique index, and every primary key that an insert can
// meet. A test holds it against both schemas.
func conflicts() []conflict {
	exists := func(code, field, message string) *countersign.Error {
		return countersign.Code(countersign.Exists, code, field, message)
	}
	return []conflict{
		{"organizations_pk", "organizations.organization_id", exists("organization_exists", "id", "is the id of another organization")},
		{"organizations_number", "organizations.number", exists("number_taken", "number", "is the number of another organization")},
		{"users_number", "users.organization_id, users.number", exists("number_taken", "number", "is the number of another user")},
		{"users_living_email", "users.organization_id, users.email_key", exists("email_taken", "email", "is the email of another user")},
		{"users_living_external_id", "users.organization_id, users.external_id", exists("external_id_taken", "external_id", "is the external id of another user")},
		{"groups_number", "groups.organization_id, groups.number", exists("number_taken", "number", "is the number of another group")},
		{"groups_living_name", "groups.organization_id, groups.name_key", exists("name_taken", "name", "is the name of another group")},
		{"memberships_number", "memberships.organization_id, memberships.number", exists("number_taken", "number", "is the number of another membership")},
		{"memberships_living_pair", "memberships.organization_id, memberships.user_id, memberships.group_id", exists("already_member", "user_id", "is already in this group")},
		{"credentials_secret", "credentials.secret_hash", exists("secret_taken", "", "this secret is already in use")},
		{"credentials_client", "credentials.client_id", exists("client_id_taken", "client_id", "is the client id of another credential")},
		{"credentials_approval_key", "credentials.organization_id, credentials.public_key", exists("key_taken", "public_key", "is enrolled in this organization already, or was; make another key")},
		{"imported_batches_pk", "imported_batches.organization_id, imported_batches.import_id, imported_batches.batch", exists("batch_applied", "", "this batch of the import is applied already")},
		{"emergencies_pk", "emergencies.organization_id, emergencies.change_id", exists("emergency_exists", "", "this emergency act is recorded already")},
		{"tickets_pk", "tickets.organization_id, tickets.hash", exists("ticket_taken", "", "this has been used already")},
		{"approvals_pk", "approvals.organization_id, approvals.change_id, approvals.position", exists("approval_exists", "", "an approval was already recorded at this position")},
	}
}

// explain turns a database error into ours; doing says what was being done.
func explain(doing string, err error, f failure) error {
	cause := fmt.Errorf("%s: %w", doing, err)
	switch {
	case f.unknown:
		return countersign.E(countersign.Unavailable, "", "it is not known whether this was done; look before trying again").
			Caused(fmt.Errorf("%w: %w", store.ErrCommitUnknown, cause))
	case f.index != "":
		for _, c := range conflicts() {
			if c.index == f.index {
				return c.err.Caused(cause)
			}
		}
		return cause
	case f.kind == countersign.Unavailable:
		return countersign.E(f.kind, "", "the database cannot do this right now; try again").Caused(cause)
	case f.kind != "":
		return countersign.E(f.kind, "", "the database refused this").Caused(cause)
	default:
		return cause
	}
}

// givenUp is the error of a caller whose context ended first.
func givenUp(cause error) error {
	return countersign.E(countersign.Unavailable, "", "the request ended before the database had answered").Caused(cause)
}

func isGivenUp(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isLostConnection recognizes what database/sql itself says when a connection
// has gone.
func isLostConnection(err error) bool {
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone)
}

// summary shortens a statement to what a log needs to name it.
func summary(q statement) string {
	words := strings.Fields(string(q))
	return strings.Join(words[:min(len(words), 4)], " ")
}

func notFound(what string) error {
	return countersign.E(countersign.NotFound, "", "there is no such "+what)
}
