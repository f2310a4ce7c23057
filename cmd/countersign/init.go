package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store/sqlstore"
)

type initFlags struct {
	organization, adminName, adminEmail string
	url, setupToken, db, credentials    string
}

func newInitCommand(p *process) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Create an organization and its first admin",
		Long: `Create an organization and its first admin, whose token is shown once.

Against a running server with an empty database it needs the setup token the
server printed. With --db it works on a database that no server has open, also
to add a further organization.`,
		Example: `  countersign init --url http://127.0.0.1:8080 --setup-token TOKEN \
    --organization "Northwind" --admin-name "Ada" --admin-email ada@northwind.example
  countersign init --db countersign.db --credentials admin.json \
    --organization "Northwind" --admin-name "Ada" --admin-email ada@northwind.example`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return initialize(cmd.Context(), p, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.organization, "organization", "", "name of the organization")
	flags.StringVar(&f.adminName, "admin-name", "", "name of the first admin")
	flags.StringVar(&f.adminEmail, "admin-email", "", "email of the first admin")
	flags.StringVar(&f.url, "url", "http://127.0.0.1:8080", "address of the running server")
	flags.StringVar(&f.setupToken, "setup-token", "", "setup token the server printed")
	flags.StringVar(&f.db, "db", "", "database no server has open: SQLite file or postgres:// address")
	flags.StringVar(&f.credentials, "credentials", "", "also write the credentials to this file, mode 0600")
	for _, name := range []string{"organization", "admin-name", "admin-email"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
	cmd.MarkFlagsMutuallyExclusive("db", "setup-token")
	return cmd
}

// founded is what init learned, from whichever side.
type founded struct {
	organization, organizationID, number string
	adminID, adminEmail, role, token     string
}

func initialize(ctx context.Context, p *process, f initFlags) error {
	var made founded
	var err error
	switch {
	case f.db != "":
		made, err = initDatabase(ctx, f)
	case f.setupToken != "":
		made, err = initServer(ctx, f)
	default:
		return errors.New("give --setup-token (printed by the server on an empty database), or --db to work on a database directly")
	}
	if err != nil {
		return err
	}
	if f.credentials != "" {
		if err := made.file(f).write(f.credentials); err != nil {
			// The token exists nowhere else: losing it would mean starting over.
			report(p.out, p.err, made)
			return err
		}
	}
	report(p.out, p.err, made)
	return nil
}

// report shows the token on standard output and what to do with it beside it.
func report(out, aside io.Writer, made founded) {
	fmt.Fprintf(aside, "Created %s (%s, number %s).\n", made.organization, made.organizationID, made.number)
	fmt.Fprintf(aside, "The token of %s is shown once; keep it safe:\n", made.adminEmail)
	fmt.Fprintln(out, made.token)
	fmt.Fprint(aside, "\nThe organization is in bootstrap: changes apply at once. Invite at least two more admins, then seal it:\n"+
		"  export COUNTERSIGN_TOKEN=...\n  countersign users invite --help\n  countersign recovery keys --help\n  countersign organization seal --help\n")
}

func (m founded) file(f initFlags) credentialsFile {
	name, _, _ := strings.Cut(m.adminEmail, "@")
	return credentialsFile{
		URL: f.url, Console: f.url + "/console", Database: f.db,
		Organization: organizationCredentials{ID: m.organizationID, Name: m.organization},
		People:       map[string]personCredentials{name: {ID: m.adminID, Email: m.adminEmail, Role: m.role, Token: m.token}},
		Directory:    directoryCredentials{BaseURL: f.url + "/directory/v1", Token: m.token},
	}
}

func initDatabase(ctx context.Context, f initFlags) (made founded, err error) {
	db, err := sqlstore.Open(ctx, f.db, sqlstore.Options{})
	if err != nil {
		return founded{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	e := engine.New(engine.Config{Store: db, Now: time.Now, NewID: newID, Random: rand.Reader, Build: buildVersion()})
	result, err := e.Found(ctx, engine.Founding{Organization: f.organization, AdminName: f.adminName, AdminEmail: f.adminEmail})
	if err != nil {
		return founded{}, err
	}
	return founded{
		organization: result.Organization.Name, organizationID: string(result.Organization.ID), number: result.Organization.Number,
		adminID: string(result.Admin.ID), adminEmail: result.Admin.Email, role: string(result.Admin.Role), token: result.Token.Reveal(),
	}, nil
}
