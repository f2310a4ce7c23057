package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
)

// writeImport writes files of an import and returns how many rows they have.
func writeImport(t *testing.T, dir string, users, groups, memberships int) int {
	t.Helper()
	var u, g, m strings.Builder
	u.WriteString("type,name,email,external_id\n")
	for n := range users {
		if n%10 == 9 {
			fmt.Fprintf(&u, "end_user,Customer %d,,customer-%d\n", n, n)
		} else {
			fmt.Fprintf(&u, "person,Person %d,p%d@import.example,\n", n, n)
		}
	}
	g.WriteString("name,permissions\n")
	for n := range groups {
		fmt.Fprintf(&g, "Group %d,transactions.create\n", n)
	}
	m.WriteString("group,user\n")
	for n := range memberships {
		person := n % users
		if person%10 == 9 {
			person--
			fmt.Fprintf(&m, "Group %d,p%d@import.example\n", (n/users+groups/2)%groups, person)
			continue
		}
		fmt.Fprintf(&m, "Group %d,p%d@import.example\n", (n/users)%groups, person)
	}
	for name, text := range map[string]string{"users.csv": u.String(), "groups.csv": g.String(), "memberships.csv": m.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return users + groups + memberships
}

var importedLine = regexp.MustCompile(`imported (\d+) of (\d+) rows`)

// runImport runs the import command as a process of its own, and calls whenHalf
// once half of the rows are imported.
func runImport(t *testing.T, server *program, token, dir string, whenHalf func(*exec.Cmd)) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "import", dir)
	cmd.Env = append(os.Environ(), "COUNTERSIGN_TEST_IS_PROGRAM=1", "COUNTERSIGN_URL="+server.url, "COUNTERSIGN_TOKEN="+token)
	var out bytes.Buffer
	cmd.Stdout = &out
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		var done, total int
		if found := importedLine.FindString(lines.Text()); found != "" && whenHalf != nil {
			if _, err := fmt.Sscanf(found, "imported %d of %d rows", &done, &total); err == nil && 2*done >= total {
				whenHalf(cmd)
				whenHalf = nil
			}
		}
	}
	err = cmd.Wait()
	return all.String() + out.String(), err
}

// Killed half-way, the client or the server, and started again: every row is
// there once.
func TestAnImportThatIsKilledGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	for name, kill := range map[string]func(server *program, client *exec.Cmd){
		"the client": func(_ *program, client *exec.Cmd) { _ = client.Process.Signal(syscall.SIGKILL) },
		"the server": func(server *program, _ *exec.Cmd) { server.kill() },
	} {
		t.Run(name, func(t *testing.T) {
			dir, db := t.TempDir(), filepath.Join(t.TempDir(), "countersign.db")
			const users, groups, memberships = 3000, 40, 6000
			rows := writeImport(t, dir, users, groups, memberships)
			server := start(t, "serve", "--db", db, "--listen", "127.0.0.1:0")
			token := found(t, server)
			killed := false
			text, err := runImport(t, server, token, dir, func(client *exec.Cmd) {
				killed = true
				kill(server, client)
			})
			if err == nil || !killed {
				t.Fatalf("the import was not interrupted: %s", text)
			}
			if name == "the server" {
				server = start(t, "serve", "--db", db, "--listen", "127.0.0.1:0")
			}
			text, err = runImport(t, server, token, dir, nil)
			if err != nil || !strings.Contains(text, "going on with import") || !strings.Contains(text, fmt.Sprintf("is complete: %d rows imported, 0 left out", rows)) {
				t.Fatalf("going on: %v\n%s", err, text)
			}
			if again, err := runImport(t, server, token, dir, nil); err != nil || !strings.Contains(again, "is complete") {
				t.Errorf("a third time: %v\n%s", err, again)
			}
			var me struct {
				Organization struct {
					ID countersign.OrganizationID `json:"id"`
				} `json:"organization"`
			}
			if status, err := ask(t.Context(), "GET", server.url+"/directory/v1/me", token, nil, &me); err != nil || status != http.StatusOK {
				t.Fatalf("me answered %d, %v", status, err)
			}
			stop(t, server)
			mustHoldRows(t, db, me.Organization.ID, users, groups, memberships)
		})
	}
}

// mustHoldRows counts what an import made, each by its own key, beside the admin
// who was there.
func mustHoldRows(t *testing.T, file string, org countersign.OrganizationID, users, groups, memberships int) {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), file, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	keys := map[string]int{}
	err = db.Read(t.Context(), org, func(tx store.ReadTx) error {
		err := tx.UsersSince(t.Context(), 0, func(u countersign.User) error {
			keys["user "+u.Email+u.ExternalID]++
			return nil
		})
		if err == nil {
			err = tx.GroupsSince(t.Context(), 0, func(g countersign.Group) error {
				keys["group "+g.Name]++
				return nil
			})
		}
		if err == nil {
			err = tx.MembershipsSince(t.Context(), 0, func(m countersign.Membership) error {
				keys["membership "+string(m.UserID)+" "+string(m.GroupID)]++
				return nil
			})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, n := range keys {
		if n != 1 {
			t.Errorf("%s is there %d times", key, n)
		}
	}
	if want := users + groups + memberships + 1; len(keys) != want {
		t.Errorf("%d rows, want %d", len(keys), want)
	}
}
