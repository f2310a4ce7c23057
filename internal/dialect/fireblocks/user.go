package fireblocks

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// maxPersonName bounds first names, last names and names of API users, as the
// published documents do (section 3.1).
const maxPersonName = 30

func noSuchUser() error {
	return countersign.E(countersign.NotFound, "", "There is no user with this id.")
}

// names splits what we keep as one: the first word, and the rest.
func names(full string) (first, last string) {
	first, last, _ = strings.Cut(full, " ")
	return first, strings.TrimSpace(last)
}

// statusOf projects a user's state. Nobody who was suspended has a status of
// his own there: enabled says so (section 3.2).
func statusOf(state countersign.UserState) string {
	switch state {
	case countersign.UserPendingApproval, countersign.UserOnboardingCode:
		return "PENDING_ACTIVATION"
	case countersign.UserOnboardingActivation:
		return "PENDING_DEVICE_SETUP"
	case countersign.UserResetDeviceCode, countersign.UserResetDeviceActivation:
		return "PENDING_DEVICE_PAIRING"
	default:
		return "READY"
	}
}

// enabled is what an account that is waiting, or was suspended, is not.
func enabled(state countersign.UserState) bool { return state == countersign.UserActive }

func toUser(u *countersign.User, role string) userOut {
	first, last := names(u.Name)
	return userOut{ID: u.ID, FirstName: first, LastName: last, Role: role, Email: u.Email, Enabled: enabled(u.State)}
}

// owner is the first admin there is: the contract knows exactly one OWNER.
func (d *Dialect) owner(c *call) (countersign.UserID, error) {
	list, err := d.Engine.Users(c.ctx, c.actor, countersign.UserFilter{
		Types: []countersign.UserType{countersign.Person}, Roles: []countersign.Role{countersign.RoleAdmin},
	}, byCreation(), countersign.Page{Limit: 1})
	if err != nil || len(list.Items) == 0 {
		return "", err
	}
	return list.Items[0].ID, nil
}

// people lists users of some types, oldest first, with the role of each.
func (d *Dialect) people(c *call, types ...countersign.UserType) ([]countersign.UserView, func(*countersign.User) string, error) {
	owner, err := d.owner(c)
	if err != nil {
		return nil, nil, err
	}
	list, err := d.Engine.Users(c.ctx, c.actor, countersign.UserFilter{Types: types}, byCreation(), countersign.Page{Limit: everything})
	if err != nil {
		return nil, nil, err
	}
	administers, err := d.administering(c, list.Items)
	return list.Items, func(u *countersign.User) string { return roleOf(u, administers[u.ID], owner) }, err
}

func (d *Dialect) listUsers(c *call) error {
	list, role, err := d.people(c, countersign.Person, countersign.APIUser)
	if err != nil {
		return err
	}
	out := make([]userOut, len(list))
	for i := range list {
		out[i] = toUser(&list[i].User, role(&list[i].User))
	}
	wire.WriteJSON(c.w, http.StatusOK, out)
	return nil
}

func (d *Dialect) listConsoleUsers(c *call) error {
	list, role, err := d.people(c, countersign.Person)
	if err != nil {
		return err
	}
	out := usersOut[consoleUserOut]{Users: make([]consoleUserOut, len(list))}
	for i := range list {
		u := &list[i].User
		out.Users[i] = consoleUserOut{userOut: toUser(u, role(u)), Status: statusOf(u.State), UserType: "CONSOLE"}
	}
	wire.WriteJSON(c.w, http.StatusOK, out)
	return nil
}

// checkPersonName bounds a part of a name.
func checkPersonName(field, s string) error {
	if n := utf8.RuneCountInString(strings.TrimSpace(s)); n < 1 || n > maxPersonName {
		return countersign.E(countersign.Invalid, field, "must have 1 to 30 characters")
	}
	return nil
}

// createConsoleUser invites a person. The answer is empty: clients find him by
// listing, where he waits for approval like everything else.
func (d *Dialect) createConsoleUser(c *call) error {
	var in consoleUserIn
	if err := c.decode(&in); err != nil {
		return err
	}
	for _, part := range []struct{ field, value string }{{"firstName", in.FirstName}, {"lastName", in.LastName}} {
		if err := checkPersonName(part.field, part.value); err != nil {
			return err
		}
	}
	role, err := personRole(in.Role)
	if err != nil {
		return err
	}
	invite := &countersign.InvitePerson{
		Name: strings.TrimSpace(in.FirstName) + " " + strings.TrimSpace(in.LastName), Email: strings.TrimSpace(in.Email), Role: role,
	}
	return d.mutate(c, mutation{
		nameField: "firstName",
		plan:      func(engine.Present) ([]countersign.Change, error) { return []countersign.Change{invite}, nil },
		done:      nothing(http.StatusOK),
	})
}

func (d *Dialect) resetDevice(c *call) error {
	id, err := pathID[countersign.UserID](c, "userId", noSuchUser())
	if err != nil {
		return err
	}
	return d.mutate(c, mutation{
		plan: func(now engine.Present) ([]countersign.Change, error) {
			u, ok := now.User(id)
			if !ok || u.Type != countersign.Person {
				return nil, noSuchUser()
			}
			return []countersign.Change{&countersign.ResetDevice{UserID: id}}, nil
		},
		done: nothing(http.StatusOK),
	})
}

func (d *Dialect) workspace(c *call) error {
	o, err := d.Engine.Organization(c.ctx, c.actor)
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, workspaceOut{ID: o.ID, Name: o.Name})
	return nil
}
