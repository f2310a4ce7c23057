package sqlstore

import (
	"context"

	"github.com/countersign/countersign"
)

// These alone reach across organizations.
const (
	organizations statement = `select ` + organizationColumns + ` from organizations order by organization_id`
	secretPlace   statement = `select organization_id, id from credentials
		where secret_hash = $1 and secret_hash is not null`
	clientPlace statement = `select organization_id, id from credentials where client_id = $1 and client_id <> ''`
	userPlaces  statement = `select organization_id from users where id = $1 limit 2`
)

type deploymentTx struct{ s *session }

func (t *deploymentTx) Organizations(ctx context.Context, fn func(countersign.Organization) error) error {
	return scan(ctx, t.s, organizationDest, organizations, nil, fn)
}

func (t *deploymentTx) LocateSecret(ctx context.Context, hash []byte) (countersign.OrganizationID, countersign.CredentialID, error) {
	return t.credential(ctx, secretPlace, hash)
}

func (t *deploymentTx) LocateClient(ctx context.Context, clientID string) (countersign.OrganizationID, countersign.CredentialID, error) {
	return t.credential(ctx, clientPlace, clientID)
}

func (t *deploymentTx) credential(ctx context.Context, q statement, key any) (org countersign.OrganizationID, id countersign.CredentialID, err error) {
	found, err := t.s.one(ctx, q, []any{key}, &org, &id)
	if err == nil && !found {
		err = notFound("credential")
	}
	return org, id, err
}

// LocateUser fails closed when two organizations hold the id: ids are unique by
// chance, not by constraint, and picking one would let its user act as the other.
func (t *deploymentTx) LocateUser(ctx context.Context, id countersign.UserID) (countersign.OrganizationID, error) {
	var org countersign.OrganizationID
	places := 0
	err := t.s.each(ctx, userPlaces, []any{id}, []any{&org}, func() error { places++; return nil })
	if err == nil && places != 1 {
		return "", notFound("user")
	}
	return org, err
}
