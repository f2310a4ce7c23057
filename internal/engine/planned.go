package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// Plan makes the operations of a mutation from what stands there when it is
// made. It runs inside the transaction, after the idempotency key was looked up
// and before anything is written, so nothing moves between what it found and
// what is done. It must be pure: a transaction may run it again. No operation
// means that nothing is to be changed, which is the Refused error "no_effect".
type Plan func(Present) ([]countersign.Change, error)

// Planned is a mutation that a Plan makes.
type Planned struct {
	Plan Plan
	// Nonce is the SHA-256 of what makes a signed request unique, zero for none.
	// It is kept in the same transaction as the change: no node carries out the
	// same signed request twice, whatever it has forgotten by a restart.
	Nonce [32]byte
	// FailureEndsKey makes an internal error final for the idempotency key: who
	// repeats it is told so (contracts/fireblocks.md section 5).
	FailureEndsKey bool
}

// Codes of what only a planned mutation can be told.
const (
	CodeNonceSpent = "nonce_spent"
	CodeKeyEnded   = "idempotency_key_ended"
)

// SubmitPlanned is Submit for operations that depend on what is there.
func (e *Engine) SubmitPlanned(ctx context.Context, actor countersign.Actor, p Planned, o Options) (Result, error) {
	result, err := e.mutate(ctx, actor, o, func(w *work) (countersign.Outcome, error) {
		if err := w.spendNonce(p.Nonce); err != nil {
			return countersign.Outcome{}, err
		}
		ops, err := p.Plan(Present{view{picture: w.picture, actor: w.actor, now: w.now}})
		if err != nil {
			return countersign.Outcome{}, err
		}
		if len(ops) == 0 {
			return countersign.Outcome{}, noEffect()
		}
		if err := validate(ops, o); err != nil {
			return countersign.Outcome{}, err
		}
		return w.submit(ops, countersign.ChangeID(e.newID()), nil)
	})
	if err != nil && p.FailureEndsKey && o.Once != nil && countersign.KindOf(err) == "" && ctx.Err() == nil {
		err = errors.Join(err, e.endKey(ctx, actor, o))
	}
	return result, err
}

// nonceRoute keeps nonces apart from idempotency keys, whose table they share.
const nonceRoute = "nonce"

// nonceLife is longer than any signed request is accepted.
const nonceLife = 10 * time.Minute

func (w *work) spendNonce(nonce [32]byte) error {
	if nonce == ([32]byte{}) || w.o.DryRun {
		return nil
	}
	key := hex.EncodeToString(nonce[:])
	_, err := w.tx.Remembered(w.ctx, w.actor.User, nonceRoute, key, w.now.Add(-nonceLife))
	if err == nil {
		return countersign.Code(countersign.Unauthenticated, CodeNonceSpent, "", "this signed request has been carried out already; sign each request anew")
	}
	if !isKind(err, countersign.NotFound) {
		return err
	}
	return w.tx.Remember(w.ctx, store.IdempotencyRecord{
		Principal: w.actor.User, Route: nonceRoute, Key: key, Fingerprint: nonce[:],
		Status: 1, Header: map[string]string{}, Body: []byte{}, CreatedAt: w.now,
	})
}

// endKey records that a key can no longer be used, unless its request has an
// answer after all: then the commit had gone through, and that answer stands.
func (e *Engine) endKey(ctx context.Context, actor countersign.Actor, o Options) error {
	ended := countersign.Code(countersign.Invalid, CodeKeyEnded, "Idempotency-Key",
		"was used for a request that failed on our side, and cannot be used again; look at what is there, and repeat with a new key")
	return e.store.Write(context.WithoutCancel(ctx), actor.Organization, func(tx store.WriteTx) error {
		w := &work{e: e, ctx: ctx, tx: tx, actor: actor, o: o, now: e.instant()}
		if answer, err := w.replay(); err != nil || answer != nil {
			return err
		}
		return w.remember(Result{}, ended)
	})
}

// Present is what a plan sees: the organization at the position its change will
// follow, as far as the actor may see it.
type Present struct{ v view }

// Group finds a living group, or one that an open request would create.
func (p Present) Group(id countersign.GroupID) (countersign.GroupView, bool) {
	group, ok := p.v.picture.Group(id, p.v.now)
	return group, ok && group.Living() && (p.v.holds(countersign.GroupsRead) || p.v.member(id))
}

// User finds a living user, or one that an open request would create.
func (p Present) User(id countersign.UserID) (countersign.UserView, bool) {
	user, ok := p.v.picture.User(id, p.v.now)
	return user, ok && user.Living() && (id == p.v.actor.Viewer() || p.v.holds(countersign.UsersRead))
}

// Credential finds a credential: one's own, one that one has asked for, or with
// credentials.read anybody's.
func (p Present) Credential(id countersign.CredentialID) (countersign.Credential, bool) {
	c, ok := p.v.picture.Credential(id)
	self := p.v.actor.Viewer()
	return c, ok && (c.UserID == self || c.RequestedBy == self || p.v.holds(countersign.CredentialsRead))
}

// Now is the moment of the change.
func (p Present) Now() time.Time { return p.v.now }

// Members lists the memberships of a group, in the order they were made.
func (p Present) Members(id countersign.GroupID) ([]countersign.MembershipView, error) {
	if !p.v.seesMembers(id) {
		return nil, nil
	}
	list, err := p.v.picture.Memberships(countersign.MembershipFilter{GroupIDs: []countersign.GroupID{id}},
		[]countersign.SortKey{{Field: "created"}}, countersign.Page{Limit: countersign.MaxMembersPerOperation * 100}, p.v.now)
	return list.Items, err
}

// Holds reports whether a user effectively holds a permission now.
func (p Present) Holds(user countersign.UserID, permission countersign.Permission) bool {
	return p.v.picture.Holds(user, permission, p.v.now)
}

// namePreceding gives a new credential, or permissions granted, the id of whom
// the operation before it creates.
func namePreceding(ops []countersign.Change, i int) {
	if i == 0 {
		return
	}
	var made countersign.UserID
	switch c := ops[i-1].(type) {
	case *countersign.InvitePerson:
		made = c.UserID
	case *countersign.CreateAPIUser:
		made = c.UserID
	default:
		return
	}
	switch c := ops[i].(type) {
	case *countersign.CreateCredential:
		if c.UserID == countersign.PrecedingUser {
			c.UserID = made
		}
	case *countersign.GrantPermissions:
		if c.UserID == countersign.PrecedingUser {
			c.UserID = made
		}
	case *countersign.RecoverAccess:
		if c.UserID == countersign.PrecedingUser {
			c.UserID = made
		}
	}
}

// Home finds the organization of a user, for who signs requests and names only
// himself. NotFound when there is none.
func (e *Engine) Home(ctx context.Context, id countersign.UserID) (countersign.OrganizationID, error) {
	var org countersign.OrganizationID
	err := e.store.Deployment(ctx, func(tx store.DeploymentTx) error {
		found, err := tx.LocateUser(ctx, id)
		org = found
		return err
	})
	return org, err
}
