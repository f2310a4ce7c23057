package fordefi

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
)

// raw appends what needs no quoting.
func (a *answer) raw(s string) { a.b = append(a.b, s...) }

// member begins a member of an object: its name, after a comma unless it is first.
func (a *answer) member(name string) {
	if last := a.b[len(a.b)-1]; last != '{' && last != '[' {
		a.b = append(a.b, ',')
	}
	a.b = append(a.b, '"')
	a.b = append(a.b, name...)
	a.b = append(a.b, '"', ':')
}

// word appends a member whose value holds only letters, digits and hyphens.
func (a *answer) word(name, value string) {
	a.member(name)
	a.b = append(a.b, '"')
	a.b = append(a.b, value...)
	a.b = append(a.b, '"')
}

// text appends a member with whatever somebody wrote.
func (a *answer) text(name, value string) {
	a.member(name)
	a.quoted(value)
}

func (a *answer) quoted(value string) {
	// The only error is of text that is not UTF-8, which was refused at the door;
	// it is written with replacements then.
	a.b, _ = jsontext.AppendQuote(a.b, value)
}

func (a *answer) number(name string, n int) {
	a.member(name)
	a.b = strconv.AppendInt(a.b, int64(n), 10)
}

func (a *answer) flag(name string, yes bool) {
	a.member(name)
	a.b = strconv.AppendBool(a.b, yes)
}

// time appends a moment, in milliseconds with six digits, without a fraction when
// there is none; nothing for none (contract section 1.6).
func (a *answer) time(name string, at time.Time) {
	if at.IsZero() {
		return
	}
	a.member(name)
	a.b = append(a.b, '"')
	a.moment(at)
	a.b = append(a.b, '"')
}

func (a *answer) moment(at time.Time) {
	at = at.UTC()
	a.b = at.AppendFormat(a.b, "2006-01-02T15:04:05")
	if ms := at.Nanosecond() / int(time.Millisecond); ms > 0 {
		a.b = append(a.b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), '0', '0', '0')
	}
	a.b = append(a.b, 'Z')
}

// comma separates the values of an array.
func (a *answer) comma() {
	if a.b[len(a.b)-1] != '[' {
		a.b = append(a.b, ',')
	}
}

// list writes the envelope of a list up to its array; endList ends it. A total
// less than 0 was not asked for.
func (a *answer) list(c *call, total int, name string) {
	a.raw("{")
	if total >= 0 {
		a.number("total", total)
	}
	a.member("page")
	a.b = strconv.AppendInt(a.b, c.args.number("page"), 10)
	a.member("size")
	a.b = strconv.AppendInt(a.b, c.args.number("size"), 10)
	a.member(name)
	a.raw("[")
}

func (a *answer) endList() { a.raw("]}") }

// system is the reference to who is no user, or nobody the caller may see: the
// directory itself. Its id is that of the organization.
const system = "Countersign"

// mention appends a member that refers to a user (contract section 1.5, UserRef).
// One who is not there is left out, or is the directory itself when required.
func (a *answer) mention(name string, id countersign.UserID, required bool) error {
	if id == "" && !required {
		return nil
	}
	u, err := a.look.Brief(id)
	if err != nil || u == nil && !required {
		return err
	}
	a.member(name)
	if u == nil {
		a.raw("{")
		a.word("id", string(a.organization))
		a.word("user_type", "system")
		a.word("name", system)
		a.raw("}")
		return nil
	}
	a.reference(u)
	return nil
}

// reference appends what every mention of a user shows, also of a deleted one.
func (a *answer) reference(u *countersign.User) {
	role, state, _ := a.shown(u.Type, u.Role, u.State)
	a.raw("{")
	a.word("id", string(u.ID))
	a.word("user_type", string(u.Type))
	switch u.Type {
	case countersign.EndUser:
		a.text("external_id", u.ExternalID)
		if state != countersign.UserActive {
			state = countersign.UserDeleted
		}
	case countersign.Person:
		if u.Name != "" {
			a.text("name", u.Name)
		}
		a.text("email", u.Email)
	default:
		a.text("name", u.Name)
	}
	a.word("state", a.profile.stateWord(state))
	if role != countersign.NoRole && u.Type != countersign.EndUser {
		a.word("role", string(role))
	}
	a.raw("}")
}
