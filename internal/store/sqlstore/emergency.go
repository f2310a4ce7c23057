package sqlstore

import (
	"cmp"
	"context"
	"time"

	"github.com/countersign/countersign"
)

const (
	emergencyRows = ` from emergencies e join change_requests c on c.organization_id = e.organization_id and c.id = e.ratification_id
		where e.organization_id = $1`
	emergencyColumns = `select e.change_id, e.kind, e.person_id, e.made_at, e.ratification_id, e.position, c.state` + emergencyRows
)

const (
	emergencyByID       statement = emergencyColumns + ` and e.change_id = $2`
	emergenciesBefore   statement = emergencyColumns + ` and e.change_id < $2 order by e.change_id desc limit $3`
	unratifiedBefore    statement = emergencyColumns + ` and e.change_id < $2 and c.state <> 'applied' order by e.change_id desc limit $3`
	countEmergencies    statement = `select count(*), coalesce(sum(case when c.state <> 'applied' then 1 else 0 end), 0)` + emergencyRows
	emergenciesOfPerson statement = `select count(*) from emergencies where organization_id = $1 and person_id = $2 and made_at > $3`
	putEmergency        statement = `insert into emergencies (organization_id, change_id, kind, person_id, made_at, ratification_id, position)
		values ($1, $2, $3, $4, $5, $6, $7)`
)

func emergencyDest(e *countersign.Emergency) []any {
	return []any{&e.Change, &e.Kind, &e.Person, at(&e.At), &e.Ratification, &e.Position, &e.State}
}

func (t *readTx) Emergency(ctx context.Context, id countersign.ChangeID) (countersign.Emergency, error) {
	return find(ctx, t.s, "emergency", emergencyDest, emergencyByID, t.org, id)
}

func (t *readTx) Emergencies(ctx context.Context, unratified bool, before countersign.ChangeID, limit int) (found []countersign.Emergency, err error) {
	if limit <= 0 {
		return nil, nil
	}
	q := emergenciesBefore
	if unratified {
		q = unratifiedBefore
	}
	err = list(ctx, t.s, emergencyDest, q, []any{t.org, cmp.Or(before, newest), limit}, func(e countersign.Emergency) error {
		found = append(found, e)
		return nil
	})
	return found, err
}

func (t *readTx) CountEmergencies(ctx context.Context) (all, unratified int, err error) {
	_, err = t.s.one(ctx, countEmergencies, []any{t.org}, &all, &unratified)
	return all, unratified, err
}

func (t *readTx) EmergenciesOf(ctx context.Context, person countersign.UserID, after time.Time) (n int, err error) {
	_, err = t.s.one(ctx, emergenciesOfPerson, []any{t.org, person, after}, &n)
	return n, err
}

func (t *writeTx) PutEmergency(ctx context.Context, e countersign.Emergency) error {
	_, err := t.s.exec(ctx, putEmergency, t.org, e.Change, e.Kind, e.Person, e.At, e.Ratification, e.Position)
	return err
}
