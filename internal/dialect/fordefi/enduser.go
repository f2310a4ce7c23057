package fordefi

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// listEndUsers answers section 3.1. Logins of end users are not recorded here, so
// an order by them is none.
func (d *Dialect) listEndUsers(c *call) error {
	return d.show(c, func(a *answer) error {
		offset, limit := c.args.page()
		list, err := a.look.Users(countersign.UserFilter{
			Types:       []countersign.UserType{countersign.EndUser},
			IDs:         as[countersign.UserID](c.args.list("user_ids")),
			ExternalIDs: c.args.list("external_ids"),
			Shown:       shownEndUsers,
		}, sortKeys(c.args.list("sort_by"), map[string]string{"end_user_last_login": ""}), countersign.Page{Offset: offset, Limit: limit})
		if err != nil {
			return err
		}
		total := -1
		if c.args.yes("include_count") && !c.args.yes("skip_count") {
			total = list.Total
		}
		a.list(c, total, "end_users")
		for i := range list.Items {
			a.comma()
			a.endUser(&list.Items[i].User, false)
		}
		a.endList()
		return nil
	})
}

// shownEndUsers leaves out who waits for approval: this API creates at once or not
// at all, and has no state for it.
func shownEndUsers(_ countersign.UserType, r countersign.Role, s countersign.UserState) (countersign.Role, countersign.UserState, bool) {
	return r, s, s != countersign.UserPendingApproval
}

func (a *answer) endUser(u *countersign.User, whole bool) {
	a.raw("{")
	a.word("id", string(u.ID))
	a.time("created_at", u.CreatedAt)
	a.time("modified_at", u.ModifiedAt)
	a.text("external_id", u.ExternalID)
	a.time("last_login_at", u.LastActiveAt)
	if whole {
		a.flag("export_allowed", false) // a directory keeps no keys
	}
	a.raw("}")
}

// findEndUser finds a living end user the caller may see.
func findEndUser(look *engine.Look, id string) (countersign.User, error) {
	u, err := look.User(countersign.UserID(id))
	if countersign.KindOf(err) == countersign.NotFound ||
		err == nil && (u.Type != countersign.EndUser || !u.Living() || u.State == countersign.UserPendingApproval) {
		return countersign.User{}, noSuchEndUser(id)
	}
	return u.User, err
}

func noSuchEndUser(id string) error { return notFound(aUser, "End user "+id+" not found") }

func (d *Dialect) getEndUser(c *call) error { return d.oneEndUser(c, c.args.text("id")) }

// currentEndUser shows the caller himself; who is no end user is none.
func (d *Dialect) currentEndUser(c *call) error { return d.oneEndUser(c, string(c.actor.User)) }

func (d *Dialect) oneEndUser(c *call, id string) error {
	return d.show(c, func(a *answer) error {
		u, err := findEndUser(a.look, id)
		if err == nil {
			a.endUser(&u, true)
		}
		return err
	})
}

func (d *Dialect) createEndUser(c *call) error {
	done, err := d.submit(c, &countersign.CreateEndUser{ExternalID: c.args.text("external_id")})
	if err != nil {
		return err
	}
	made, ok := done.Change.Operations[0].(*countersign.CreateEndUser)
	if !ok {
		return errNotWhatWasAsked
	}
	a := &answer{profile: c.profile}
	a.endUser(&countersign.User{
		ID: made.UserID, CreatedAt: done.Change.CreatedAt, ModifiedAt: done.Change.CreatedAt, ExternalID: made.ExternalID,
	}, true)
	c.send(http.StatusCreated, a.b)
	return nil
}

func (d *Dialect) deleteEndUser(c *call) error {
	id := c.args.text("id")
	if _, err := d.plan(c, func(now engine.Present) ([]countersign.Change, error) {
		if err := presentEndUser(now, id); err != nil {
			return nil, err
		}
		return []countersign.Change{&countersign.DeleteUser{UserID: countersign.UserID(id)}}, nil
	}); err != nil {
		return err
	}
	c.send(http.StatusOK, []byte("{}"))
	return nil
}

func presentEndUser(now engine.Present, id string) error {
	u, ok := now.User(countersign.UserID(id))
	if !ok || u.Type != countersign.EndUser || u.State == countersign.UserPendingApproval {
		return noSuchEndUser(id)
	}
	return nil
}

// setExport answers that nothing can be exported: to forbid it is already so, and
// to allow it would be a lie, since a directory keeps no keys.
func (d *Dialect) setExport(c *call) error {
	look, err := d.Engine.Look(c.ctx, c.actor)
	if err != nil {
		return err
	}
	defer look.Close()
	if _, err := findEndUser(look, c.args.text("id")); err != nil {
		return err
	}
	if c.args.yes("allow") {
		return precondition("unsupported_organization", "There are no keys here that could be exported.")
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
