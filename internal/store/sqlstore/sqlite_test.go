package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

func TestAConnectionWhoseSettingsDidNotTakeIsRefused(t *testing.T) {
	for _, writer := range []bool{true, false} {
		right := sqlstore.Pragmas(writer)
		read := func(name string) (string, error) { return right[name], nil }
		if err := sqlstore.CheckPragmas(writer, read); err != nil {
			t.Errorf("the right settings: %v", err)
		}
		for wrong := range right {
			err := sqlstore.CheckPragmas(writer, func(name string) (string, error) {
				if name == wrong {
					return "delete", nil
				}
				return read(name)
			})
			if !errors.Is(err, countersign.Unavailable) || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s set otherwise: %v", wrong, err)
			}
		}
		broken := errors.New("broken")
		if err := sqlstore.CheckPragmas(writer, func(string) (string, error) { return "", broken }); !errors.Is(err, broken) {
			t.Errorf("settings that cannot be read: %v", err)
		}
	}
}

// The settings as an outsider reads them, not as the check believes them.
func TestWhatDurabilityNeedsIsOn(t *testing.T) {
	write, read := testdb.SQLite(t).(*testdb.DB).Pools()
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		query(t, write, "pragma "+name, func(row map[string]string) {
			if row[name] != want {
				t.Errorf("the writer has %s %s", name, row[name])
			}
		})
		query(t, read, "pragma "+name, func(row map[string]string) {
			if row[name] != want {
				t.Errorf("a reader has %s %s", name, row[name])
			}
		})
	}
	if n := write.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d writers", n)
	}
	if n := read.Stats().MaxOpenConnections; n < 2 {
		t.Errorf("%d readers", n)
	}
	if _, err := read.ExecContext(t.Context(), "delete from users"); err == nil {
		t.Error("a reader could write")
	}
	if _, err := write.ExecContext(t.Context(), `select "no such column" from users`); err == nil {
		t.Error("a name in double quotes became a string")
	}
}

func TestOnlyTheOwnerCanReadTheFiles(t *testing.T) {
	url := testdb.SQLiteURL(t)
	db, err := testdb.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(url + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%q has mode %o", suffix, mode)
		}
	}
}

func TestADatabaseInUseIsRefusedUnderEveryName(t *testing.T) {
	folder := t.TempDir()
	file, link := filepath.Join(folder, "real.db"), filepath.Join(folder, "link.db")
	db, err := testdb.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	for _, name := range []string{file, link, "real.db", "sqlite:real.db", "sqlite://" + file, "./link.db"} {
		_, err := testdb.Open(t.Context(), name)
		var e *countersign.Error
		if !errors.Is(err, countersign.Unavailable) || !errors.As(err, &e) || e.Code != "database_in_use" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := fmt.Sprintf("in use by process %d: stop", os.Getpid()); !strings.Contains(e.Message, want) {
			t.Errorf("the message does not say by whom and what to do: %q", e.Message)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{link, "real.db"} {
		again, err := testdb.Open(t.Context(), name)
		if err != nil {
			t.Fatalf("%s after closing: %v", name, err)
		}
		again.Close()
	}
}

// The lock of a process that was killed is gone with it.
func TestAKilledProcessLeavesNoLockAndLosesNothing(t *testing.T) {
	const variable = "COUNTERSIGN_TEST_KILL"
	if file := os.Getenv(variable); file != "" {
		db, err := testdb.Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		found(t, db, "killed")
		for n := 1; ; n++ {
			if err := db.Write(t.Context(), "killed", func(tx store.WriteTx) error {
				return tx.PutUser(t.Context(), countersign.User{ID: countersign.UserID(fmt.Sprintf("%06d", n)), Version: int64(n)}, "")
			}); err != nil {
				t.Fatal(err)
			}
			fmt.Println("acknowledged", n)
		}
	}
	url := testdb.SQLiteURL(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), program, "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), variable+"="+url)
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for acknowledged < 50 {
		if _, err := fmt.Fscanf(output, "acknowledged %d\n", &acknowledged); err != nil {
			t.Fatalf("the child said something else: %v", err)
		}
	}
	if _, err := testdb.Open(t.Context(), url); !errors.Is(err, countersign.Unavailable) {
		t.Errorf("a database that another process uses: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := fmt.Fscanf(output, "acknowledged %d\n", &acknowledged); err != nil {
			break
		}
	}
	_ = child.Wait()
	db, err := testdb.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got := users(t, db, "killed"); len(got) < acknowledged {
		t.Errorf("%d users were acknowledged, %d are there", acknowledged, len(got))
	}
}

func TestCloseMovesTheLogIntoTheFile(t *testing.T) {
	url := testdb.SQLiteURL(t)
	db, err := testdb.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	found(t, db, "o")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(url + "-wal"); err == nil && info.Size() > 0 {
		t.Errorf("%d bytes stayed in the log", info.Size())
	}
}

func TestWhatIsNoDatabaseOfOursIsRefused(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"nothing": "", "memory": ":memory:", "memory as a URL": "sqlite::memory:", "a folder": folder + "/",
		"a folder that is not there": filepath.Join(folder, "no", "file.db"), "a text file": text,
		"another database": "mysql://localhost/x", "a folder without a slash": folder,
	} {
		db, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
		if err == nil {
			db.Close()
			t.Errorf("%s was opened", name)
		} else if kind := countersign.KindOf(err); kind != countersign.Invalid && kind != countersign.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Whoever was refused holds no lock.
	if err := os.Remove(text); err != nil {
		t.Fatal(err)
	}
	db, err := sqlstore.Open(t.Context(), text, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
}

func TestASchemaNewerThanTheProgramIsRefused(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := open().(*testdb.DB)
		write, _ := db.Pools()
		if _, err := write.ExecContext(t.Context(), "insert into goose_db_version (version_id, is_applied) values (99999, "+
			map[bool]string{true: "1", false: "true"}[db.Exclusive()]+")"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		_, err := testdb.Open(t.Context(), db.URL)
		if !errors.Is(err, countersign.Unavailable) || !strings.Contains(err.Error(), "newer") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAFileNameIsNoURL(t *testing.T) {
	name := filepath.Join(t.TempDir(), "50% & more?_pragma=synchronous(OFF)#x.db")
	db, err := testdb.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
	write, _ := db.Pools()
	query(t, write, "pragma synchronous", func(row map[string]string) {
		if row["synchronous"] != "2" {
			t.Errorf("a file name set synchronous to %s", row["synchronous"])
		}
	})
}

// found creates an organization.
func found(t testing.TB, db store.Store, id countersign.OrganizationID) {
	t.Helper()
	o := countersign.Organization{ID: id, Number: string(id)}
	if err := db.Found(t.Context(), o, func(store.WriteTx) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// users reads the ids of all users.
func users(t testing.TB, db store.Store, org countersign.OrganizationID) (ids []countersign.UserID) {
	t.Helper()
	err := db.Read(context.WithoutCancel(t.Context()), org, func(tx store.ReadTx) error {
		return tx.UsersSince(t.Context(), -1, func(u countersign.User) error { ids = append(ids, u.ID); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}
