package fordefi

import (
	"encoding/csv"
	"net/http"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// exportAudit writes the audit log as CSV, newest first, all of it that passes.
func (d *Dialect) exportAudit(c *call) error {
	t, err := d.trail(c)
	if err != nil {
		return err
	}
	look, err := d.Engine.Look(c.ctx, c.actor)
	if err != nil {
		return err
	}
	defer look.Close()
	h := c.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="audit-log.csv"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	c.w.WriteHeader(http.StatusOK)
	out := csv.NewWriter(c.w)
	err = out.Write([]string{"id", "timestamp", "request_id", "category", "action", "created_by_id", "created_by_type", "created_by_name", "description"})
	if err == nil {
		err = t.walk(t.low, t.high, func(r record) error {
			u, err := look.Brief(r.leaf.Actor.User)
			if err != nil {
				return err
			}
			if u == nil {
				u = &countersign.User{ID: r.leaf.Actor.User, Type: "system", Name: system}
			}
			description, err := describe(look, &r)
			if err != nil {
				return err
			}
			return out.Write([]string{
				recordID(c.actor.Organization, r.entry.Index), stamp(r.entry.Time), r.leaf.Request.ID, r.category, r.action,
				string(u.ID), string(u.Type), harmless(u.Name), harmless(description),
			})
		})
	}
	out.Flush()
	if err != nil || out.Error() != nil {
		// The status has gone out; half a file must not look like a whole one.
		panic(http.ErrAbortHandler)
	}
	return nil
}

func stamp(at time.Time) string {
	a := answer{}
	a.moment(at)
	return string(a.b)
}

// harmless keeps spreadsheets from taking for a formula what somebody wrote.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
