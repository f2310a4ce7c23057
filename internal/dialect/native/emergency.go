package native

import (
	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

type emergencyOut struct {
	ChangeID       countersign.ChangeID    `json:"change_id"`
	Kind           countersign.ChangeKind  `json:"kind"`
	PersonID       countersign.UserID      `json:"person_id"`
	At             moment                  `json:"at"`
	RatificationID countersign.ChangeID    `json:"ratification_id"`
	State          countersign.ChangeState `json:"state"`
	Position       int64                   `json:"position"`
}

func emergencyToWire(e countersign.Emergency) emergencyOut {
	return emergencyOut{e.Change, e.Kind, e.Person, moment(e.At), e.Ratification, e.State, e.Position}
}

func (d *Dialect) listEmergencies(c *call) error {
	q := wire.ParseQuery(c.r)
	unratified := q.Bool("unratified", false)
	p := c.paging(q)
	if err := q.Done(); err != nil {
		return err
	}
	rows, err := d.Engine.Emergencies(c.ctx, c.actor, unratified, p.page)
	if err != nil {
		return err
	}
	return answerList(c, p, rows, func(e countersign.Emergency) string { return string(e.Change) }, plain(emergencyToWire))
}
