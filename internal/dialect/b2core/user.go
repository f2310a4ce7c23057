package b2core

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

func noSuchUser() error {
	return countersign.E(countersign.NotFound, "", "There is no user with this id.")
}

// maxFilter bounds the value of a filter, in bytes.
const maxFilter = 255

// operators are the users this API knows: who can be in groups. End users and
// signing devices are no profiles of a back office.
func operators() []countersign.UserType {
	return []countersign.UserType{countersign.Person, countersign.APIUser}
}

// everyState is "regardless of status" (section 7): deleted profiles are gone,
// and one that waits for approval is not there yet.
func everyState() []countersign.UserState {
	return []countersign.UserState{
		countersign.UserOnboardingCode, countersign.UserOnboardingActivation, countersign.UserActive,
		countersign.UserResetDeviceCode, countersign.UserResetDeviceActivation, countersign.UserSuspended,
	}
}

// isProfile reports whether a user is one that this API shows.
func isProfile(u *countersign.User) bool {
	return u.Type.CanHoldMembership() && u.Living() && u.State != countersign.UserPendingApproval
}

// isIn reports whether a membership counts: one that an open request would make
// does not yet, one that it would end still does.
func isIn(g *countersign.GroupRef) bool { return g.Membership != countersign.MembershipPendingAddition }

func showUser(u *countersign.UserView) userOut {
	out := userOut{
		ID: u.Number, Name: u.Name, Active: u.State == countersign.UserActive, Permissions: listed(u.Permissions), Groups: []groupRef{},
		CreateTime: stamp(u.CreatedAt), UpdateTime: modified(u.CreatedAt, u.ModifiedAt),
	}
	out.Email = optional(u.Email)
	out.describe(u.Profile)
	if isAdministrator(&u.User) {
		out.Groups = append(out.Groups, groupRef{builtInID, builtInName})
	}
	for i := range u.Groups {
		if g := &u.Groups[i]; isIn(g) {
			out.Groups = append(out.Groups, groupRef{g.Number, g.Name})
		}
	}
	slices.SortFunc(out.Groups, byID)
	return out
}

// describe shows what is kept about a user besides.
func (u *userOut) describe(p countersign.Profile) {
	u.Phone, u.TelegramID = optional(p[countersign.ProfilePhone]), optional(p[countersign.ProfileTelegramChatID])
}

// byID is the order of the groups of a user.
func byID(a, b groupRef) int { return cmp.Compare(a.ID, b.ID) }

func (d *Dialect) listUsers(c *call) error {
	q := wire.ParseQuery(c.r)
	page := paging(q)
	f := countersign.UserFilter{Types: operators(), States: everyState()}
	if q.Has("filter[name]") {
		f.Names = []string{q.String("filter[name]", "", maxFilter)}
	}
	if q.Has("filter[email]") {
		f.Emails = []string{q.String("filter[email]", "", maxFilter)}
	}
	if q.Enum("filter[active]", "0", "0", "1") == "1" { // 0 means everybody, not the others
		f.States = []countersign.UserState{countersign.UserActive}
	}
	if err := q.Done(); err != nil {
		return err
	}
	list, err := d.Engine.Users(c.ctx, c.actor, f, byNumber(), page)
	if err != nil {
		return err
	}
	out := make([]userOut, len(list.Items))
	for i := range list.Items {
		out[i] = showUser(&list.Items[i])
	}
	writeList(c, d.Envelope, out, list.Total, page)
	return nil
}

func (d *Dialect) getUser(c *call) error {
	number, err := c.pathNumber("userId", noSuchUser())
	if err != nil {
		return err
	}
	user, _, err := d.Engine.UserByNumber(c.ctx, c.actor, number)
	if countersign.KindOf(err) == countersign.NotFound || err == nil && !isProfile(&user.User) {
		return noSuchUser()
	}
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, showUser(&user))
	return nil
}

// profile finds a user for a plan.
func profile(now engine.Present, number int64) (countersign.UserView, error) {
	user, ok := now.UserByNumber(number)
	if !ok || !isProfile(&user.User) {
		return user, noSuchUser()
	}
	return user, nil
}

func (d *Dialect) deleteUser(c *call) error {
	number, err := c.pathNumber("userId", noSuchUser())
	if err != nil {
		return err
	}
	return d.mutate(c, mutation{
		status: http.StatusNoContent,
		plan: func(now engine.Present) ([]countersign.Change, error) {
			user, err := profile(now, number)
			return []countersign.Change{&countersign.DeleteUser{UserID: user.ID}}, err
		},
	})
}
