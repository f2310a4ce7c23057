package fordefi_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/names"
)

// dice draws what a test needs; the same seed draws the same.
type dice struct{ *rand.Rand }

func newDice(seed, stream uint64) *dice { return &dice{rand.New(rand.NewPCG(seed, stream))} }

func (d *dice) chance(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d *dice, list ...T) T { return list[d.IntN(len(list))] }

// uuid has the shape of version 7; order is that of the time it names.
func (d *dice) uuid(milli int64) string {
	return fmt.Sprintf("%08x-%04x-7%03x-%04x-%012x", milli>>16, milli&0xffff, d.IntN(1<<12), 0x8000|d.IntN(1<<14), d.Int64N(1<<48))
}

// Names that are found in other spellings: cases, scripts, composed letters, full
// width, and letters whose folding is longer than they are. Few of each, so that
// many people share one. What must be escaped in JSON, in a URL, or looks as if
// it must, is there too.
var (
	givenNames = []string{
		"Ada", "ada", "ADA", "Grace", "Zoë", "ZOË", "Zoe", "Łukasz", "Ольга", "ОЛЬГА", "Σίσυφος", "ΣΊΣΥΦΟΣ", "Ｗｉｄｅ", "wide", "芳", "지우", "أحمد",
		"Jean-Luc", "O'Brien", `Quote "Q"`, `Back\slash`, "A & B <c>", "50% + 1", "a,b", "🦊 Fox",
	}
	familyNames = []string{"Straße", "STRASSE", "strasse", "Ångström", "ÅNGSTRÖM", "Smith", "smith", "Nguyễn", "van den Berg", "李"}
	groupNouns  = []string{"Treasury", "treasury desk", "Ops", "Zürich", "ZÜRICH night", "Казна", "A & B", `"Quoted"`, "Auditors", "決済"}
)

// crowd is how many of each there are.
type crowd struct{ users, groups int }

// filler writes an organization's rows past every door: what is asked about them
// is how they are shown, and the engine could not make some of them in the time a
// test has.
type filler struct {
	*dice
	t            testing.TB
	tx           *sql.Tx
	organization string
	founder      string
	rev          int64
	begun        int64 // microseconds

	users, members, people, groups []string // ids; members can be in groups
	admins                         []string
	emails                         map[string]bool // of the living
	memberships                    int64
}

func (f *filler) exec(query string, args ...any) {
	f.t.Helper()
	if _, err := f.tx.ExecContext(f.t.Context(), query, args...); err != nil {
		f.t.Fatalf("%s %v: %v", query, args, err)
	}
}

func (f *filler) fill(c crowd) {
	f.emails = map[string]bool{}
	for i := range c.users {
		f.user(i)
	}
	for i := range c.groups {
		f.group(i)
	}
	for _, u := range f.members {
		f.join(u)
	}
	f.exec("update audit_heads set user_numbers = ?, group_numbers = ?, membership_numbers = ? where organization_id = ?",
		c.users+1, c.groups, f.memberships, f.organization)
}

// moment draws from few, so that many rows share one; some fall on a whole
// millisecond or second, as the contract writes those otherwise.
func (f *filler) moment() int64 {
	at := f.begun + f.Int64N(400)*60_000_000
	switch f.IntN(4) {
	case 0:
		return at
	case 1:
		return at + 250_000
	case 2:
		return at + f.Int64N(1000) // below a millisecond
	default:
		return at + f.Int64N(1_000_000)
	}
}

// draw is a user's row.
type draw struct {
	kind, role, state, name, email, externalID, ips, invitedBy, resetBy, responsible string
	keptAlive, seen                                                                  int64
}

func (f *filler) user(i int) {
	id := f.uuid(f.begun/1000 + int64(i))
	r := draw{kind: "person", state: "active", ips: "[]", name: pick(f.dice, givenNames...) + " " + pick(f.dice, familyNames...)}
	switch n := f.IntN(100); {
	case n < 76:
		f.person(&r, i)
	case n < 88:
		r.kind, r.role, r.responsible = "api_user", pick(f.dice, "trader", "viewer", "none"), f.founder
		r.state = pick(f.dice, "active", "active", "active", "active", "suspended", "deleted")
		r.ips = pick(f.dice, "[]", "[]", `["192.0.2.0/24"]`, `["192.0.2.7/32","2001:db8::/32"]`)
		if f.chance(50) {
			r.seen = f.moment()
		}
	case n < 95:
		r.kind, r.responsible = "api_signer", f.founder
		r.state = pick(f.dice, "active", "active", "onboarding_pending_code_generation", "onboarding_pending_activation",
			"reset_device_pending_code_generation", "reset_device_pending_activation", "deleted", "suspended")
		if f.chance(60) {
			r.keptAlive = f.moment()
		}
	default:
		r.kind, r.externalID, r.state = "end_user", fmt.Sprint("customer-", i), pick(f.dice, "active", "active", "deleted")
	}
	if len(f.people) > 0 && f.chance(60) {
		r.invitedBy = pick(f.dice, f.people...)
	}
	f.put(id, i, r)
}

func (f *filler) person(r *draw, i int) {
	r.role = pick(f.dice, "trader", "viewer", "viewer", "none")
	switch n := f.IntN(100); {
	case n < 14:
		r.state = "deleted"
	case n < 44:
		r.state = pick(f.dice, "suspended", "onboarding_pending_code_generation", "onboarding_pending_activation",
			"reset_device_pending_code_generation", "reset_device_pending_activation")
	}
	if i < 10 {
		r.state, r.role = "active", "admin" // who decide later
	} else if f.chance(2) && r.state != "active" {
		r.role = "admin" // counted in groups, eligible nowhere
	}
	if (strings.HasPrefix(r.state, "reset_") || f.chance(10)) && len(f.people) > 0 {
		r.resetBy = pick(f.dice, f.people...)
	}
	local, domain := pick(f.dice, "ada", "Ada", "grace.h", "Zoë", "o'brien", "a+b"), pick(f.dice, "example.org", "Example.ORG", "bücher.example")
	for n := 0; ; n++ {
		r.email = fmt.Sprintf("%s%d@%s", local, i/3+n, domain)
		if key := names.FoldEmail(r.email); r.state == "deleted" || !f.emails[key] {
			f.emails[key] = f.emails[key] || r.state != "deleted"
			return
		}
	}
}

func (f *filler) put(id string, i int, r draw) {
	at := f.moment()
	f.exec(`insert into users (organization_id, id, number, type, role, state, name, email, email_key, external_id, permissions,
		responsible_person_id, allowed_ips, invited_by, device_reset_by, created_at, modified_at, last_keep_alive_at, last_active_at,
		rev, attributes_version, role_version, state_version, permissions_version)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.organization, id, i+2, r.kind, r.role, r.state, r.name, r.email, names.FoldEmail(r.email), r.externalID,
		r.responsible, r.ips, r.invitedBy, r.resetBy, at, at+f.Int64N(90_000_000), r.keptAlive, r.seen, f.rev, f.rev, f.rev, f.rev, f.rev)
	f.users = append(f.users, id)
	if r.kind == "person" {
		f.people = append(f.people, id)
		if r.role == "admin" && r.state == "active" {
			f.admins = append(f.admins, id)
		}
	}
	if (r.kind == "person" || r.kind == "api_user") && r.state != "deleted" {
		f.members = append(f.members, id)
	}
}

func (f *filler) group(i int) {
	id, at := f.uuid(f.begun/1000+int64(i)), f.moment()
	name, state := fmt.Sprintf("%s %d", pick(f.dice, groupNouns...), i), "active"
	if i%8 == 7 {
		state = "deleted"
	}
	f.exec(`insert into groups (organization_id, id, number, name, name_key, description, permissions, external_sync_identifier, provenance,
		invitability, member_viewability, state, created_by, modified_by, created_at, modified_at, rev, attributes_version,
		permissions_version, state_version, members_version) values (?, ?, ?, ?, ?, '', '[]', '', '', 'admins_only', 'admins_only', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.organization, id, i+1, name, names.Fold(name), state, f.founder, f.founder, at, at, f.rev, f.rev, f.rev, f.rev, f.rev)
	f.groups = append(f.groups, id)
}

// join puts a user into up to four groups; a removed membership may stand beside
// a living one of the same pair.
func (f *filler) join(user string) {
	for range f.IntN(5) {
		g := f.IntN(len(f.groups))
		state := "active"
		if g%8 == 7 || f.chance(12) {
			state = "removed"
		}
		role := pick(f.dice, "member", "member", "member", "admin")
		f.memberships++
		at := f.moment()
		expires := pick(f.dice, 0, 0, 0, at+1) // over long ago: the row shows it all the same
		f.exec(`insert into memberships (organization_id, id, number, user_id, group_id, role, create_accounts, edit_accounts, run_reports,
			instant_login, starts_at, expires_at, state, created_at, modified_at, rev) values (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, ?, ?, ?, ?, ?)
			on conflict do nothing`,
			f.organization, f.uuid(at/1000), f.memberships, user, f.groups[g], role, expires, state, at, at, f.rev)
	}
}
