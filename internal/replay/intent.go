package replay

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/gowebpki/jcs"

	"github.com/countersign/countersign"
)

// intent is the digest by which a request for the same is found again: of its
// operations in clear, in order of their bytes, without what the directory
// allotted. What did not have to wait has none.
func (r *request) intent() string {
	if len(r.Requirement.Clauses) == 0 || r.Ratification != "" {
		return ""
	}
	clear, err := reveal(r.raw, r.openings)
	if err != nil {
		return "unreadable"
	}
	var doc struct {
		Operations []map[string]json.RawMessage `json:"operations"`
	}
	if json.Unmarshal(clear, &doc) != nil {
		return "unreadable"
	}
	var lines [][]byte
	for _, op := range doc.Operations {
		var kind countersign.ChangeKind
		if json.Unmarshal(op["kind"], &kind) != nil {
			return "unreadable"
		}
		for _, name := range countersign.AllottedFields(kind) {
			delete(op, name)
		}
		raw, err := json.Marshal(op)
		if err == nil {
			raw, err = jcs.Transform(raw)
		}
		if err != nil {
			return "unreadable"
		}
		lines = append(lines, append(raw, '\n'))
	}
	slices.SortFunc(lines, bytes.Compare)
	return framed("countersign-intent-v1", bytes.Join(lines, nil))
}
