package fordefi

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// maxScanned bounds the entries one filtered page looks through: its total is
// exact, so it has to see them all. Who asks for more is told to narrow the time.
const maxScanned = 20_000

// trail is one question to the audit log: the entries from low to before high,
// newest first, that pass.
type trail struct {
	d          *Dialect
	c          *call
	low, high  int64
	categories []string
	createdBy  []string
	kinds      map[countersign.ChangeID]told
}

// told is what an entry's change does, and whether it had to wait.
type told struct {
	kind countersign.ChangeKind
	held bool
}

// record is one row of the audit log.
type record struct {
	entry    countersign.AuditEntry
	leaf     leaf
	category string
	action   string
}

// leaf is the part of an entry's canonical bytes that is shown here (their format
// is that of native audit entries, version 1).
type leaf struct {
	Actor struct {
		User countersign.UserID `json:"user"`
	} `json:"actor"`
	Request struct {
		ID string `json:"id"`
	} `json:"request"`
	Change struct {
		ID    countersign.ChangeID    `json:"id"`
		State countersign.ChangeState `json:"state"`
	} `json:"change"`
	Approval struct {
		Decision countersign.Decision `json:"decision"`
	} `json:"approval"`
	Attempt struct {
		Kinds []countersign.ChangeKind `json:"kinds"`
		User  countersign.UserID       `json:"user"`
		Count int                      `json:"count"`
	} `json:"attempt"`
}

// trail finds the window of time that was asked for.
func (d *Dialect) trail(c *call) (*trail, error) {
	t := &trail{
		d: d, c: c, kinds: map[countersign.ChangeID]told{}, categories: c.args.list("category"), createdBy: c.args.list("created_by"),
	}
	_, head, err := d.Engine.Entries(c.ctx, c.actor, 0, 1)
	if err != nil {
		return nil, err
	}
	t.high = head.Size
	if c.args.given("created_before") {
		end := time.UnixMicro(c.args.number("created_before"))
		if t.high, err = t.d.Engine.FirstEntry(t.c.ctx, t.c.actor, head.Size, func(at time.Time) bool { return at.After(end) }); err != nil {
			return nil, err
		}
	}
	if c.args.given("created_after") {
		begin := time.UnixMicro(c.args.number("created_after"))
		if t.low, err = t.d.Engine.FirstEntry(t.c.ctx, t.c.actor, t.high, func(at time.Time) bool { return !at.Before(begin) }); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *trail) filtered() bool { return len(t.categories)+len(t.createdBy) > 0 }

// listAudit answers section 3.3, newest first.
func (d *Dialect) listAudit(c *call) error {
	t, err := d.trail(c)
	if err != nil {
		return err
	}
	offset, limit := c.args.page()
	total := int(t.high - t.low)
	var rows []record
	switch {
	case t.filtered() && total > maxScanned:
		return precondition("too_many_records", "There are more than 20000 entries to look through; narrow created_after and created_before, or leave out category and created_by.")
	case t.filtered():
		total = 0
		err = t.walk(t.low, t.high, func(r record) error {
			if total++; total > offset && total <= offset+limit {
				rows = append(rows, r)
			}
			return nil
		})
	default:
		high := t.high - int64(min(offset, total))
		err = t.walk(max(t.low, high-int64(limit)), high, func(r record) error {
			rows = append(rows, r)
			return nil
		})
	}
	if err != nil {
		return err
	}
	return d.show(c, func(a *answer) error {
		a.list(c, total, "audit_log_records")
		for i := range rows {
			a.comma()
			if err := a.record(&rows[i]); err != nil {
				return err
			}
		}
		a.endList()
		return nil
	})
}

// walk visits what passes of the entries from low to before high, newest first.
func (t *trail) walk(low, high int64, visit func(record) error) error {
	for high > low {
		from := max(low, high-engine.MaxEntries)
		entries, err := t.between(from, high)
		if err != nil {
			return err
		}
		for _, entry := range slices.Backward(entries) {
			r, passes, err := t.record(entry)
			if err != nil {
				return err
			}
			if !passes {
				continue
			}
			if err := visit(r); err != nil {
				return err
			}
		}
		high = from
	}
	return nil
}

// between reads all of some entries: where they are large, one read gives fewer.
func (t *trail) between(from, to int64) ([]countersign.AuditEntry, error) {
	var all []countersign.AuditEntry
	for from < to {
		entries, _, err := t.d.Engine.Entries(t.c.ctx, t.c.actor, from, int(to-from))
		if err != nil || len(entries) == 0 {
			return all, err
		}
		all = append(all, entries...)
		from += int64(len(entries))
	}
	return all, nil
}

// record reads an entry, and reports whether it passes the filters: values of one
// are alternatives, different ones must all hold.
func (t *trail) record(entry countersign.AuditEntry) (record, bool, error) {
	r := record{entry: entry}
	if err := json.Unmarshal(entry.Leaf, &r.leaf); err != nil {
		return r, false, err
	}
	r.leaf.Actor.User = cmp.Or(r.leaf.Actor.User, r.leaf.Attempt.User)
	if len(t.createdBy) > 0 && !slices.Contains(t.createdBy, string(r.leaf.Actor.User)) {
		return r, false, nil
	}
	of, err := t.change(r.leaf.Change.ID)
	if err != nil {
		return r, false, err
	}
	if len(r.leaf.Attempt.Kinds) > 0 {
		of.kind = r.leaf.Attempt.Kinds[0]
	}
	r.category, r.action = categoryOf(of.kind), actionOf(&r, of)
	return r, len(t.categories) == 0 || slices.Contains(t.categories, r.category), nil
}

func (t *trail) change(id countersign.ChangeID) (told, error) {
	if id == "" {
		return told{}, nil
	}
	if known, ok := t.kinds[id]; ok {
		return known, nil
	}
	request, err := t.d.Engine.Change(t.c.ctx, t.c.actor, id)
	if countersign.KindOf(err) == countersign.NotFound {
		return told{}, nil
	}
	if err != nil {
		return told{}, err
	}
	t.kinds[id] = told{request.Operations[0].Kind(), len(request.Requirement.Clauses) > 0}
	return t.kinds[id], nil
}

// record appends one row. The address of a caller is not recorded, so none is shown.
func (a *answer) record(r *record) error {
	a.raw("{")
	a.word("id", recordID(a.organization, r.entry.Index))
	a.time("timestamp", r.entry.Time)
	if r.leaf.Request.ID != "" {
		a.text("request_id", r.leaf.Request.ID)
	}
	a.word("category", r.category)
	a.text("action", r.action)
	if err := a.mention("created_by", r.leaf.Actor.User, true); err != nil {
		return err
	}
	description, err := describe(a.look, r)
	if err != nil {
		return err
	}
	a.text("description", description)
	a.raw("}")
	return nil
}
