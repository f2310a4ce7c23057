package replay

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/alike"
	"github.com/countersign/countersign/internal/store"
)

// importLife is how long the batches of an import may be taken in.
const importLife = 24 * time.Hour

type importFields struct {
	Batches     int64  `json:"batches"`
	Persons     int64  `json:"persons"`
	Admins      int64  `json:"admins"`
	EndUsers    int64  `json:"end_users"`
	APIUsers    int64  `json:"api_users"`
	Grantees    int64  `json:"grantees"`
	Groups      int64  `json:"groups"`
	Memberships int64  `json:"memberships"`
	GroupAdmins int64  `json:"group_admins"`
	SkipRejects string `json:"skip_rejects"`
}

type importBatchFields struct {
	Digest  string                   `json:"digest"`
	Rows    int64                    `json:"rows"`
	Skipped []countersign.SkippedRow `json:"skipped"`
}

// importedKinds are the kinds of change by which the rows of an import could have
// been asked for one by one: an import must not need less.
func importedKinds(open *countersign.OpenImport) []countersign.ChangeKind {
	kinds := []countersign.ChangeKind{open.Kind()}
	for _, b := range open.Batches {
		n := b.Counts
		for kind, rows := range map[countersign.ChangeKind]int{
			countersign.KindUserInvite: n.Persons, countersign.KindUserCreateEndUser: n.EndUsers, countersign.KindUserCreateAPIUser: n.APIUsers,
			countersign.KindUserChangeRole: n.Admins, countersign.KindUserGrant: n.Grantees,
			countersign.KindGroupCreate: n.Groups, countersign.KindMembershipAdd: n.Memberships,
		} {
			if rows > 0 && !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}

// imported describes an import by those kinds. What its rows fill is not known
// before they come, so it meets whatever a condition says of groups and
// permissions, and makes approvers where it makes admins or fills groups.
func (p *player) imported(r *request, open *countersign.OpenImport) []about {
	asker, _ := read[userFields](p, countersign.UserFact(r.Requester))
	all := about{asker: asker.Type, gives: slices.Clone(open.Permissions), unmakes: p.makes(open.Permissions)}
	var n countersign.ImportCounts
	for _, b := range open.Batches {
		n = n.Add(b.Counts)
	}
	for t, rows := range map[countersign.UserType]int{countersign.Person: n.Persons, countersign.APIUser: n.APIUsers, countersign.EndUser: n.EndUsers} {
		if rows > 0 {
			all.types = append(all.types, t)
		}
	}
	if n.Memberships > 0 {
		policy, _ := read[policyField](p, countersign.PolicyFact())
		all.groups, all.gives = []countersign.GroupID{wildcard}, append(all.gives, wildcard)
		for _, rule := range policy.Policy.Rules {
			all.groups, all.gives = append(all.groups, rule.When.GroupIDs...), append(all.gives, rule.When.Permissions...)
		}
	}
	all.unmakes = all.unmakes || n.Memberships > 0 || n.Admins > 0
	var out []about
	for _, kind := range importedKinds(open) {
		op := all
		op.kind = kind
		if t, creates := map[countersign.ChangeKind]countersign.UserType{
			countersign.KindUserInvite: countersign.Person, countersign.KindUserCreateAPIUser: countersign.APIUser, countersign.KindUserCreateEndUser: countersign.EndUser,
		}[kind]; creates {
			op.types = []countersign.UserType{t}
		}
		out = append(out, op)
	}
	return out
}

// checkImport holds a batch of an import to what was approved: these bytes, at
// this place, by who asked, in time, and effects that are what was declared.
func (p *player) checkImport(r *request, effects []leafEffect) {
	if len(r.ops) != 1 {
		return
	}
	if open, is := r.ops[0].(*countersign.OpenImport); is {
		p.checkOpened(open, effects)
	}
	batch, is := r.ops[0].(*countersign.ImportBatch)
	if !is {
		return
	}
	opened, known := p.requests[batch.ImportID]
	if !p.must(known && opened.state == countersign.ChangeApplied && len(opened.ops) == 1, "batch of import %s, which is not open", batch.ImportID) {
		return
	}
	open, is := opened.ops[0].(*countersign.OpenImport)
	if !p.must(is && open.ImportID == opened.ID && batch.Index < len(open.Batches), "batch %d of import %s, which has none", batch.Index, batch.ImportID) {
		return
	}
	p.must(opened.Requester == r.Requester, "batch of an import of %s comes from %s", opened.Requester, r.Requester)
	p.must(p.now.Before(opened.closedAt.Add(importLife)), "batch of an import that was opened at %s", opened.closedAt)
	p.must(!opened.Bootstrap || !p.sealed(), "batch of an import that was opened before the seal")
	declared := open.Batches[batch.Index]
	p.must(declared.Digest == batch.Digest, "batch %d of import %s has another digest", batch.Index, batch.ImportID)
	var own importBatchFields
	var done countersign.ImportCounts
	for _, e := range effects {
		raw, err := json.Marshal(e.Set)
		kind, _, _ := strings.Cut(string(e.Fact), ":")
		switch {
		case err != nil:
		case e.Fact == countersign.ImportBatchFact(batch.ImportID, batch.Index):
			err = strictly(raw, &own)
		case kind == "user":
			var u userFields
			if err = strictly(raw, &u); u.Type == countersign.Person {
				done.Persons++
			} else if u.Type == countersign.EndUser {
				done.EndUsers++
			} else if u.Type == countersign.APIUser {
				done.APIUsers++
			}
		case kind == "user.role" && string(e.Set["role"]) == `"admin"`:
			done.Admins++
		case kind == "user.permissions":
			done.Grantees++
			p.checkGranted(e, open)
		case kind == "group":
			done.Groups++
		case kind == "group.permissions":
			p.checkGranted(e, open)
		case kind == "membership":
			done.Memberships++
			if string(e.Set["role"]) == `"admin"` {
				done.GroupAdmins++
			}
		}
		p.must(err == nil, "%s cannot be read: %v", e.Fact, err)
	}
	p.must(int(own.Rows)+len(own.Skipped) == declared.Counts.Rows() && int(own.Rows) == done.Rows(),
		"batch %d of import %s says %d rows and %d skipped, has %d, and %d were declared", batch.Index, batch.ImportID, own.Rows, len(own.Skipped), done.Rows(), declared.Counts.Rows())
	if len(own.Skipped) == 0 {
		p.must(done == declared.Counts, "batch %d of import %s does %+v, declared as %+v", batch.Index, batch.ImportID, done, declared.Counts)
	} else {
		p.must(open.SkipRejects, "batch %d of import %s leaves rows out", batch.Index, batch.ImportID)
	}
	p.must(done.Admins <= declared.Counts.Admins && done.Grantees <= declared.Counts.Grantees && done.GroupAdmins <= declared.Counts.GroupAdmins,
		"batch %d of import %s does %+v, declared as %+v", batch.Index, batch.ImportID, done, declared.Counts)
}

// checkOpened holds what the log says of an import in short to what was approved.
func (p *player) checkOpened(open *countersign.OpenImport, effects []leafEffect) {
	if !p.must(len(effects) == 1 && effects[0].Fact == countersign.ImportFact(open.ImportID), "import %s has %d effects", open.ImportID, len(effects)) {
		return
	}
	var is, want importFields
	raw, err := json.Marshal(effects[0].Set)
	if err == nil {
		err = strictly(raw, &is)
	}
	for _, b := range open.Batches {
		n := b.Counts
		want.Batches++
		want.Persons, want.Admins, want.EndUsers, want.APIUsers = want.Persons+int64(n.Persons), want.Admins+int64(n.Admins), want.EndUsers+int64(n.EndUsers), want.APIUsers+int64(n.APIUsers)
		want.Grantees, want.Groups, want.Memberships, want.GroupAdmins = want.Grantees+int64(n.Grantees), want.Groups+int64(n.Groups), want.Memberships+int64(n.Memberships), want.GroupAdmins+int64(n.GroupAdmins)
	}
	if open.SkipRejects {
		want.SkipRejects = "yes"
	}
	p.must(err == nil && is == want, "import %s says %+v, and its change %+v (%v)", open.ImportID, is, want, err)
}

func (p *player) checkGranted(e leafEffect, open *countersign.OpenImport) {
	var granted []countersign.Permission
	err := json.Unmarshal(e.Set["permissions"], &granted)
	p.must(err == nil, "%s cannot be read: %v", e.Fact, err)
	for _, permission := range granted {
		p.must(slices.Contains(open.Permissions, permission), "%s grants %s, which the import does not declare", e.Fact, permission)
	}
}

// compareImports holds the rows of applied batches to the log.
func (p *player) compareImports() {
	for _, r := range p.order {
		open, is := countersign.Change(nil), false
		if len(r.ops) == 1 {
			open, is = r.ops[0], r.ops[0].Kind() == countersign.KindImportOpen
		}
		if !is {
			continue
		}
		id := open.(*countersign.OpenImport).ImportID
		want := map[int]store.ImportedBatch{}
		for _, key := range p.keys("import.batch") {
			of, place, _ := strings.Cut(key, "/")
			index, err := strconv.Atoi(place)
			if of != string(id) || !p.must(err == nil, "import.batch:%s is no batch", key) {
				continue
			}
			fields, f := read[importBatchFields](p, countersign.ImportBatchFact(id, index))
			want[index] = store.ImportedBatch{
				Import: id, Index: index, Change: p.changeAt(f.version), Position: f.version, Rows: int(fields.Rows), Skipped: fields.Skipped,
			}
		}
		got := map[int]store.ImportedBatch{}
		err := p.tx.ImportedBatches(p.ctx, id, func(b store.ImportedBatch) error {
			got[b.Index] = b
			return nil
		})
		diff := alike.Diff(want, got)
		p.must(err == nil && diff == "", "batches of import %s (-log +store)\n%s (%v)", id, diff, err)
	}
}

// changeAt is the change that was applied at a position.
func (p *player) changeAt(position int64) countersign.ChangeID {
	for _, r := range p.order {
		if r.applied == position {
			return r.ID
		}
	}
	return ""
}
