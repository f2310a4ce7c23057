package roster_test

import (
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

// BenchmarkAGroupThatGivesOneSide looks at a group of 200 000 members that is
// given a permission, of whom nobody holds another side: the worst there is,
// since a conflict would end it.
func BenchmarkAGroupThatGivesOneSide(b *testing.B) {
	const members = 200_000
	group := countersign.Group{ID: crowdGroup(0), Name: "All", State: countersign.GroupActive, Version: 1, Invitability: countersign.AdminsOnly, MemberViewability: countersign.AdminsOnly}
	delta := roster.Delta{Head: countersign.Head{Size: 1}, Groups: []countersign.Group{group}}
	for i := range members {
		delta.Users = append(delta.Users, countersign.User{
			ID: crowdUser(i), Number: int64(i), Type: countersign.Person, Role: countersign.RoleViewer, State: countersign.UserActive, Version: 1,
		})
		delta.Memberships = append(delta.Memberships, countersign.Membership{
			ID: countersign.MembershipID(crowdID(3, i)), Number: int64(i), UserID: crowdUser(i), GroupID: group.ID, Role: countersign.GroupMember,
			State: countersign.MembershipActive, Version: 1,
		})
	}
	before := roster.Empty().Apply(delta)
	group.Permissions, group.Version = []countersign.Permission{countersign.AuditExport}, 2
	after := before.Apply(roster.Delta{Head: countersign.Head{Size: 2}, Groups: []countersign.Group{group}})
	exclusions := []countersign.Exclusion{countersign.AuditorExclusion()}
	if before.Size().Memberships != members || after.Position() != 2 {
		b.Fatalf("%+v at %d", before.Size(), after.Position())
	}
	b.ResetTimer()
	for b.Loop() {
		if conflict, found := after.Conflict(before, exclusions, roster.Gains{Groups: []countersign.GroupID{group.ID}}, "", noon); found {
			b.Fatalf("%+v", conflict)
		}
	}
}
