package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func organizationTests(*suite) []test {
	return []test{
		{name: "an organization that is not there is NotFound", run: unknownOrganization},
		{name: "no read of one organization shows another, although all ids are the same", run: readsAreIsolated},
		{name: "no write in one organization changes another, although all ids are the same", run: writesAreIsolated},
		{name: "secrets and client ids are unique in the deployment and locate their organization", run: locate},
		{name: "a user id that two organizations hold locates neither", run: locateAmbiguous},
		{name: "organizations are listed in order of id", run: listOrganizations, alone: true},
	}
}

func unknownOrganization(s *suite) {
	ran := errors.New("ran")
	for _, org := range []countersign.OrganizationID{"nobody", "", "' or 1=1 --"} {
		s.is(s.store.Read(s.Context(), org, func(store.ReadTx) error { return ran }), countersign.NotFound)
		s.is(s.store.Write(s.Context(), org, func(store.WriteTx) error { return ran }), countersign.NotFound)
	}
}

// markedIn are the words that stand in every value of one organization. Ids
// are the same in both, but for one row of each kind whose id holds the mark.
type marks struct{ word, count string }

var (
	markA = marks{"mark-of-A", "3"}
	markB = marks{"mark-of-B", "2"}
)

// marked fills an organization. Whatever is read back shows the mark.
func marked(s *suite, m marks) countersign.OrganizationID {
	o := organization()
	o.Name = m.word
	now := time.UnixMicro(1_700_000_000_000_000).UTC()
	s.must(s.store.Found(s.Context(), o, func(tx store.WriteTx) error {
		ctx := s.Context()
		word := m.word
		s.must(tx.PutCataloguePermission(ctx, countersign.CataloguePermission{Permission: "things.read", Description: word, Version: 1}))
		u := endUser(1)
		u.Name, u.ExternalID = word, "outside"
		s.must(tx.PutUser(ctx, u, "same@example.com"))
		g := group(1)
		g.Name = word
		s.must(tx.PutGroup(ctx, g, "same"))
		deletedUser, deletedGroup := person(2), group(2)
		deletedUser.Name, deletedUser.State = word, countersign.UserDeleted
		deletedGroup.Name, deletedGroup.State = word, countersign.GroupDeleted
		s.must(tx.PutUser(ctx, deletedUser, ""))
		s.must(tx.PutGroup(ctx, deletedGroup, "deleted"))
		mine, gone := membership(1, 1, 1), membership(2, 2, 2)
		mine.Role, gone.Role = countersign.MembershipRole(word), countersign.MembershipRole(word)
		gone.State = countersign.MembershipRemoved
		s.must(tx.PutMembership(ctx, mine))
		s.must(tx.PutMembership(ctx, gone))
		markImports(ctx, s, tx, word)
		c := credential(1, true, nil, "")
		c.UserID, c.Label, c.Version = "user-000001", word, 1
		s.must(tx.PutCredential(ctx, c))
		for i, changeID := range []countersign.ChangeID{"change-000001", countersign.ChangeID("change of " + word), "change-000003"} {
			if fmt.Sprint(i) == m.count { // one fewer in B, for what only counts
				break
			}
			r := pending(1)
			r.ID, r.Digest, r.ExpiresAt, r.RequesterPerson = changeID, word, now, "alice"
			r.Intent, r.ClosedBecause = "same", word
			s.must(tx.PutChange(ctx, r, base(someBase)))
			s.must(tx.AddApproval(ctx, countersign.Approval{Change: changeID, Position: 1, Comment: word, Credential: "voted"}))
			s.must(tx.PutEmergency(ctx, countersign.Emergency{
				Change: countersign.ChangeID(fmt.Sprint("act ", i)), Kind: countersign.ChangeKind(word), Person: "alice", At: now, Ratification: changeID,
			}))
		}
		frontier := []byte(fmt.Sprintf("%-32s", word))
		e := countersign.AuditEntry{Leaf: []byte(word), Kind: countersign.EntryApplied}
		s.must(tx.AppendEntry(ctx, e, []countersign.Fact{someFact}, 0, [][]byte{frontier}, countersign.Head{Size: 1, Frontier: frontier}))
		s.must(tx.PutBlob(ctx, someDigest, []byte(word)))
		s.must(tx.Remember(ctx, store.IdempotencyRecord{Principal: "alice", Route: "route", Key: "key", Body: []byte(word), CreatedAt: now}))
		for _, sequence := range sequenceNames() {
			_, err := tx.Allot(ctx, sequence, 90+int64(m.count[0]-'0')-1)
			s.must(err)
		}
		return nil
	}))
	return o.ID
}

func sequenceNames() []store.Sequence {
	return []store.Sequence{store.UserNumbers, store.GroupNumbers, store.MembershipNumbers}
}

// answers are those of a method that is asked in several ways.
type answers []any

// reads calls every method that reads, by name, with ids both organizations
// hold; each answer must show its own organization. readsAreIsolated fails for a
// method of the contract that is missing.
func reads() map[string]func(ctx context.Context, tx store.WriteTx) (any, error) {
	now := time.UnixMicro(1_700_000_000_000_000).UTC()
	fact := []countersign.Fact{someBase}
	return map[string]func(ctx context.Context, tx store.WriteTx) (any, error){
		"Head":         func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.Head(ctx) },
		"Organization": func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.Organization(ctx) },
		"CataloguePermission": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return tx.CataloguePermission(ctx, "things.read")
		},
		"CatalogueSince": func(ctx context.Context, tx store.WriteTx) (any, error) { return since(ctx, tx.CatalogueSince) },
		"User":           func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.User(ctx, "user-000001") },
		"UserByNumber":   func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.UserByNumber(ctx, 1) },
		"GroupByNumber":  func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.GroupByNumber(ctx, 1) },
		"LivingUserByEmail": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return tx.LivingUserByEmail(ctx, "same@example.com")
		},
		"LivingUserByExternalID": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return tx.LivingUserByExternalID(ctx, "outside")
		},
		"LivingUsers":        func(ctx context.Context, tx store.WriteTx) (any, error) { return whole(ctx, tx.LivingUsers) },
		"DeletedUsers":       func(ctx context.Context, tx store.WriteTx) (any, error) { return whole(ctx, tx.DeletedUsers) },
		"LivingGroups":       func(ctx context.Context, tx store.WriteTx) (any, error) { return whole(ctx, tx.LivingGroups) },
		"DeletedGroups":      func(ctx context.Context, tx store.WriteTx) (any, error) { return whole(ctx, tx.DeletedGroups) },
		"LivingMemberships":  func(ctx context.Context, tx store.WriteTx) (any, error) { return whole(ctx, tx.LivingMemberships) },
		"RemovedMemberships": func(ctx context.Context, tx store.WriteTx) (any, error) { return whole(ctx, tx.RemovedMemberships) },
		"UsersSince":         func(ctx context.Context, tx store.WriteTx) (any, error) { return since(ctx, tx.UsersSince) },
		"Group":              func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.Group(ctx, "group-000001") },
		"LivingGroupByName":  func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.LivingGroupByName(ctx, "same") },
		"GroupsSince":        func(ctx context.Context, tx store.WriteTx) (any, error) { return since(ctx, tx.GroupsSince) },
		"Membership": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return tx.Membership(ctx, "membership-000001")
		},
		"MembershipOf": func(ctx context.Context, tx store.WriteTx) (any, error) {
			living, err := tx.MembershipOf(ctx, "user-000001", "group-000001")
			if err != nil {
				return nil, err
			}
			removed, err := tx.MembershipOf(ctx, "user-000002", "group-000002")
			return answers{living, removed}, err
		},
		"MembershipsOfUser": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(countersign.Membership) error) error { return tx.MembershipsOfUser(ctx, "user-000001", fn) })
		},
		"MembershipsOfGroup": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(countersign.Membership) error) error {
				return tx.MembershipsOfGroup(ctx, "group-000001", fn)
			})
		},
		"MembershipsSince": func(ctx context.Context, tx store.WriteTx) (any, error) { return since(ctx, tx.MembershipsSince) },
		"Credential": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return tx.Credential(ctx, "credential-000001")
		},
		"CredentialsOfUser": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(countersign.Credential) error) error { return tx.CredentialsOfUser(ctx, "user-000001", fn) })
		},
		"CredentialsSince": func(ctx context.Context, tx store.WriteTx) (any, error) { return since(ctx, tx.CredentialsSince) },
		"Change":           func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.Change(ctx, "change-000001") },
		"OpenChangesSince": func(ctx context.Context, tx store.WriteTx) (any, error) {
			moved, err := since(ctx, tx.OpenChangesSince)
			if err != nil {
				return nil, err
			}
			open, err := collect(func(fn func(store.ChangeRecord) error) error { return tx.OpenChangesSince(ctx, 0, fn) })
			return answers{moved, open}, err
		},
		"OpenChangesRelyingOn": func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.OpenChangesRelyingOn(ctx, fact) },
		"CountOpen": func(ctx context.Context, tx store.WriteTx) (any, error) {
			all, own, err := tx.CountOpen(ctx, "alice", now.Add(-time.Hour))
			return []int{all, own}, err
		},
		"Changes": func(ctx context.Context, tx store.WriteTx) (any, error) {
			var pages answers
			for _, states := range [][]countersign.ChangeState{nil, {countersign.ChangePending}} {
				for _, limit := range []int{1, 100} { // a page of one has no room for others
					page, err := tx.Changes(ctx, states, "", limit)
					if err != nil {
						return nil, err
					}
					pages = append(pages, page)
				}
			}
			return pages, nil
		},
		"ChangesVotedWith": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return tx.ChangesVotedWith(ctx, "voted", "", 100)
		},
		"CountChanges": func(ctx context.Context, tx store.WriteTx) (any, error) {
			counts, err := tx.CountChanges(ctx, time.Time{})
			return []int{counts[countersign.ChangePending]}, err
		},
		"ExpiredChanges": func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.ExpiredChanges(ctx, now, 100) },
		"EarlierChanges": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return tx.EarlierChanges(ctx, "alice", "same", "", 100)
		},
		"Entry": func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.Entry(ctx, 0) },
		"Entries": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(countersign.AuditEntry) error) error { return tx.Entries(ctx, 0, 100, fn) })
		},
		"EntriesOf": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(countersign.AuditEntry) error) error { return tx.EntriesOf(ctx, someFact, 0, 100, fn) })
		},
		"Hashes": func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.Hashes(ctx, []int64{0}) },
		"Blob":   func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.Blob(ctx, someDigest) },
		"Remembered": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return tx.Remembered(ctx, "alice", "route", "key", time.Time{})
		},
		"ImportedBatch": func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.ImportedBatch(ctx, "import", 0) },
		"ImportedBatches": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(store.ImportedBatch) error) error { return tx.ImportedBatches(ctx, "import", fn) })
		},
		"Emergency": func(ctx context.Context, tx store.WriteTx) (any, error) { return tx.Emergency(ctx, "act 0") },
		"Emergencies": func(ctx context.Context, tx store.WriteTx) (any, error) {
			all, err := tx.Emergencies(ctx, false, "", 10)
			if err != nil {
				return nil, err
			}
			one, err := tx.Emergencies(ctx, true, "", 1)
			return answers{all, one}, err
		},
		"CountEmergencies": func(ctx context.Context, tx store.WriteTx) (any, error) {
			all, unratified, err := tx.CountEmergencies(ctx)
			return answers{[]int{all}, []int{unratified}}, err
		},
		"EmergenciesOf": func(ctx context.Context, tx store.WriteTx) (any, error) {
			n, err := tx.EmergenciesOf(ctx, "alice", time.Time{})
			return []int{n}, err
		},
		"UsersByEmail": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(store.UserRef) error) error {
				return tx.UsersByEmail(ctx, []string{"marked@example.com"}, fn)
			})
		},
		"UsersByExternalID": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(store.UserRef) error) error { return tx.UsersByExternalID(ctx, []string{"marked"}, fn) })
		},
		"UsersByID": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(store.UserRef) error) error {
				return tx.UsersByID(ctx, []countersign.UserID{"of mark-of-A", "of mark-of-B"}, fn)
			})
		},
		"GroupsByName": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(countersign.GroupID) error) error {
				return tx.GroupsByName(ctx, []string{"marked"}, func(_ string, id countersign.GroupID) error { return fn(id) })
			})
		},
		"PairsOfUsers": func(ctx context.Context, tx store.WriteTx) (any, error) {
			return collect(func(fn func(store.Pair) error) error { return tx.PairsOfUsers(ctx, []countersign.UserID{"member"}, fn) })
		},
		"Allot": func(ctx context.Context, tx store.WriteTx) (any, error) {
			var firsts answers
			for _, sequence := range sequenceNames() {
				first, err := tx.Allot(ctx, sequence, 1)
				if err != nil {
					return nil, err
				}
				firsts = append(firsts, first)
			}
			return firsts, nil
		},
	}
}

// readers names the methods of the contract that give something back.
func readers() (names []string) {
	for m := range reflect.TypeFor[store.WriteTx]().Methods() {
		scans := m.Type.NumIn() > 0 && m.Type.In(m.Type.NumIn()-1).Kind() == reflect.Func && m.Name != "Savepoint"
		if m.Type.NumOut() > 1 || scans {
			names = append(names, m.Name)
		}
	}
	return names
}

func readsAreIsolated(s *suite) {
	a, b, empty := marked(s, markA), marked(s, markB), s.found()
	table := reads()
	for _, name := range readers() {
		call := table[name]
		if call == nil {
			s.Errorf("%s reads and stands in no row here", name)
			continue
		}
		s.Run(name, func(t *testing.T) {
			s := &suite{T: t, store: s.store}
			shown := func(org countersign.OrganizationID) (list []string, err error) {
				s.write(org, func(tx store.WriteTx) error {
					var v any
					v, err = call(s.Context(), tx)
					all, several := v.(answers)
					if !several {
						all = answers{v}
					}
					for _, answer := range all {
						list = append(list, texts(reflect.ValueOf(answer)))
					}
					return nil
				})
				return list, err
			}
			for org, m := range map[countersign.OrganizationID][2]marks{a: {markA, markB}, b: {markB, markA}} {
				list, err := shown(org)
				s.must(err)
				mine, others := m[0].word, m[1].word
				if strings.HasPrefix(name, "Count") || name == "EmergenciesOf" || name == "Allot" {
					mine, others = m[0].count, m[1].count
				}
				for i, text := range list {
					if !strings.Contains(text, mine) {
						s.Errorf("answer %d shows nothing of its own organization: %q", i, text)
					}
					if strings.Contains(text, others) {
						s.Errorf("answer %d shows another organization: %q", i, text)
					}
				}
			}
			list, err := shown(empty)
			if strings.Contains(fmt.Sprint(list), "mark-of") || err != nil && !errors.Is(err, countersign.NotFound) {
				s.Errorf("an empty organization shows %q, %v", list, err)
			}
		})
	}
	if unknown := len(table) - len(readers()); unknown != 0 {
		s.Errorf("%d rows here are no methods of the contract", unknown)
	}
}

// texts writes down all text, bytes and numbers in v.
func texts(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return v.String() + "\n"
	case reflect.Int, reflect.Int64:
		return fmt.Sprint(v.Int(), "\n")
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return string(v.Bytes()) + "\n"
		}
		var all strings.Builder
		for i := range v.Len() {
			all.WriteString(texts(v.Index(i)))
		}
		return all.String()
	case reflect.Struct:
		if _, ok := v.Interface().(time.Time); ok {
			return ""
		}
		var all strings.Builder
		for i := range v.NumField() {
			all.WriteString(texts(v.Field(i)))
		}
		return all.String()
	default:
		return ""
	}
}

// writes calls every method that writes, by name, with ids both hold.
func writes() map[string]func(ctx context.Context, tx store.WriteTx) error {
	now := time.UnixMicro(1_700_000_000_000_000)
	return map[string]func(ctx context.Context, tx store.WriteTx) error{
		"PutOrganization": func(ctx context.Context, tx store.WriteTx) error {
			o, err := tx.Organization(ctx)
			o.Name = "written"
			return errors.Join(err, tx.PutOrganization(ctx, o))
		},
		"PutCataloguePermission": func(ctx context.Context, tx store.WriteTx) error {
			return tx.PutCataloguePermission(ctx, countersign.CataloguePermission{Permission: "things.read", Removed: true})
		},
		"Allot": func(ctx context.Context, tx store.WriteTx) error {
			var all error
			for _, sequence := range sequenceNames() {
				_, err := tx.Allot(ctx, sequence, 1000)
				all = errors.Join(all, err)
			}
			return all
		},
		"PutUser": func(ctx context.Context, tx store.WriteTx) error { return tx.PutUser(ctx, person(1), "") },
		"PutUsers": func(ctx context.Context, tx store.WriteTx) error {
			return tx.PutUsers(ctx, []store.UserRow{{User: person(1)}, {User: person(2)}})
		},
		"PutGroups": func(ctx context.Context, tx store.WriteTx) error {
			return tx.PutGroups(ctx, []store.GroupRow{{Group: group(1), NameKey: "other"}, {Group: group(3), NameKey: "another"}})
		},
		"TouchManyMembers": func(ctx context.Context, tx store.WriteTx) error {
			return tx.TouchManyMembers(ctx, []countersign.GroupID{"group-000001", "group-000001"}, 99)
		},
		"PutMemberships": func(ctx context.Context, tx store.WriteTx) error {
			return tx.PutMemberships(ctx, []countersign.Membership{membership(1, 2, 2), membership(3, 3, 3)})
		},
		"PutGroup": func(ctx context.Context, tx store.WriteTx) error { return tx.PutGroup(ctx, group(1), "other") },
		"TouchMembers": func(ctx context.Context, tx store.WriteTx) error {
			return tx.TouchMembers(ctx, "group-000001", 99)
		},
		"PutMembership": func(ctx context.Context, tx store.WriteTx) error { return tx.PutMembership(ctx, membership(1, 2, 2)) },
		"RemoveMembershipsOfUser": func(ctx context.Context, tx store.WriteTx) error {
			return tx.RemoveMembershipsOfUser(ctx, "user-000001", 99, now)
		},
		"RemoveMembershipsOfGroup": func(ctx context.Context, tx store.WriteTx) error {
			return tx.RemoveMembershipsOfGroup(ctx, "group-000001", 99, now)
		},
		"PutCredential": func(ctx context.Context, tx store.WriteTx) error {
			return tx.PutCredential(ctx, credential(1, false, nil, ""))
		},
		"PutChange": func(ctx context.Context, tx store.WriteTx) error {
			closed := pending(1)
			closed.State = countersign.ChangeCancelled // forgets its base as well
			return tx.PutChange(ctx, closed, nil)
		},
		"AddApproval": func(ctx context.Context, tx store.WriteTx) error {
			return tx.AddApproval(ctx, countersign.Approval{Change: "change-000001", Position: 2})
		},
		"AppendEntry": func(ctx context.Context, tx store.WriteTx) error {
			return appendEntry(ctx, tx, someFact)
		},
		"PutBlob": func(ctx context.Context, tx store.WriteTx) error { return tx.PutBlob(ctx, someDigest, []byte("other")) },
		"Remember": func(ctx context.Context, tx store.WriteTx) error {
			return tx.Remember(ctx, store.IdempotencyRecord{Principal: "alice", Route: "route", Key: "key"})
		},
		"PutEmergency": func(ctx context.Context, tx store.WriteTx) error {
			return tx.PutEmergency(ctx, countersign.Emergency{Change: "act", Ratification: "change-000001"})
		},
		"PutImportedBatch": func(ctx context.Context, tx store.WriteTx) error {
			return tx.PutImportedBatch(ctx, store.ImportedBatch{Import: "import", Index: 1})
		},
		"Forget": func(ctx context.Context, tx store.WriteTx) error { return tx.Forget(ctx, now.Add(time.Hour), 1000) },
		"Savepoint": func(ctx context.Context, tx store.WriteTx) error {
			return tx.Savepoint(ctx, func() error { return tx.PutUser(ctx, person(1), "") })
		},
	}
}

func writesAreIsolated(s *suite) {
	a := marked(s, markA)
	table := writes()
	everything := func(org countersign.OrganizationID) (all string) {
		s.write(org, func(tx store.WriteTx) error {
			c, err := dump(s.Context(), tx)
			s.must(err)
			r, err := tx.Remembered(s.Context(), "alice", "route", "key", time.Time{})
			all = fmt.Sprintf("%+v %+v", c, r)
			return err
		})
		return all
	}
	before := everything(a)
	b := marked(s, markB)
	if after := everything(a); after != before {
		s.Fatalf("filling one organization changed another\nbefore %s\nafter  %s", before, after)
	}
	for m := range reflect.TypeFor[store.WriteTx]().Methods() {
		if _, reads := reads()[m.Name]; reads && m.Name != "Allot" {
			continue
		}
		call := table[m.Name]
		if call == nil {
			s.Errorf("%s writes and stands in no row here", m.Name)
			continue
		}
		s.write(b, func(tx store.WriteTx) error { return call(s.Context(), tx) })
		if after := everything(a); after != before {
			s.Fatalf("%s in one organization changed another\nbefore %s\nafter  %s", m.Name, before, after)
		}
	}
	s.write(a, func(tx store.WriteTx) error {
		for _, sequence := range sequenceNames() {
			first, err := tx.Allot(s.Context(), sequence, 1)
			s.must(err)
			if first > 999 {
				s.Error("numbers of one organization were allotted in another")
			}
		}
		return nil
	})
}

func locate(s *suite) {
	a, b := s.found(), s.found()
	secret := hash(2_000_000)
	put := func(org countersign.OrganizationID, n int, living bool, secret []byte, client string) error {
		return s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
			return tx.PutCredential(s.Context(), credential(n, living, secret, client))
		})
	}
	s.must(put(a, 1, true, secret, ""))
	s.must(put(a, 2, true, nil, "client of a"))
	s.must(put(b, 1, true, nil, "")) // no secret is no conflict
	s.must(put(b, 2, true, nil, ""))
	s.is(put(b, 3, true, secret, ""), countersign.Exists, "secret_taken")
	s.is(put(b, 4, true, nil, "client of a"), countersign.Exists, "client_id_taken")
	s.must(put(a, 1, false, secret, "")) // found in any state
	user := person(1)
	user.ID = countersign.UserID(fmt.Sprint("located ", a))
	s.write(a, func(tx store.WriteTx) error { return tx.PutUser(s.Context(), user, "") })
	s.must(s.store.Deployment(s.Context(), func(tx store.DeploymentTx) error {
		org, c, err := tx.LocateSecret(s.Context(), secret)
		s.same([]string{string(a), "credential-000001"}, []string{string(org), string(c)})
		s.must(err)
		org, c, err = tx.LocateClient(s.Context(), "client of a")
		s.same([]string{string(a), "credential-000002"}, []string{string(org), string(c)})
		s.must(err)
		org, err = tx.LocateUser(s.Context(), user.ID)
		s.same(a, org)
		s.must(err)
		for _, missing := range []func() error{
			func() error { _, _, err := tx.LocateSecret(s.Context(), hash(3_000_000)); return err },
			func() error { _, _, err := tx.LocateSecret(s.Context(), nil); return err },
			func() error { _, _, err := tx.LocateClient(s.Context(), ""); return err },
			func() error { _, _, err := tx.LocateClient(s.Context(), "Client of a"); return err },
			func() error { _, err := tx.LocateUser(s.Context(), "nobody"); return err },
		} {
			s.is(missing(), countersign.NotFound)
		}
		return nil
	}))
}

func locateAmbiguous(s *suite) {
	user := person(1)
	user.ID = "held by two"
	for range 2 {
		s.write(s.found(), func(tx store.WriteTx) error { return tx.PutUser(s.Context(), user, "") })
	}
	s.must(s.store.Deployment(s.Context(), func(tx store.DeploymentTx) error {
		_, err := tx.LocateUser(s.Context(), user.ID)
		s.is(err, countersign.NotFound)
		return nil
	}))
}

func listOrganizations(s *suite) {
	var want []countersign.Organization
	for _, name := range []countersign.OrganizationID{"b", "_", "B", "ä", "a"} {
		o := organization()
		o.ID = name
		want = append(want, o)
		s.must(s.store.Found(s.Context(), o, func(store.WriteTx) error { return nil }))
	}
	slices.SortFunc(want, func(a, b countersign.Organization) int { return strings.Compare(string(a.ID), string(b.ID)) })
	mine := errors.New("mine")
	s.must(s.store.Deployment(s.Context(), func(tx store.DeploymentTx) error {
		got, err := collect(func(fn func(countersign.Organization) error) error { return tx.Organizations(s.Context(), fn) })
		s.same(want, got)
		if stopped := tx.Organizations(s.Context(), func(countersign.Organization) error { return mine }); !errors.Is(stopped, mine) {
			s.Errorf("an error of the callback became %v", stopped)
		}
		return err
	}))
}
