package engine

import (
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
	"github.com/countersign/countersign/internal/store"
)

func (in *intake) users(rows []countersign.ImportUser) error {
	people, ends, err := in.knownUsers(rows)
	if err != nil {
		return err
	}
	knows := in.catalogue()
	made := make([]store.UserRow, 0, len(rows))
	for i := range rows {
		row := &rows[i]
		u, key, err := in.user(row, people, ends, knows)
		if err != nil {
			if err := in.refuse(row.Line, err); err != nil {
				return err
			}
			continue
		}
		if key != "" {
			people[key] = store.UserRef{ID: u.ID, Type: u.Type}
		}
		if u.ExternalID != "" {
			ends[u.ExternalID] = store.UserRef{ID: u.ID, Type: u.Type}
		}
		in.lines[u.ID] = row.Line
		made = append(made, store.UserRow{User: u, EmailKey: key})
	}
	if len(made) == 0 {
		return nil
	}
	first, err := in.w.tx.Allot(in.w.ctx, store.UserNumbers, int64(len(made)))
	if err != nil {
		return err
	}
	for i := range made {
		u := &made[i].User
		u.Number = first + int64(i)
		in.bookUser(u)
	}
	return in.w.tx.PutUsers(in.w.ctx, made)
}

// knownUsers finds those whom rows name or would repeat: by folded email, and by
// external id.
func (in *intake) knownUsers(rows []countersign.ImportUser) (people, ends map[string]store.UserRef, err error) {
	people, ends = map[string]store.UserRef{}, map[string]store.UserRef{}
	var emails, ids []string
	for i := range rows {
		for _, email := range []string{rows[i].Email, rows[i].Responsible} {
			if email != "" {
				emails = append(emails, names.FoldEmail(email))
			}
		}
		if rows[i].ExternalID != "" {
			ids = append(ids, rows[i].ExternalID)
		}
	}
	into := func(found map[string]store.UserRef) func(store.UserRef) error {
		return func(u store.UserRef) error {
			found[u.Key] = u
			return nil
		}
	}
	if err := in.w.tx.UsersByEmail(in.w.ctx, emails, into(people)); err != nil {
		return nil, nil, err
	}
	err = in.w.tx.UsersByExternalID(in.w.ctx, ids, into(ends))
	return people, ends, err
}

// user makes the user of a row, as the change of his type would.
func (in *intake) user(row *countersign.ImportUser, people, ends map[string]store.UserRef, knows func([]countersign.Permission) error) (countersign.User, string, error) {
	u := countersign.User{
		ID: countersign.UserID(in.w.e.newID()), Type: row.Type, Role: row.Role, State: countersign.UserActive, Name: row.Name,
		InvitedBy: in.requester(), CreatedAt: in.w.now,
	}
	if err := cleanText("name", &u.Name); err != nil {
		return u, "", err
	}
	if err := knows(row.Permissions); err != nil {
		return u, "", err
	}
	if len(row.Permissions) > 0 {
		u.Permissions = sorted(row.Permissions)
	}
	switch row.Type {
	case countersign.Person:
		u.Email, u.State = strings.TrimSpace(row.Email), countersign.UserOnboardingCode
		if err := checkShown("email", u.Email); err != nil {
			return u, "", err
		}
		key := names.FoldEmail(u.Email)
		if _, taken := people[key]; taken {
			return u, "", countersign.Code(countersign.Exists, "email_taken", "email", "belongs to another user of the organization")
		}
		return u, key, nil
	case countersign.EndUser:
		u.ExternalID = row.ExternalID
		if _, taken := ends[u.ExternalID]; taken {
			return u, "", countersign.Code(countersign.Exists, "external_id_taken", "external_id", "belongs to another end user of the organization")
		}
	default:
		answers, known := people[names.FoldEmail(row.Responsible)]
		if !known {
			return u, "", countersign.Code(countersign.NotFound, "user_unknown", "responsible", "names no user")
		}
		if answers.Type != countersign.Person {
			return u, "", countersign.E(countersign.Invalid, "responsible", "must name a person: people answer for accounts")
		}
		u.ResponsiblePersonID = answers.ID
	}
	return u, "", nil
}

// bookUser books the facts of a new user, as putUser would.
func (in *intake) bookUser(u *countersign.User) {
	at := in.position
	u.AttributesVersion, u.RoleVersion, u.StateVersion, u.PermissionsVersion = at, 0, at, 0
	u.Version, u.ModifiedAt = at, in.w.now
	fields := map[string]any{"type": string(u.Type), "number": u.Number}
	for field, value := range map[string]string{
		"name": u.Name, "email": u.Email, "external_id": u.ExternalID,
		"responsible_person_id": string(u.ResponsiblePersonID), "invited_by": string(u.InvitedBy),
	} {
		if value != "" {
			fields[field] = value
		}
	}
	in.starts(countersign.UserFact(u.ID), fields)
	if u.Role != "" {
		u.RoleVersion = at
		in.starts(countersign.UserRoleFact(u.ID), userRole(*u))
	}
	in.starts(countersign.UserStateFact(u.ID), userState(*u))
	if len(u.Permissions) > 0 {
		u.PermissionsVersion = at
		in.starts(countersign.UserPermissionsFact(u.ID), userPermissions(*u))
	}
}
