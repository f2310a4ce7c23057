package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/countersign/countersign"
)

// migrations of both engines: same numbers, same tables, each engine's types.
//
//go:embed migrations
var migrations embed.FS

// migrate brings a schema up to date. It must run under a lock that keeps other
// starters out: the lock file on SQLite, goose's session lock on PostgreSQL. A
// schema newer than this program is refused: it may mean what we cannot know.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, folder string, o ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, files, append(o, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return countersign.E(unavailable, "db", "the database cannot be brought up to date").Caused(fmt.Errorf("migrating: %w", err))
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema version: %w", err)
	}
	if current > known {
		return countersign.E(unavailable, "db",
			fmt.Sprintf("the database has schema %d and this program knows %d: it was written by a newer version; run that one", current, known))
	}
	return nil
}
