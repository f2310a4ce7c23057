package engine

import (
	"context"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/differ"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/statement"
	"github.com/countersign/countersign/internal/store"
)

// Detail is what one reader of one request is told besides (governance.md B.9).
// It costs a look at every name and at the history of the requester, so that lists
// and the answers to writes go without.
type Detail struct {
	// Lookalikes are names in the request, or of whom it is about, that could be
	// taken for those of others; of open requests.
	Lookalikes []roster.Lookalike
	// Earlier requests of the same person for the same.
	Earlier *Earlier
	// Differences from the request this one replaces; nil where it replaces none,
	// or one that the reader may not see.
	Differences *Differences
}

// Differences between a request and the one it replaces.
type Differences = differ.Differences

// NameKinds are the words for the kinds of names that are compared.
func NameKinds() map[roster.NameKind]string {
	return map[roster.NameKind]string{roster.UserName: "user_name", roster.UserEmail: "user_email", roster.GroupName: "group_name"}
}

// DigestWords says a digest in the eight words by which people compare it.
func DigestWords(digest string) string { return statement.Words(digest) }

// ChangeInDetail is Change with all an approver should know.
func (e *Engine) ChangeInDetail(ctx context.Context, actor countersign.Actor, id countersign.ChangeID) (ChangeView, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return ChangeView{}, err
	}
	defer v.done()
	row, request, err := e.changeRow(ctx, v, id)
	if err != nil {
		return ChangeView{}, err
	}
	out := v.weigh(v.describe(request), newOverlapping(v))
	if err := e.addDetail(ctx, v, &out, out.State.Open()); err != nil {
		return ChangeView{}, err
	}
	out.Detail.Differences, err = e.differences(ctx, v, request, row)
	return out, err
}

// detail adds the detail of a dry run. What it replaces nobody has decided on.
func (e *Engine) detail(ctx context.Context, actor countersign.Actor, c *ChangeView) error {
	v, err := e.look(ctx, actor)
	if err != nil {
		return err
	}
	defer v.done()
	return e.addDetail(ctx, v, c, true)
}

// addDetail adds what costs more than a look at the request; ahead says that it is
// yet to be decided.
func (e *Engine) addDetail(ctx context.Context, v view, c *ChangeView, ahead bool) error {
	c.Detail = &Detail{}
	if ahead {
		c.Detail.Lookalikes = v.lookalikes(c.Operations)
	}
	// How often somebody asked is for himself to know, and for who sees whatever is asked.
	if v.actor.User != c.RequesterPerson && !access.SeeChange(v.actor, v.holds, "", "") {
		return nil
	}
	return e.store.Read(ctx, v.actor.Organization, func(tx store.ReadTx) error {
		told, err := earlier(ctx, tx, c.ChangeRequest, v.now)
		c.Detail.Earlier = told
		return err
	})
}

// differences compares a request with the one it replaces.
func (e *Engine) differences(ctx context.Context, v view, request countersign.ChangeRequest, row store.ChangeRecord) (*Differences, error) {
	if request.Replaces == "" {
		return nil, nil //nolint:nilnil // it replaces none
	}
	before, _, err := e.changeRow(ctx, v, request.Replaces)
	if isKind(err, countersign.NotFound) {
		return nil, nil //nolint:nilnil // not for this reader
	}
	if err != nil {
		return nil, err
	}
	was, err := canon.Open(before.Payload, before.Openings)
	if err != nil {
		return nil, err
	}
	is, err := canon.Open(row.Payload, row.Openings)
	if err != nil {
		return nil, err
	}
	found, err := differ.Compare(was, is)
	return &found, err
}
