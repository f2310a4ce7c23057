package csvimport

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/countersign/countersign"
)

// BatchRows is how many rows a batch holds. It is part of what makes the same
// files give the same batches.
const BatchRows = 1000

// maxBody keeps a batch below what the API takes in one request.
const maxBody = 900 << 10

// Batch is one batch, ready to be sent.
type Batch struct {
	Digest string
	Counts countersign.ImportCounts
	Body   []byte
	// Stage orders batches: those of a stage may be taken in in any order, and
	// rely only on those of the stages before.
	Stage int
	File  string
}

// Plan is an import, ready to be opened.
type Plan struct {
	Open    countersign.OpenImport
	Batches []Batch
}

// The stages: people answer for accounts, and members need users and groups.
const (
	stagePeople = iota
	stageAccounts
	stageGroups
	stageMemberships
)

// Cut makes the batches of rows.
func (r *Rows) Cut(salt string, skipRejects bool) (*Plan, error) {
	p := &Plan{Open: countersign.OpenImport{Salt: salt, Files: r.Files, SkipRejects: skipRejects}}
	accounts, people := split(r.Users, func(u countersign.ImportUser) bool { return u.Type == countersign.APIUser })
	users := func(rows []countersign.ImportUser) *countersign.ImportRows {
		return &countersign.ImportRows{Salt: salt, Users: rows}
	}
	groups := func(rows []countersign.ImportGroup) *countersign.ImportRows {
		return &countersign.ImportRows{Salt: salt, Groups: rows}
	}
	memberships := func(rows []countersign.ImportMembership) *countersign.ImportRows {
		return &countersign.ImportRows{Salt: salt, Memberships: rows}
	}
	granted := map[countersign.Permission]bool{}
	err := cmp.Or(
		cut(p, people, stagePeople, granted, users),
		cut(p, accounts, stageAccounts, granted, users),
		cut(p, r.Groups, stageGroups, granted, groups),
		cut(p, r.Memberships, stageMemberships, granted, memberships),
	)
	if err != nil {
		return nil, err
	}
	for permission := range granted {
		p.Open.Permissions = append(p.Open.Permissions, permission)
	}
	slices.Sort(p.Open.Permissions)
	for _, b := range p.Batches {
		p.Open.Batches = append(p.Open.Batches, countersign.ImportBatchSummary{Digest: b.Digest, Counts: b.Counts})
	}
	return p, nil
}

func split[T any](list []T, is func(T) bool) (yes, no []T) {
	for _, one := range list {
		if is(one) {
			yes = append(yes, one)
		} else {
			no = append(no, one)
		}
	}
	return yes, no
}

// cut makes batches of at most BatchRows rows, and of half as many as long as one
// would be too large to send.
func cut[T any](p *Plan, rows []T, stage int, granted map[countersign.Permission]bool, batch func([]T) *countersign.ImportRows) error {
	for len(rows) > 0 {
		n := min(len(rows), BatchRows)
		var made *countersign.ImportRows
		var body []byte
		for {
			made = batch(rows[:n])
			encoded, err := json.Marshal(made)
			if err != nil {
				return fmt.Errorf("encoding a batch: %w", err)
			}
			if body = encoded; len(body) <= maxBody || n == 1 {
				break
			}
			n = (n + 1) / 2
		}
		for _, permission := range made.Granted() {
			granted[permission] = true
		}
		sum := sha256.Sum256(body)
		p.Batches = append(p.Batches, Batch{
			Digest: hex.EncodeToString(sum[:]), Counts: made.Counts(), Body: body, Stage: stage, File: made.File(),
		})
		rows = rows[n:]
	}
	return nil
}
