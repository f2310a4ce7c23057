package b2core

import (
	"bytes"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// groupOut is the User Group object (section 5). Members beyond id, name and
// permissions follow the house style of other objects of this API.
type groupOut struct {
	ID          int64                    `json:"id"`
	Name        string                   `json:"name"`
	Permissions []countersign.Permission `json:"permissions"`
	CreateTime  *string                  `json:"createTime"`
	UpdateTime  *string                  `json:"updateTime"`
}

// groupIn is the body of create and update (section 4).
type groupIn struct {
	Name        countersign.Opt[string]                   `json:"name"`
	Permissions countersign.Opt[[]countersign.Permission] `json:"permissions"`
}

// userOut is the User object (section 7): Permissions are those the user holds
// individually, Groups those he is in.
type userOut struct {
	ID          int64                    `json:"id"`
	Name        string                   `json:"name"`
	Email       *string                  `json:"email"`
	Active      bool                     `json:"active"`
	Permissions []countersign.Permission `json:"permissions"`
	Groups      []groupRef               `json:"groups"`
	Phone       *string                  `json:"phone"`
	TelegramID  *string                  `json:"telegramChatId"`
	CreateTime  *string                  `json:"createTime"`
	UpdateTime  *string                  `json:"updateTime"`
}

type groupRef struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// userIn is the body of create and update.
type userIn struct {
	Name        countersign.Opt[string]                   `json:"name"`
	Email       countersign.Opt[string]                   `json:"email"`
	Active      countersign.Opt[bool]                     `json:"active"`
	Permissions countersign.Opt[[]countersign.Permission] `json:"permissions"`
	Groups      countersign.Opt[[]groupNumber]            `json:"groups"`
	Phone       countersign.Opt[string]                   `json:"phone"`
	TelegramID  countersign.Opt[string]                   `json:"telegramChatId"`
	Password    countersign.Opt[any]                      `json:"password"`
}

// groupNumber is a group as a client names it: by its id, or by the object it was
// shown, so that what was read can be sent back.
type groupNumber int64

// UnmarshalJSON reads 7 or {"id":7}.
func (g *groupNumber) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		var shown struct {
			ID *int64 `json:"id"`
		}
		if err := wire.DecodeBytes(text, &shown, wire.IgnoreUnknown()); err != nil {
			return err
		}
		if shown.ID == nil {
			return countersign.E(countersign.Invalid, "id", "is required")
		}
		*g = groupNumber(*shown.ID)
		return nil
	}
	var id int64
	if err := wire.DecodeBytes(text, &id); err != nil {
		return err
	}
	*g = groupNumber(id)
	return nil
}

// optional is null for a text that is not there.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// stamp writes a time as other objects of this API do: ISO 8601 with a numeric
// offset; null when there is none.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05-07:00")
	return &text
}

// modified is null for what has not been modified since it was made.
func modified(created, modified time.Time) *string {
	if modified.Equal(created) {
		return nil
	}
	return stamp(modified)
}

// listed keeps an empty list from being null.
func listed(list []countersign.Permission) []countersign.Permission {
	if list == nil {
		return []countersign.Permission{}
	}
	return list
}
