package csvimport_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/csvimport"
)

const salt = "000102030405060708090a0b0c0d0e0f"

func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t testing.TB, files map[string]string) *csvimport.Rows {
	t.Helper()
	rows, err := csvimport.Read(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestRowsOfEverySort(t *testing.T) {
	users := "\xef\xbb\xbfemail,name , type,role,permissions,external_id,responsible\r\n" +
		" ada@x.example ,\"Lovelace, Ada\",person,admin,vaults.create accounts.read,,\r\n" +
		"\r\n" +
		",,end_user,,,C-17,\r\n" +
		",Settlement,api_user,,users.read,,ada@x.example\r\n"
	rows := read(t, map[string]string{
		"users.csv":       users,
		"groups.csv":      "name,description\nTreasury,\"Moves\"\" money\"\n",
		"memberships.csv": "user,group,role,starts_at,expires_at\nada@x.example,Treasury,admin,2027-01-31,2027-02-28T10:00:00.1234567+01:00\nSettlement,treasury,,,\n",
	})
	want := &csvimport.Rows{
		Users: []countersign.ImportUser{
			{Line: 2, Type: countersign.Person, Name: "Lovelace, Ada", Email: "ada@x.example", Role: countersign.RoleAdmin, Permissions: []countersign.Permission{"accounts.read", "vaults.create"}},
			{Line: 4, Type: countersign.EndUser, ExternalID: "C-17"},
			{Line: 5, Type: countersign.APIUser, Name: "Settlement", Role: countersign.RoleNone, Permissions: []countersign.Permission{"users.read"}, Responsible: "ada@x.example"},
		},
		Groups: []countersign.ImportGroup{{Line: 2, Name: "Treasury", Description: `Moves" money`}},
		Memberships: []countersign.ImportMembership{
			{Line: 2, Group: "Treasury", User: "ada@x.example", Role: countersign.GroupAdmin, StartsAt: countersign.Some(time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)), ExpiresAt: countersign.Some(time.Date(2027, 2, 28, 9, 0, 0, 123456000, time.UTC))},
			{Line: 3, Group: "treasury", User: "Settlement"},
		},
	}
	sum := sha256.Sum256([]byte(users))
	if rows.Files[0].SHA256 != hex.EncodeToString(sum[:]) || rows.Files[0].Rows != 3 || rows.Files[2].Rows != 2 {
		t.Errorf("%+v", rows.Files)
	}
	rows.Files = nil
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	for name, c := range map[string]struct {
		file, text string
		line       int
		says       string
	}{
		"an empty file":     {"users.csv", "", 1, "is empty"},
		"an unknown column": {"users.csv", "type,nmae\n", 1, `unknown column "nmae"; known are type, name`},
		"a column twice":    {"users.csv", "type,name,name\n", 1, "has the column name twice"},
		"no type":           {"users.csv", "name\n", 1, "lacks the column type"},
		"no user":           {"memberships.csv", "group\n", 1, "lacks the column user"},
		"no name":           {"groups.csv", "description\n", 1, "lacks the column name"},
		"a stray quote":     {"groups.csv", "name\nA\nB\"C\n", 3, "bare"},
		"an open quote":     {"groups.csv", "name\n\"A\n", 2, "quote"},
		"a swallowed file":  {"groups.csv", "name\n\"" + long + "\n", 2, "longer than 256 KB"},
		"a long line":       {"groups.csv", "name\nA\n" + long + "\n", 3, "longer than 256 KB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := csvimport.Read(folder(t, map[string]string{c.file: c.text}))
			var wrong *csvimport.FileError
			if !errors.As(err, &wrong) || wrong.File != c.file || wrong.Line != c.line || !strings.Contains(wrong.Reason, c.says) {
				t.Errorf("%+v", err)
			}
		})
	}
	if _, err := csvimport.Read(t.TempDir()); err == nil {
		t.Error("a folder without files is read")
	}
}

func TestRowsThatAreLeftOut(t *testing.T) {
	rows := read(t, map[string]string{
		"users.csv": "type,name,email,role,external_id,permissions,responsible\n" +
			"person,Ada,ada@x.example,viewer,,,\n" +
			"person,Ada again,ADA@x.example,viewer,,,\n" +
			"person,,nobody@x.example,viewer,,,\n" +
			"person,Grace,grace,viewer,,,\n" +
			"person,Linus,linus@x.example,king,,,\n" +
			"robot,R2,,,,,\n" +
			"end_user,C,,,C-1,,\n" +
			"end_user,C,,,C-1,,\n" +
			"end_user,C,c@x.example,,C-2,,\n" +
			"api_user,Bot,,admin,,,ada@x.example\n" +
			"api_user,Bot,,none,,,\n" +
			"person,Vera,vera@x.example,none,,oops,\n" +
			"person,Short,short@x.example\n" +
			"person,Hi\xffdden,h@x.example,none,,,\n" +
			"person,Zero\u200bwidth,z@x.example,none,,,\n",
		"groups.csv":      "name\nTeam\n TEAM \n",
		"memberships.csv": "group,user,expires_at\nTeam,ada@x.example,\nteam,Ada@x.example,\nTeam,Bot,tomorrow\nTeam,Bot,0001-01-01\nTeam,eve@bücher.example,\nTeam,eve@xn--bcher-kva.example,\n",
	})
	var got []string
	for _, r := range rows.Rejects {
		got = append(got, fmt.Sprintf("%s %d %s", r.File, r.Line, r.Column))
	}
	want := []string{
		"users.csv 3 email", "users.csv 4 name", "users.csv 5 email", "users.csv 6 role", "users.csv 7 type", "users.csv 9 external_id",
		"users.csv 10 email", "users.csv 11 role", "users.csv 12 responsible", "users.csv 13 permissions", "users.csv 14 ", "users.csv 15 name",
		"users.csv 16 name", "groups.csv 3 name", "memberships.csv 3 user", "memberships.csv 4 expires_at",
		"memberships.csv 5 expires_at", "memberships.csv 7 user",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(rows.Users) != 2 || len(rows.Groups) != 1 || len(rows.Memberships) != 2 {
		t.Errorf("%d users, %d groups, %d memberships", len(rows.Users), len(rows.Groups), len(rows.Memberships))
	}
	if rows.Files[0].Rows != 15 || rows.Files[0].Rejected != 13 {
		t.Errorf("%+v", rows.Files[0])
	}
}

func TestTheSameFilesGiveTheSameBatches(t *testing.T) {
	var users, groups, members strings.Builder
	users.WriteString("type,name,email,responsible,permissions\n")
	groups.WriteString("name,permissions\n")
	members.WriteString("group,user,role\n")
	for n := range 2500 {
		if n%5 == 0 {
			fmt.Fprintf(&users, "api_user,Bot %d,,p1@x.example,users.read\n", n)
		} else {
			fmt.Fprintf(&users, "person,P %d,p%d@x.example,,\n", n, n)
		}
		fmt.Fprintf(&members, "Group,p%d@x.example,%s\n", n, map[bool]string{true: "admin"}[n == 7])
	}
	// Rows so large that a thousand of them are no request.
	for n := range 1500 {
		fmt.Fprintf(&groups, "%s %d,%s\n", strings.Repeat("g", 200), n, strings.Repeat("a-very-long-name-of-a-thing.read ", 1)+strings.TrimSpace(strings.Repeat(fmt.Sprintf("p%d.", n), 1)+"read"))
	}
	files := map[string]string{"users.csv": users.String(), "groups.csv": groups.String(), "memberships.csv": members.String()}
	plan, err := read(t, files).Cut(salt, false)
	if err != nil {
		t.Fatal(err)
	}
	again, err := read(t, files).Cut(salt, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan, again); diff != "" {
		t.Errorf("another time (-first +second)\n%s", diff)
	}
	other, err := read(t, files).Cut(strings.Repeat("f", 32), false)
	if err != nil || other.Batches[0].Digest == plan.Batches[0].Digest {
		t.Error("another salt gives the same digest")
	}
	total, stage := countersign.ImportCounts{}, 0
	for i, b := range plan.Batches {
		sum := sha256.Sum256(b.Body)
		var rows countersign.ImportRows
		if err := json.Unmarshal(b.Body, &rows); err != nil {
			t.Fatal(err)
		}
		op := countersign.NewImportBatch("01890a5d-ac96-774b-bcce-b302099a8057", i, b.Body, &rows)
		if err := op.Validate(); err != nil {
			t.Error(err)
		}
		if b.Digest != hex.EncodeToString(sum[:]) || op.Digest != b.Digest || rows.Counts() != b.Counts || len(b.Body) > 1<<20 || b.Counts.Rows() > csvimport.BatchRows || b.Stage < stage {
			t.Errorf("batch %d: %s %+v, %d bytes, stage %d", i, b.Digest, b.Counts, len(b.Body), b.Stage)
		}
		stage, total = b.Stage, total.Add(b.Counts)
	}
	want := countersign.ImportCounts{Persons: 2000, APIUsers: 500, Grantees: 500, Groups: 1500, Memberships: 2500, GroupAdmins: 1}
	if total != want || plan.Open.Counts() != want {
		t.Errorf("%+v", total)
	}
	plan.Open.Permissions = plan.Open.Permissions[:min(len(plan.Open.Permissions), countersign.MaxPermissions)]
	if err := plan.Open.Validate(); err != nil {
		t.Error(err)
	}
}

// Whatever a file holds, it is read or refused by file and line, and what is read
// is what the directory's own rules accept.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"type,name,email\nperson,Ada,ada@x.example\n", "\xef\xbb\xbfname\n\"a\"\"b\"\n", "group,user\nTeam,ada@x.example\n", "name\n\"", "type\n\x00\n", "a,b\r\n\r\n,\n",
		"group,user,starts_at\nT,u,2027-01-01\nT,u,x\n", "type,external_id\nend_user,é\nend_user,é\n",
	} {
		for i := range countersign.ImportFiles() {
			f.Add(i, text)
		}
	}
	f.Fuzz(func(t *testing.T, which int, text string) {
		name := countersign.ImportFiles()[((which%3)+3)%3]
		rows, err := csvimport.Read(folder(t, map[string]string{name: text}))
		if err != nil {
			var wrong *csvimport.FileError
			if !errors.As(err, &wrong) || wrong.File != name || wrong.Line < 1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		file := rows.Files[0]
		if taken := len(rows.Users) + len(rows.Groups) + len(rows.Memberships); file.Rows != taken+len(rows.Rejects) || file.Rejected != len(rows.Rejects) {
			t.Fatalf("%d rows, %d taken, %d left out, %d counted", file.Rows, taken, len(rows.Rejects), file.Rejected)
		}
		plan, err := rows.Cut(salt, true)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range plan.Batches {
			var back countersign.ImportRows
			if err := json.Unmarshal(b.Body, &back); err != nil {
				t.Fatal(err)
			}
			if err := countersign.NewImportBatch("01890a5d-ac96-774b-bcce-b302099a8057", i, b.Body, &back).Validate(); err != nil {
				t.Fatalf("%q: %v", b.Body, err)
			}
		}
		if !slices.IsSortedFunc(rows.Rejects, func(a, b csvimport.Reject) int { return a.Line - b.Line }) {
			t.Fatal("rejects are not in order")
		}
	})
}
