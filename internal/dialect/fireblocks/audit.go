package fireblocks

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

const (
	// The published bounds of section 3.3.
	defaultEvents, maxEvents = 200, 500
	day                      = 24 * time.Hour
	maxPast                  = 366 * day
	// maxScanned bounds the entries one filtered page looks at: a rare event is
	// found over several pages, each of which says where the next begins.
	maxScanned = 20_000
	maxValues  = 50
	maxCursor  = 20
	// maxMillis is the year 9999.
	maxMillis = 253_402_300_799_999
)

// trail is one question to the audit log.
type trail struct {
	c          *call
	d          *Dialect
	start, end time.Time
	ascending  bool
	size       int
	cursor     int64 // -1 for the beginning
	wanted     map[string][]string
	users      map[countersign.UserID]string
	changes    map[countersign.ChangeID]told
}

// listAudit answers both generations of the audit log (section 3.3). Parameters
// it does not know are ignored, as the published service does.
func (d *Dialect) listAudit(c *call) error {
	t := &trail{c: c, d: d, users: map[countersign.UserID]string{}, changes: map[countersign.ChangeID]told{}}
	if err := t.read(); err != nil {
		return err
	}
	out, err := t.page()
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, out)
	return nil
}

func (t *trail) read() error {
	q := wire.ParseQuery(t.c.r)
	now := t.d.Now()
	t.start, t.end = now.Add(-day), now
	if q.Enum("timePeriod", "DAY", "DAY", "WEEK") == "WEEK" {
		t.start = now.Add(-7 * day)
	}
	if q.Has("startTime") {
		t.start = time.UnixMilli(q.Int("startTime", 0, 0, maxMillis))
		if t.start.Before(now.Add(-maxPast)) {
			q.Fail("startTime", "This lies more than one year back.")
		}
	}
	if q.Has("endTime") {
		t.end = time.UnixMilli(q.Int("endTime", 0, 0, maxMillis))
		if q.Has("startTime") && !t.end.After(t.start) {
			q.Fail("endTime", "This must be later than startTime.")
		}
	}
	t.ascending = q.Enum("order", "DESC", "ASC", "DESC") == "ASC"
	t.size = int(q.Int("pageSize", defaultEvents, 1, maxEvents))
	t.wanted = map[string][]string{}
	for _, field := range []string{"category", "subject", "event", "user", "userId"} {
		if q.Has(field) {
			t.wanted[field] = q.List(field, maxValues)
		}
	}
	t.cursor = -1
	for _, name := range []string{"pageCursor", "cursor"} {
		if text := q.String(name, "", maxCursor); text != "" && t.cursor < 0 {
			index, err := strconv.ParseInt(text, 10, 64)
			if err != nil || index < 0 || strconv.FormatInt(index, 10) != text {
				q.Fail(name, "This is no cursor of ours; send back the one you were given, or none.")
			}
			t.cursor = index
		}
	}
	return q.Err()
}

// page looks through the entries of the window, from the cursor on.
func (t *trail) page() (auditOut, error) {
	out := auditOut{Data: []eventOut{}}
	_, head, err := t.d.Engine.Entries(t.c.ctx, t.c.actor, 0, 1)
	if err != nil {
		return out, err
	}
	low, err := t.d.Engine.FirstEntry(t.c.ctx, t.c.actor, head.Size, func(at time.Time) bool { return !at.Before(t.start) })
	if err != nil {
		return out, err
	}
	high, err := t.d.Engine.FirstEntry(t.c.ctx, t.c.actor, head.Size, func(at time.Time) bool { return at.After(t.end) })
	if err != nil {
		return out, err
	}
	if len(t.wanted) == 0 {
		total := max(high-low, 0)
		out.Total = &total
	}
	next, err := t.walk(low, high, &out.Data)
	if err == nil && next >= 0 {
		text := strconv.FormatInt(next, 10)
		out.Next, out.Cursor = &text, &text
	}
	return out, err
}

// walk gathers one page from the window [low, high) and returns where the next
// begins, or -1 when there is none.
func (t *trail) walk(low, high int64, out *[]eventOut) (int64, error) {
	at, step := high-1, int64(-1)
	if t.ascending {
		at, step = low, 1
	}
	if t.cursor >= 0 {
		at = t.cursor
		if t.ascending {
			at = max(at, low)
		} else {
			at = min(at, high-1)
		}
	}
	inside := func() bool { return at >= low && at < high }
	for scanned := 0; inside(); {
		most := high - at
		if !t.ascending {
			most = at - low + 1
		}
		entries, err := t.next(at, most)
		if err != nil || len(entries) == 0 {
			return -1, err
		}
		for _, entry := range entries {
			if len(*out) == t.size || scanned == maxScanned {
				return at, nil
			}
			row, err := t.row(entry)
			if err != nil {
				return -1, err
			}
			if t.keeps(row) {
				*out = append(*out, row)
			}
			scanned++
			at += step
		}
	}
	return -1, nil
}

// next reads at most most entries from an index on, in the order asked for. A
// read gives fewer than it was asked for where they are large: backwards, where
// those would be missing that come first, it asks again for less.
func (t *trail) next(at, most int64) ([]countersign.AuditEntry, error) {
	for count := min(most, engine.MaxEntries); ; count = (count + 1) / 2 {
		from := at
		if !t.ascending {
			from = at - count + 1
		}
		entries, _, err := t.d.Engine.Entries(t.c.ctx, t.c.actor, from, int(count))
		if err != nil || t.ascending {
			return entries, err
		}
		if int64(len(entries)) == count || count == 1 {
			slices.Reverse(entries)
			return entries, nil
		}
	}
}

// leaf is the part of an entry's canonical bytes that is shown here
// (their format is that of native audit entries, version 1).
type leaf struct {
	Actor struct {
		User countersign.UserID `json:"user"`
	} `json:"actor"`
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
	} `json:"attempt"`
}

// row turns one entry into one event.
func (t *trail) row(entry countersign.AuditEntry) (eventOut, error) {
	var l leaf
	if err := json.Unmarshal(entry.Leaf, &l); err != nil {
		return eventOut{}, err
	}
	of, err := t.change(l.Change.ID)
	if err != nil {
		return eventOut{}, err
	}
	who := cmp.Or(l.Actor.User, l.Attempt.User)
	name, err := t.user(who)
	if err != nil {
		return eventOut{}, err
	}
	if len(l.Attempt.Kinds) > 0 {
		of.kind = l.Attempt.Kinds[0]
	}
	w := words(of.kind)
	event := w.event[stepOf(entry.Kind, l, of.held)]
	if entry.Kind == countersign.EntryRefused {
		event = "Refused"
	}
	at := entry.Time.UnixMilli()
	return eventOut{
		ID: strconv.FormatInt(entry.Index, 10), Timestamp: at, CreatedAt: at, User: name, UserID: who,
		Subject: w.subject, Event: event, TenantID: t.c.actor.Organization, Category: administration,
	}, nil
}

func stepOf(kind countersign.EntryKind, l leaf, held bool) step {
	switch {
	case kind == countersign.EntryVote && l.Approval.Decision == countersign.Deny:
		return denied
	case kind == countersign.EntryVote:
		return approved
	case kind == countersign.EntryClosed && l.Change.State == countersign.ChangeRejected:
		return rejected
	case kind == countersign.EntryClosed:
		return cancelled // by its requester, by time, or because what it relied on has moved
	case kind == countersign.EntrySubmitted:
		return submitted
	case held:
		return applied
	default:
		return appliedOnce
	}
}

// told is what an entry's change does, and whether it had to wait.
type told struct {
	kind countersign.ChangeKind
	held bool
}

func (t *trail) change(id countersign.ChangeID) (told, error) {
	if id == "" {
		return told{}, nil
	}
	if known, ok := t.changes[id]; ok {
		return known, nil
	}
	request, err := t.d.Engine.Change(t.c.ctx, t.c.actor, id)
	if countersign.KindOf(err) == countersign.NotFound {
		return told{}, nil
	}
	if err != nil {
		return told{}, err
	}
	t.changes[id] = told{request.Operations[0].Kind(), len(request.Requirement.Clauses) > 0}
	return t.changes[id], nil
}

// user finds a name; whoever may not see it gets the id.
func (t *trail) user(id countersign.UserID) (string, error) {
	if id == "" {
		return "System", nil
	}
	if name, known := t.users[id]; known {
		return name, nil
	}
	u, _, err := t.d.Engine.User(t.c.ctx, t.c.actor, id)
	if err != nil && countersign.KindOf(err) != countersign.NotFound {
		return "", err
	}
	name := u.Name
	if name == "" {
		name = string(id)
	}
	t.users[id] = name
	return name, nil
}

// keeps reports whether a row passes: values of one field are alternatives,
// different fields must all hold.
func (t *trail) keeps(row eventOut) bool {
	for field, values := range t.wanted {
		is := map[string]string{
			"category": row.Category, "subject": row.Subject, "event": row.Event, "user": row.User, "userId": string(row.UserID),
		}[field]
		if !slices.Contains(values, is) {
			return false
		}
	}
	return true
}
