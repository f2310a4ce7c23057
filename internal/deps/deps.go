// Package deps keeps the agreed dependencies in go.mod while the code that
// needs them is still being written: "go mod tidy" drops what nobody imports.
// Delete a line once the module is imported for real, and the file with the
// last line.
package deps

import (
	_ "github.com/gofrs/flock"
	_ "github.com/gowebpki/jcs" // tests
	_ "github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/pressly/goose/v3"
	_ "github.com/pressly/goose/v3/lock"
	_ "github.com/schollz/progressbar/v3"
	_ "github.com/spf13/cobra"
	_ "go.uber.org/goleak" // tests
	_ "golang.org/x/crypto/argon2"
	_ "golang.org/x/crypto/bcrypt"
	_ "golang.org/x/term"
	_ "golang.org/x/text/secure/precis"
	_ "modernc.org/sqlite"
	_ "pgregory.net/rapid" // tests
)
