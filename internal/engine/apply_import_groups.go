package engine

import (
	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
	"github.com/countersign/countersign/internal/store"
)

func (in *intake) groups(rows []countersign.ImportGroup) error {
	taken := map[string]bool{}
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = names.Fold(rows[i].Name)
	}
	err := in.w.tx.GroupsByName(in.w.ctx, keys, func(key string, _ countersign.GroupID) error {
		taken[key] = true
		return nil
	})
	if err != nil {
		return err
	}
	knows := in.catalogue()
	made := make([]store.GroupRow, 0, len(rows))
	for i := range rows {
		g, key, err := in.group(&rows[i], taken, knows)
		if err != nil {
			if err := in.refuse(rows[i].Line, err); err != nil {
				return err
			}
			continue
		}
		taken[key] = true
		made = append(made, store.GroupRow{Group: g, NameKey: key})
	}
	if len(made) == 0 {
		return nil
	}
	first, err := in.w.tx.Allot(in.w.ctx, store.GroupNumbers, int64(len(made)))
	if err != nil {
		return err
	}
	for i := range made {
		made[i].Group.Number = first + int64(i)
		in.bookGroup(&made[i].Group)
	}
	return in.w.tx.PutGroups(in.w.ctx, made)
}

func (in *intake) group(row *countersign.ImportGroup, taken map[string]bool, knows func([]countersign.Permission) error) (countersign.Group, string, error) {
	g := countersign.Group{
		ID: countersign.GroupID(in.w.e.newID()), Name: row.Name, Description: row.Description, ExternalSyncIdentifier: row.ExternalSyncIdentifier,
		Invitability: countersign.AdminsOnly, MemberViewability: countersign.AdminsAndMembers,
		State: countersign.GroupActive, CreatedBy: in.requester(), CreatedAt: in.w.now,
	}
	if err := cleanText("name", &g.Name); err != nil {
		return g, "", err
	}
	key := names.Fold(g.Name)
	if taken[key] {
		return g, "", countersign.Code(countersign.Exists, "name_taken", "name", "belongs to another group of the organization")
	}
	if len(row.Permissions) > 0 {
		g.Permissions = sorted(row.Permissions)
	}
	return g, key, knows(row.Permissions)
}

// bookGroup books the facts of a new group, as putGroup would.
func (in *intake) bookGroup(g *countersign.Group) {
	at := in.position
	g.Version, g.AttributesVersion, g.StateVersion = at, at, at
	g.ModifiedAt, g.ModifiedBy = in.w.now, in.requester()
	fields := map[string]any{"number": g.Number, "name": g.Name, "invitability": string(g.Invitability), "member_viewability": string(g.MemberViewability)}
	if g.Description != "" {
		fields["description"] = g.Description
	}
	if g.ExternalSyncIdentifier != "" {
		fields["external_sync_identifier"] = g.ExternalSyncIdentifier
	}
	in.starts(countersign.GroupFact(g.ID), fields)
	if len(g.Permissions) > 0 {
		g.PermissionsVersion = at
		in.starts(countersign.GroupPermissionsFact(g.ID), groupPermissions(*g))
	}
	in.starts(countersign.GroupStateFact(g.ID), groupState(*g))
}
