package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/countersign/countersign/internal/store/sqlstore"
)

// generation is counted up when the generator makes other rows than before.
const generation = "2"

// cache keeps generated databases, so that they are made once. Masters are only
// read; what is going to change works on a copy.
type cache struct {
	dir    string
	schema string
	say    progress
}

func openCache(ctx context.Context, dir string, say progress) (*cache, error) {
	if dir == "" {
		own, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("%w; name a folder with -dir", err)
		}
		dir = filepath.Join(own, "countersign-bench")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	schema, err := schemaHash(ctx, dir)
	return &cache{dir: dir, schema: schema, say: say}, err
}

// schemaHash tells one schema from another by what the migrations make.
func schemaHash(ctx context.Context, dir string) (string, error) {
	dir, err := os.MkdirTemp(dir, "schema-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "empty.db")
	db, err := sqlstore.Open(ctx, file, sqlstore.Options{})
	if err != nil {
		return "", err
	}
	if err := db.Close(); err != nil {
		return "", err
	}
	raw, err := openRaw(file)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	fmt.Fprintln(hash, "generation", generation, sqlTable)
	err = eachText(ctx, raw, "select coalesce(sql, '') from sqlite_master order by name", func(text string) { fmt.Fprintln(hash, text) })
	return hex.EncodeToString(hash.Sum(nil))[:8], errors.Join(err, raw.Close())
}

// eachText calls fn with the one column of every row.
func eachText(ctx context.Context, db *sql.DB, query string, fn func(string)) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		fn(text)
	}
	return rows.Err()
}

// master returns the database named, which make makes if it is not there yet.
func (c *cache) master(name string, make func(file string) error) (string, error) {
	file := filepath.Join(c.dir, name+"-"+c.schema+".db")
	if _, err := os.Stat(file + ".json"); err == nil {
		return file, nil
	}
	dir, err := os.MkdirTemp(c.dir, "making-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "made.db")
	if err := make(made); err != nil {
		return "", err
	}
	// The description comes last: a database without it was not finished.
	return file, errors.Join(os.Rename(made, file), os.Rename(made+".json", file+".json"))
}

// world returns the database of a shape.
func (c *cache) world(ctx context.Context, s shape) (string, error) {
	return c.master("world-"+s.String(), func(file string) error { return generate(ctx, file, s, c.say) })
}

// clean removes what was made for another schema or by another generator. Only
// names that this program gives are touched.
func (c *cache) clean() error {
	var err error
	for _, kind := range []string{"world-", "sql-", "many-"} {
		found, globErr := filepath.Glob(filepath.Join(c.dir, kind+"*.db*"))
		err = errors.Join(err, globErr)
		for _, file := range found {
			if !strings.Contains(filepath.Base(file), "-"+c.schema+".db") {
				err = errors.Join(err, os.Remove(file))
			}
		}
	}
	return err
}

// copied is a copy that may be changed; remove takes it away.
func (c *cache) copied(file string) (copied string, remove func() error, err error) {
	dir, err := os.MkdirTemp(c.dir, "copy-")
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	copied = filepath.Join(dir, "copy.db")
	for _, suffix := range []string{"", ".json"} {
		if err := copyFile(copied+suffix, file+suffix); err != nil {
			return "", nil, errors.Join(err, remove())
		}
	}
	return copied, remove, nil
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
