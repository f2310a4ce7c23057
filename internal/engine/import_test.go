package engine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
)

// salt of the imports of these tests.
const salt = "000102030405060708090a0b0c0d0e0f"

// manifest is an import with its batches.
type manifest struct {
	open    *countersign.OpenImport
	batches [][]byte
	rows    []*countersign.ImportRows
	id      countersign.ChangeID
}

// addressed puts the email of somebody of the story where rows say <name>; <NAME> is
// the same in capitals.
func (h *house) addressed(rows ...*countersign.ImportRows) []*countersign.ImportRows {
	var pairs []string
	for _, name := range h.cast {
		email := h.user(h.ID(name)).Email
		pairs = append(pairs, "<"+name+">", email, "<"+strings.ToUpper(name)+">", strings.ToUpper(email))
	}
	to := strings.NewReplacer(pairs...)
	out := make([]*countersign.ImportRows, len(rows))
	for i, r := range rows {
		c := *r
		c.Users, c.Memberships = slices.Clone(r.Users), slices.Clone(r.Memberships)
		for j := range c.Users {
			c.Users[j].Email = to.Replace(c.Users[j].Email)
		}
		for j := range c.Memberships {
			c.Memberships[j].User = to.Replace(c.Memberships[j].User)
		}
		out[i] = &c
	}
	return out
}

// importing cuts rows into the batches they are given in.
func importing(rows ...*countersign.ImportRows) *manifest {
	m := &manifest{open: &countersign.OpenImport{Salt: salt}}
	for _, r := range rows {
		r.Salt = salt
		raw, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(raw)
		m.rows, m.batches = append(m.rows, r), append(m.batches, raw)
		m.open.Batches = append(m.open.Batches, countersign.ImportBatchSummary{Digest: hex.EncodeToString(sum[:]), Counts: r.Counts()})
		m.open.Permissions = append(m.open.Permissions, r.Granted()...)
		if !slices.ContainsFunc(m.open.Files, func(f countersign.ImportFile) bool { return f.File == r.File() }) {
			m.open.Files = append(m.open.Files, countersign.ImportFile{File: r.File(), SHA256: strings.Repeat("ab", 32)})
		}
	}
	slices.Sort(m.open.Permissions)
	m.open.Permissions = slices.Compact(m.open.Permissions)
	return m
}

func (m *manifest) batch(index int) *countersign.ImportBatch {
	return countersign.NewImportBatch(m.id, index, m.batches[index], m.rows[index])
}

// opened opens an import, with the approvals it needs.
func (h *house) opened(m *manifest) *manifest {
	h.t.Helper()
	m.id = h.approved(m.open).Change.ID
	return m
}

// take sends a batch.
func (h *house) take(who string, m *manifest, index int) (engine.Result, error) {
	return h.submit(who, engine.Options{}, m.batch(index))
}

func (h *house) takes(m *manifest) {
	h.t.Helper()
	for i := range m.batches {
		if _, err := h.take("ada", m, i); err != nil {
			h.t.Fatalf("batch %d: %v", i, err)
		}
	}
}

func people(emails ...string) *countersign.ImportRows {
	r := &countersign.ImportRows{}
	for i, email := range emails {
		r.Users = append(r.Users, countersign.ImportUser{Line: i + 2, Type: countersign.Person, Name: "Name of " + email, Email: email, Role: countersign.RoleViewer})
	}
	return r
}

func customers(ids ...string) *countersign.ImportRows {
	r := &countersign.ImportRows{}
	for i, id := range ids {
		r.Users = append(r.Users, countersign.ImportUser{Line: i + 2, Type: countersign.EndUser, ExternalID: id})
	}
	return r
}

func groupsOf(names ...string) *countersign.ImportRows {
	r := &countersign.ImportRows{}
	for i, name := range names {
		r.Groups = append(r.Groups, countersign.ImportGroup{Line: i + 2, Name: name})
	}
	return r
}

// pairsOf takes "group: user" pairs.
func pairsOf(pairs ...string) *countersign.ImportRows {
	r := &countersign.ImportRows{}
	for i, p := range pairs {
		group, user, _ := strings.Cut(p, ": ")
		r.Memberships = append(r.Memberships, countersign.ImportMembership{Line: i + 2, Group: group, User: user})
	}
	return r
}

// whole is an import with rows of every sort.
func whole(h *house) *manifest {
	users := people("margaret@new.example", "Katherine@New.example")
	users.Users[0].Permissions = []countersign.Permission{countersign.VaultsCreate, countersign.AccountsRead}
	users.Users = append(users.Users,
		countersign.ImportUser{Line: 4, Type: countersign.EndUser, ExternalID: "customer-1", Name: "Customer One"},
		countersign.ImportUser{Line: 5, Type: countersign.APIUser, Name: "Settlement", Role: countersign.RoleTrader, Responsible: "MARGARET@new.example", Permissions: []countersign.Permission{countersign.UsersRead}})
	groups := groupsOf("Treasury", " Night shift ")
	groups.Groups[0].Permissions = []countersign.Permission{countersign.TransactionsCreate}
	groups.Groups[0].Description, groups.Groups[0].ExternalSyncIdentifier = "Moves money", "okta-7"
	members := pairsOf("treasury: margaret@NEW.example", "night SHIFT: katherine@new.example", "Treasury: settlement", "Treasury: <ada>")
	members.Memberships[1].Role = countersign.GroupAdmin
	members.Memberships[2].StartsAt = countersign.Some(time.Date(2027, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600)))
	members.Memberships[2].ExpiresAt = countersign.Some(time.Date(2028, 1, 2, 3, 4, 5, 0, time.UTC))
	return importing(h.addressed(users, groups, members)...)
}

func TestAnImportMakesWhatSingleChangesWouldMake(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		m := h.opened(whole(h))
		before := h.head().Size
		h.takes(m)
		if moved := h.head().Size - before; moved != 3 {
			t.Errorf("three batches made %d entries", moved)
		}
		see := func(email string) countersign.UserView {
			t.Helper()
			list, err := h.Engine.Users(t.Context(), h.As("ada").Actor, countersign.UserFilter{Text: email}, nil, countersign.Page{Limit: 9})
			if err != nil || len(list.Items) != 1 {
				t.Fatalf("%d users %s (%v)", len(list.Items), email, err)
			}
			return list.Items[0]
		}
		one := only[*countersign.InvitePerson](h.applies("ada", &countersign.InvitePerson{Name: "Single", Email: "single@new.example", Role: countersign.RoleViewer}))
		single, imported := h.user(one.UserID), h.user(see("katherine@new").ID)
		for _, u := range []*countersign.User{&single, &imported} {
			u.ID, u.Number, u.Name, u.Email, u.CreatedAt, u.ModifiedAt = "", 0, "", "", time.Time{}, time.Time{}
			u.Version, u.AttributesVersion, u.RoleVersion, u.StateVersion = 0, min(u.AttributesVersion, 1), min(u.RoleVersion, 1), min(u.StateVersion, 1)
		}
		if diff := cmp.Diff(single, imported); diff != "" {
			t.Errorf("an imported person differs from an invited one (-invited +imported)\n%s", diff)
		}
		if bot := see("settlement"); bot.State != countersign.UserActive || bot.ResponsiblePersonID != see("margaret@new").ID || bot.Role != countersign.RoleTrader || len(bot.Groups) != 1 {
			t.Errorf("%+v", bot)
		}
		if m := see("margaret@new"); !slices.Equal(m.Permissions, []countersign.Permission{countersign.AccountsRead, countersign.VaultsCreate}) || m.Groups[0].Name != "Treasury" {
			t.Errorf("%+v", m)
		}
		if k := see("katherine@new"); k.Groups[0].Name != "Night shift" || k.Groups[0].Role != countersign.GroupAdmin || k.Email != "Katherine@New.example" {
			t.Errorf("%+v", k)
		}
		v, err := h.Engine.Import(t.Context(), h.As("ada").Actor, m.id)
		if err != nil || v.State != engine.ImportComplete || v.Rows != 10 || v.Skipped != 0 || !slices.Equal(v.Applied, []int{0, 1, 2}) {
			t.Errorf("%+v (%v)", v, err)
		}
		if v.Open.Salt != salt || v.Open.Files[0].SHA256 != strings.Repeat("ab", 32) {
			t.Errorf("a reader sees %+v", v.Open)
		}
	})
}

func TestABatchIsTakenInOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		m := h.opened(importing(people("a@new.example", "b@new.example"), groupsOf("One")))
		first, err := h.take("ada", m, 1)
		if err != nil {
			t.Fatal(err)
		}
		size := h.head().Size
		for range 2 {
			again, err := h.take("ada", m, 1)
			if err != nil || again.Change.ID != first.Change.ID || h.head().Size != size {
				t.Errorf("a repeated batch gives %s instead of %s (%v), and the log moved from %d to %d", again.Change.ID, first.Change.ID, err, size, h.head().Size)
			}
		}
		// Also when the import has closed meanwhile.
		h.Clock.Pass(countersign.ImportLife)
		if again, err := h.take("ada", m, 1); err != nil || again.Change.ID != first.Change.ID {
			t.Errorf("after it closed: %v", err)
		}
		_, err = h.take("ada", m, 0)
		refused(t, err, "import_closed", "")
	})
}

func TestWhatABatchMustBe(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		h.People(countersign.RoleAdmin, "mallory")
		m := h.opened(importing(people("a@new.example"), customers("c-1"), groupsOf("One")))
		size := h.head().Size
		never := func(name string, batch *countersign.ImportBatch, code, field string) {
			t.Helper()
			_, err := h.submit("ada", engine.Options{}, batch)
			refused(t, err, code, field)
			if after := h.head().Size; after != size {
				t.Errorf("%s moved the log", name)
			}
		}
		off := slices.Clone(m.batches[0])
		off[len(off)-3] ^= 1
		never("one byte off", countersign.NewImportBatch(m.id, 0, off, m.rows[0]), "digest_mismatch", "")
		never("another place", countersign.NewImportBatch(m.id, 1, m.batches[0], m.rows[0]), "digest_mismatch", "")
		never("beyond the end", countersign.NewImportBatch(m.id, 3, m.batches[0], m.rows[0]), "invalid", "index")
		never("another import", countersign.NewImportBatch(nobody, 0, m.batches[0], m.rows[0]), "import_unknown", "import_id")
		other := only[*countersign.CreateGroup](h.applies("ada", &countersign.CreateGroup{Name: "Two"}))
		size = h.head().Size
		change := h.entriesChange(size - 1)
		never("a change that is no import", countersign.NewImportBatch(change, 0, m.batches[0], m.rows[0]), "import_unknown", "import_id")
		never("without its rows", &countersign.ImportBatch{ImportID: m.id, Digest: m.open.Batches[0].Digest}, "refused", "")
		_, err := h.take("mallory", m, 0)
		refused(t, err, "not_the_importer", "")
		_, err = h.submit("vera", engine.Options{}, m.batch(0))
		if err == nil || h.head().Size != size {
			t.Errorf("a viewer's batch: %v", err)
		}
		_, err = h.submit("ada", engine.Options{}, m.batch(0), &countersign.DeleteGroup{GroupID: other.GroupID})
		refused(t, err, "invalid", "operations.0")
		// What nobody knows of in another organization.
		stranger := newHouse(t, h.Store)
		_, err = stranger.submit("ada", engine.Options{}, m.batch(0))
		refused(t, err, "import_unknown", "import_id")
		_, err = stranger.Engine.Import(t.Context(), stranger.As("ada").Actor, m.id)
		refused(t, err, "import_unknown", "import_id")
		_, err = stranger.Engine.ImportBatch(t.Context(), stranger.As("ada").Actor, m.id, 0)
		refused(t, err, "import_unknown", "import_id")
		h.takes(m)
	})
}

// entriesChange is the change an entry is about.
func (h *house) entriesChange(index int64) countersign.ChangeID {
	h.t.Helper()
	var leaf struct {
		Change struct {
			ID countersign.ChangeID `json:"id"`
		} `json:"change"`
	}
	if err := json.Unmarshal(h.entries(index)[0].Leaf, &leaf); err != nil {
		h.t.Fatal(err)
	}
	return leaf.Change.ID
}

// Whoever approved an import approved what it declares and nothing else.
func TestRowsAreWhatTheImportDeclares(t *testing.T) {
	admin := people("a@new.example")
	admin.Users[0].Role = countersign.RoleAdmin
	granted := people("a@new.example")
	granted.Users[0].Permissions = []countersign.Permission{countersign.ChangesApprove}
	grants := groupsOf("One")
	grants.Groups[0].Permissions = []countersign.Permission{countersign.ChangesApprove}
	head := pairsOf("One: <ada>")
	head.Memberships[0].Role = countersign.GroupAdmin
	salted := people("a@new.example")
	for name, c := range map[string]struct {
		rows    *countersign.ImportRows
		pretend func(m *manifest)
	}{
		"fewer rows":               {people("a@new.example", "b@new.example"), func(m *manifest) { m.open.Batches[0].Counts.Persons = 1 }},
		"more rows":                {people("a@new.example"), func(m *manifest) { m.open.Batches[0].Counts.Persons = 2 }},
		"another type":             {people("a@new.example"), func(m *manifest) { m.open.Batches[0].Counts = countersign.ImportCounts{EndUsers: 1} }},
		"no admin":                 {admin, func(m *manifest) { m.open.Batches[0].Counts.Admins = 0 }},
		"nobody who gets anything": {granted, func(m *manifest) { m.open.Batches[0].Counts.Grantees = 0 }},
		"other permissions":        {granted, func(m *manifest) { m.open.Permissions = []countersign.Permission{countersign.UsersRead} }},
		"a group without any":      {grants, func(m *manifest) { m.open.Permissions = nil }},
		"no group admin":           {head, func(m *manifest) { m.open.Batches[0].Counts.GroupAdmins = 0 }},
		"another salt":             {salted, func(m *manifest) { m.open.Salt = strings.Repeat("f", 32) }},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				m := importing(h.addressed(c.rows)...)
				c.pretend(m)
				h.opened(m)
				size := h.head().Size
				_, err := h.take("ada", m, 0)
				refused(t, err, "not_as_declared", "")
				if h.head().Size != size {
					t.Error("the log moved")
				}
			})
		})
	}
}

// An import needs what the changes would need that do the same one by one.
func TestWhatAnImportNeeds(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		admins := func(need int) countersign.Requirement {
			return countersign.Requirement{Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: need}}}
		}
		policy := countersign.Policy{
			Name: "by kind", Default: admins(1), AcceptedRisks: []countersign.Risk{countersign.RiskNoSpareForTargets}, Rules: []countersign.Rule{
				{ID: "import", Changes: []string{"import.open"}},
				{ID: "customers", Changes: []string{"user.create_end_user"}},
				{ID: "groups", Changes: []string{"group.create"}, Requirement: admins(2)},
				{ID: "admins", Changes: []string{"user.change_role"}, Requirement: admins(3)},
			},
		}
		h.applies("ada", &countersign.SealOrganization{Policy: &policy})
		chief := people("chief@new.example")
		chief.Users[0].Role = countersign.RoleAdmin
		for name, c := range map[string]struct {
			rows []*countersign.ImportRows
			need int
		}{
			"customers": {[]*countersign.ImportRows{customers("c-1")}, 0},
			"people":    {[]*countersign.ImportRows{people("p@new.example")}, 1},
			"groups":    {[]*countersign.ImportRows{people("q@new.example"), groupsOf("One")}, 2},
			"an admin":  {[]*countersign.ImportRows{chief, groupsOf("Two")}, 3},
			"members":   {[]*countersign.ImportRows{pairsOf("One: q@new.example")}, 1},
		} {
			result, err := h.submit("ada", engine.Options{DryRun: true}, importing(c.rows...).open)
			if err != nil {
				t.Fatal(err)
			}
			need := 0
			for _, clause := range result.Change.Requirement.Clauses {
				need += clause.Need
			}
			if need != c.need {
				t.Errorf("%s need %d approvals, want %d", name, need, c.need)
			}
		}
		free := importing(customers("c-2", "c-3"))
		free.id = h.applies("ada", free.open).Change.ID
		h.takes(free)
	})
}

func TestAnImportWaitsForApprovalAndItsBatchesDoNot(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		m := whole(h)
		held, err := h.submit("ada", engine.Options{}, m.open)
		if err != nil || held.Change.State != countersign.ChangePending {
			t.Fatalf("%s (%v)", held.Change.State, err)
		}
		m.id = held.Change.ID
		v, err := h.Engine.Import(t.Context(), h.As("grace").Actor, m.id)
		if err != nil || v.State != engine.ImportState(countersign.ChangePending) || v.Open.ImportID != m.id {
			t.Fatalf("%+v (%v)", v, err)
		}
		_, err = h.take("ada", m, 0)
		refused(t, err, "import_waiting", "")
		h.votes("grace", held.Change, countersign.Approve)
		h.takes(m)

		denied, err := h.submit("ada", engine.Options{}, importing(people("x@new.example")).open)
		if err != nil {
			t.Fatal(err)
		}
		h.votes("grace", denied.Change, countersign.Deny)
		other := importing(people("x@new.example"))
		other.id = denied.Change.ID
		_, err = h.take("ada", other, 0)
		refused(t, err, "import_not_open", "")
	})
}

// What an import was opened under must still suffice when its batches come.
func TestAnImportEndsWhenMoreIsAsked(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		early := h.opened(importing(people("a@new.example"), people("b@new.example")))
		if _, err := h.take("ada", early, 0); err != nil {
			t.Fatal(err)
		}
		h.Seal()
		_, err := h.take("ada", early, 1)
		refused(t, err, "import_predates_seal", "")

		m := h.opened(importing(people("c@new.example"), people("d@new.example")))
		same := countersign.TwoPersonPolicy()
		same.Name = "the same"
		h.approved(&countersign.PutPolicy{Policy: same})
		if _, err := h.take("ada", m, 0); err != nil {
			t.Errorf("under a policy that asks the same: %v", err)
		}
		strict := countersign.TwoPersonPolicy()
		strict.Default.Clauses[0].Need = 2
		h.approved(&countersign.PutPolicy{Policy: strict})
		_, err = h.take("ada", m, 1)
		refused(t, err, "import_policy_moved", "")
	})
}

func TestAnImporterMustStillBeAllowedTo(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		h.applies("ada", h.Grant("vera", countersign.UsersCreate))
		m := importing(people("a@new.example"))
		made, err := h.submit("vera", engine.Options{}, m.open)
		if err != nil {
			t.Fatal(err)
		}
		m.id = made.Change.ID
		more := importing(people("a@new.example"), groupsOf("One"))
		_, err = h.submit("vera", engine.Options{}, more.open)
		refused(t, err, "permission_missing", "")
		h.applies("ada", &countersign.RevokePermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{countersign.UsersCreate}})
		_, err = h.take("vera", m, 0)
		refused(t, err, "permission_missing", "")
		h.applies("ada", h.Grant("vera", countersign.UsersCreate))
		h.applies("ada", &countersign.SuspendUser{UserID: h.ID("vera")})
		_, err = h.take("vera", m, 0)
		refused(t, err, "unauthenticated", "")
	})
}

func TestARowThatIsRefusedEndsItsBatch(t *testing.T) {
	bad := func(change func(u *countersign.ImportUser)) *countersign.ImportRows {
		r := people("a@new.example", "b@new.example", "c@new.example")
		change(&r.Users[1])
		return r
	}
	for name, c := range map[string]struct {
		rows        *countersign.ImportRows
		code, field string
	}{
		"a taken email":          {bad(func(u *countersign.ImportUser) { u.Email = "<ADA>" }), "email_taken", "email"},
		"an email given twice":   {bad(func(u *countersign.ImportUser) { u.Email = "A@new.example" }), "email_taken", "email"},
		"an email that deceives": {bad(func(u *countersign.ImportUser) { u.Email = "a\u200b@new.example" }), "", "email"},
		"nobody answers": {bad(func(u *countersign.ImportUser) {
			*u = countersign.ImportUser{Line: u.Line, Type: countersign.APIUser, Name: "Bot", Role: countersign.RoleNone, Responsible: "nobody@new.example"}
		}), "user_unknown", "responsible"},
		"an unknown group":   {pairsOf("Team: <vera>", "Nowhere: <vera>"), "group_unknown", "group"},
		"an unknown user":    {pairsOf("Team: <vera>", "Team: nobody@new.example"), "user_unknown", "user"},
		"an unknown account": {pairsOf("Team: <vera>", "Team: Nobody"), "user_unknown", "user"},
		"a pair twice":       {pairsOf("Team: <vera>", "team: <VERA>"), "already_member", "user"},
		"an ambiguous name":  {pairsOf("Team: <vera>", "Team: Twin"), "user_ambiguous", "user"},
		"a taken name":       {groupsOf("Other", "TEAM"), "name_taken", "name"},
		"a customer twice":   {customers("c-1", "c-1"), "external_id_taken", "external_id"},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				h.crew()
				h.applies("ada", &countersign.CreateGroup{Name: "Team"})
				for range 2 {
					h.applies("ada", &countersign.CreateAPIUser{Name: "Twin", Role: countersign.RoleNone, ResponsiblePersonID: h.ID("vera")})
				}
				m := h.opened(importing(h.addressed(c.rows)...))
				size := h.head().Size
				_, err := h.take("ada", m, 0)
				var own *countersign.Error
				if !asOwn(err, &own) || own.Field != c.field || c.code != "" && own.Code != c.code || own.Detail["line"] != "3" || own.Detail["file"] != c.rows.File() {
					t.Fatalf("%v %+v", err, own)
				}
				if h.head().Size != size {
					t.Error("the log moved")
				}
				m = importing(h.addressed(c.rows)...)
				m.open.SkipRejects = true
				h.opened(m)
				if _, err := h.take("ada", m, 0); err != nil {
					t.Fatal(err)
				}
				b, err := h.Engine.ImportBatch(t.Context(), h.As("ada").Actor, m.id, 0)
				if err != nil || b.Rows != c.rows.Len()-1 || len(b.Skipped) != 1 || b.Skipped[0].Line != 3 || b.Skipped[0].Field != c.field || c.code != "" && b.Skipped[0].Code != c.code {
					t.Errorf("%+v (%v)", b, err)
				}
			})
		})
	}
}

func asOwn(err error, into **countersign.Error) bool {
	own, ok := err.(*countersign.Error) //nolint:errorlint // the very type is asked for
	*into = own
	return ok
}

// A request that relies on a pair is stale when an import makes the pair.
func TestAnImportMovesWhatOthersRelyOn(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		group := only[*countersign.CreateGroup](h.applies("ada", &countersign.CreateGroup{Name: "Team", MemberIDs: []countersign.UserID{h.ID("bot")}})).GroupID
		left := h.member(h.ID("grace"), group)
		h.applies("ada", &countersign.RemoveMembership{MembershipID: left})
		h.Seal()
		waiting, err := h.submit("linus", engine.Options{}, &countersign.AddMembership{UserID: h.ID("vera"), GroupID: group})
		if err != nil {
			t.Fatal(err)
		}
		replace, err := h.submit("linus", engine.Options{}, &countersign.ReplaceMembers{GroupID: group, MemberIDs: []countersign.UserID{}})
		if err != nil {
			t.Fatal(err)
		}
		h.takes(h.opened(importing(h.addressed(pairsOf("Team: <vera>", "Team: <grace>"))...)))
		for _, c := range []countersign.ChangeID{waiting.Change.ID, replace.Change.ID} {
			v, err := h.Engine.Change(t.Context(), h.As("linus").Actor, c)
			if err != nil || v.State != countersign.ChangeStale {
				t.Errorf("%s (%v)", v.State, err)
			}
		}
	})
}

func TestADryRunOfABatchStoresNothing(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		m := h.opened(importing(people("a@new.example")))
		size := h.head().Size
		if _, err := h.submit("ada", engine.Options{DryRun: true}, m.batch(0)); err != nil || h.head().Size != size {
			t.Error(err)
		}
		h.takes(m)
	})
}

// Many rows are one entry whose effects stand in a blob.
func TestALargeBatchIsOneEntry(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		var ids []string
		for i := range 400 {
			ids = append(ids, fmt.Sprintf("customer-%04d", i))
		}
		m := h.opened(importing(customers(ids...)))
		size := h.head().Size
		h.takes(m)
		if h.head().Size != size+1 || len(h.entries(size)[0].Leaf) > 4096 {
			t.Errorf("%d entries, the last of %d bytes", h.head().Size-size, len(h.entries(size)[0].Leaf))
		}
		var got int
		h.read(func(tx store.ReadTx) error {
			b, err := tx.ImportedBatch(t.Context(), m.id, 0)
			got = b.Rows
			return err
		})
		if got != 400 {
			t.Errorf("%d rows", got)
		}
	})
}

func importDeeds() map[countersign.ChangeKind]deed {
	return map[countersign.ChangeKind]deed{
		countersign.KindImportOpen: {
			sealed:  true,
			do:      func(h *house) engine.Result { return h.approved(whole(h).open) },
			effects: []string{"import api_users=1 batches=3 end_users=1 grantees=2 group_admins=1 groups=2 memberships=4 persons=2"},
		},
		countersign.KindImportBatch: {
			do: does(func(h *house) countersign.Change { return h.opened(importing(customers("c-1", "c-2"))).batch(0) }),
			effects: []string{
				"import.batch digest=c07e70704a29ee152c2b65ed071d1d4d22c8dd70fa0e9f59b0982c29d6ae52eb rows=2",
			},
			rows: func(h *house, r engine.Result) {
				if r.Change.EffectsTotal != 5 { // the batch, and of each customer what he is and his state
					h.t.Errorf("%d effects", r.Change.EffectsTotal)
				}
			},
		},
	}
}

// The year 1 is what some systems write for no time at all. Taken for no end it
// would turn a membership that is over into one for ever.
func TestTheYearOneIsNoEnd(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"starts_at", "expires_at"} {
		rows := &countersign.ImportRows{}
		body := `{"salt":"` + salt + `","memberships":[{"line":7,"group":"Treasury","user":"ada@x.example","` + field + `":"0001-01-01T00:00:00Z"}]}`
		if err := json.Unmarshal([]byte(body), rows); err != nil {
			t.Fatal(err)
		}
		var own *countersign.Error
		if err := rows.Validate(); !errors.As(err, &own) || own.Field != field || own.Detail["line"] != "7" {
			t.Errorf("%s: %v", field, err)
		}
	}
}
