package native

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

func (d *Dialect) getPolicy(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	revision, err := d.revision(c)
	if err != nil {
		return err
	}
	o, err := d.Engine.Policy(c.ctx, c.actor)
	if err != nil {
		return err
	}
	return c.answerObject(revision, o.PolicyVersion, o.Policy)
}

func (d *Dialect) putPolicy(c *call) error {
	o, err := c.options(mayRely)
	if err != nil {
		return err
	}
	var policy countersign.Policy
	if err := wire.Decode(c.r, 0, &policy); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "putPolicy", status: http.StatusOK, object: at("policy", ""), do: d.submit(&countersign.PutPolicy{Policy: policy}),
	}, o)
}

type healthOut struct {
	RuleID         string `json:"rule_id"`
	Clause         int    `json:"clause"`
	Need           int    `json:"need"`
	Eligible       int    `json:"eligible"`
	Reachable      int    `json:"reachable"`
	Spare          int    `json:"spare"`
	OldestSignInAt moment `json:"oldest_sign_in_at"`
	LastDrillAt    moment `json:"last_drill_at"`
	DrillDue       bool   `json:"drill_due"`
	OK             bool   `json:"ok"`
}

func healthToWire(h engine.RuleHealth) healthOut {
	return healthOut{
		RuleID: h.RuleID, Clause: h.Clause, Need: h.Need, Eligible: h.Eligible, Reachable: h.Reachable, Spare: h.Spare,
		OldestSignInAt: moment(h.OldestSignInAt), LastDrillAt: moment(h.LastDrillAt), DrillDue: h.DrillDue, OK: h.OK,
	}
}

func (d *Dialect) getPolicyHealth(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	rows, err := d.Engine.PolicyHealth(c.ctx, c.actor)
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, whole(rows, healthToWire))
	return nil
}

type findingOut struct {
	Severity string `json:"severity"`
	Field    string `json:"field"`
	Message  string `json:"message"`
}

func (d *Dialect) lintPolicy(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	var policy countersign.Policy
	if err := wire.Decode(c.r, 0, &policy); err != nil {
		return err
	}
	findings, err := d.Engine.PolicyLint(c.ctx, c.actor, policy)
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, whole(findings, func(f engine.Finding) findingOut { return findingOut(f) }))
	return nil
}

type violationOut struct {
	Exclusion string                     `json:"exclusion"`
	UserID    countersign.UserID         `json:"user_id"`
	UserName  text                       `json:"user_name"`
	UserType  countersign.UserType       `json:"user_type"`
	UserState countersign.UserState      `json:"user_state"`
	Sides     [][]countersign.Permission `json:"sides"`
}

func violationToWire(v engine.Violation) violationOut {
	return violationOut{v.Exclusion, v.User, text(v.Name), v.Type, v.State, v.Sides}
}

func (d *Dialect) listViolations(c *call) error {
	q := wire.ParseQuery(c.r)
	p := c.paging(q)
	if err := q.Done(); err != nil {
		return err
	}
	rows, err := d.Engine.PolicyViolations(c.ctx, c.actor, p.page)
	if err != nil {
		return err
	}
	return answerList(c, p, rows, func(v engine.Violation) string { return v.Place() }, plain(violationToWire))
}
