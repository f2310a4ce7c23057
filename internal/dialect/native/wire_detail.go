package native

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// What an approver is told besides the request itself (governance.md B.9).

type overlapOut struct {
	ChangeID   countersign.ChangeID     `json:"change_id"`
	Requester  countersign.UserID       `json:"requester"`
	Kinds      []countersign.ChangeKind `json:"kinds"`
	Facts      []countersign.Fact       `json:"facts"`
	FactsTotal int                      `json:"facts_total"`
	EndsOther  bool                     `json:"ends_other"`
	EndsThis   bool                     `json:"ends_this"`
}

func overlapsToWire(list []engine.Overlap) []overlapOut {
	out := make([]overlapOut, len(list))
	for i, o := range list {
		out[i] = overlapOut{o.Change, o.Requester, o.Kinds, o.Facts, o.FactsTotal, o.EndsOther, o.EndsThis}
	}
	return out
}

type lookalikeOut struct {
	Field       string     `json:"field"`
	Kind        string     `json:"kind"`
	Text        string     `json:"text"`
	ID          text       `json:"id"`
	Others      []otherOut `json:"others"`
	OthersTotal int        `json:"others_total"`
}

type otherOut struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	Same bool   `json:"same"`
}

type earlierOut struct {
	Total  int                             `json:"total"`
	More   bool                            `json:"more"`
	States map[countersign.ChangeState]int `json:"states"`
	Latest []earlierRequestOut             `json:"latest"`
}

type earlierRequestOut struct {
	ID            countersign.ChangeID    `json:"id"`
	State         countersign.ChangeState `json:"state"`
	ClosedAt      moment                  `json:"closed_at"`
	ClosedBecause text                    `json:"closed_because"`
}

type differencesOut struct {
	ChangeID   countersign.ChangeID    `json:"change_id"`
	Operations []operationDifferentOut `json:"operations"`
	Effects    []effectDifferentOut    `json:"effects"`
	Partial    bool                    `json:"partial"`
}

type fields = map[string]jsontext.Value

type operationDifferentOut struct {
	How    string `json:"how"`
	Kind   string `json:"kind"`
	Was    *int   `json:"was"`
	Is     *int   `json:"is"`
	Before fields `json:"before"`
	After  fields `json:"after"`
}

type effectDifferentOut struct {
	How       string `json:"how"`
	Fact      string `json:"fact"`
	WasBefore fields `json:"was_before"`
	WasAfter  fields `json:"was_after"`
	Before    fields `json:"before"`
	After     fields `json:"after"`
}

// detail fills in what is told of one request to one reader.
func (out *changeOut) detail(d engine.Detail, c countersign.ChangeRequest) {
	kinds := engine.NameKinds()
	lookalikes := make([]lookalikeOut, len(d.Lookalikes))
	for i, l := range d.Lookalikes {
		lookalikes[i] = lookalikeOut{Field: l.Field, Kind: kinds[l.Kind], Text: l.Text, ID: text(l.ID), OthersTotal: l.OthersTotal}
		for _, o := range l.Others {
			lookalikes[i].Others = append(lookalikes[i].Others, otherOut(o))
		}
	}
	out.Lookalikes = &lookalikes
	if e := d.Earlier; e != nil {
		told := earlierOut{Total: e.Total, More: e.More, States: e.States, Latest: []earlierRequestOut{}}
		for _, r := range e.Latest {
			told.Latest = append(told.Latest, earlierRequestOut{r.ID, r.State, moment(r.ClosedAt), text(r.ClosedBecause)})
		}
		out.Earlier = &told
	}
	if d.Differences != nil {
		out.Differences = differencesToWire(*d.Differences, c.Replaces)
	}
}

func differencesToWire(d engine.Differences, from countersign.ChangeID) *differencesOut {
	out := &differencesOut{ChangeID: from, Operations: []operationDifferentOut{}, Effects: []effectDifferentOut{}, Partial: d.Partial}
	place := func(n int) *int {
		if n < 0 {
			return nil
		}
		return &n
	}
	for _, o := range d.Operations {
		out.Operations = append(out.Operations, operationDifferentOut{string(o.How), o.Kind, place(o.Was), place(o.Is), fields(o.Before), fields(o.After)})
	}
	for _, e := range d.Effects {
		out.Effects = append(out.Effects, effectDifferentOut{
			string(e.How), e.Fact, fields(e.WasBefore), fields(e.WasAfter), fields(e.Before), fields(e.After),
		})
	}
	return out
}
