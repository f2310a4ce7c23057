package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/secret"
	"github.com/countersign/countersign/internal/store"
)

// Found creates an organization in bootstrap with its first admin, who is active
// at once and holds a token. The genesis entry records both.
func (e *Engine) Found(ctx context.Context, f Founding) (Founded, error) {
	name := countersign.UpdateOrganization{Name: countersign.Some(f.Organization)}
	admin := countersign.InvitePerson{Name: f.AdminName, Email: f.AdminEmail, Role: countersign.RoleAdmin}
	if err := firstOf(renamed(name.Validate(), "name", "organization"), cleanText("organization", &f.Organization),
		renamed(admin.Validate(), "", "admin"), cleanText("admin_name", &admin.Name), checkShown("admin_email", admin.Email)); err != nil {
		return Founded{}, err
	}
	number, err := e.organizationNumber()
	if err != nil {
		return Founded{}, err
	}
	organization := countersign.Organization{
		ID: countersign.OrganizationID(e.newID()), Number: number, Name: f.Organization,
		Policy: countersign.TwoPersonPolicy(), CreatedAt: e.instant(),
	}
	var founded Founded
	err = e.store.Found(ctx, organization, func(tx store.WriteTx) error {
		result, err := e.genesis(ctx, tx, organization, admin, f.RequestID)
		founded = result
		return err
	})
	if err != nil {
		return Founded{}, err // the token opens nothing
	}
	return founded, nil
}

// renamed makes an error name the input it came from.
func renamed(err error, from, to string) error {
	var own *countersign.Error
	if !errors.As(err, &own) {
		return err
	}
	c := *own
	switch {
	case c.Field == from:
		c.Field = to
	default:
		c.Field = to + "_" + c.Field
	}
	return &c
}

// organizationNumber draws the 12 random digits, the first not 0.
func (e *Engine) organizationNumber() (string, error) {
	raw := make([]byte, 8)
	if _, err := io.ReadFull(e.random, raw); err != nil {
		return "", fmt.Errorf("drawing a number: %w", err)
	}
	var n uint64
	for _, b := range raw {
		n = n<<8 | uint64(b)
	}
	const least, span = 100_000_000_000, 900_000_000_000
	return fmt.Sprint(least + n%span), nil
}

func (e *Engine) genesis(ctx context.Context, tx store.WriteTx, organization countersign.Organization, invited countersign.InvitePerson, requestID string) (Founded, error) {
	actor := countersign.Actor{Organization: organization.ID, Method: countersign.BySetup}
	w := &work{e: e, ctx: ctx, tx: tx, actor: actor, o: Options{RequestID: requestID}, now: organization.CreatedAt}
	position, err := w.position()
	if err != nil {
		return Founded{}, err
	}
	l := newLedger(w, position, true)
	if err := l.putOrganization(nil, organization); err != nil {
		return Founded{}, err
	}
	number, err := tx.Allot(ctx, store.UserNumbers, 1)
	if err != nil {
		return Founded{}, err
	}
	admin := countersign.User{
		ID: countersign.UserID(e.newID()), Number: number, Type: countersign.Person, Role: countersign.RoleAdmin,
		State: countersign.UserActive, Name: invited.Name, Email: invited.Email, CreatedAt: w.now,
	}
	if err := l.putUser(nil, admin); err != nil {
		return Founded{}, err
	}
	token := countersign.Credential{
		ID: countersign.CredentialID(e.newID()), UserID: admin.ID, Type: countersign.Token, State: countersign.CredentialActive,
		Label: "first token", RequestedBy: admin.ID, CreatedAt: w.now, ExpiresAt: w.now.Add(countersign.DefaultTokenLife),
	}
	value, err := secret.Make(e.random, organization.ID, token, countersign.Person, w.now)
	if err != nil {
		return Founded{}, err
	}
	token.SecretHash = secret.Hash(value)
	if err := l.putCredential(nil, token); err != nil {
		return Founded{}, err
	}
	err = w.append(entry{kind: countersign.EntryGenesis, effects: l.effects, committer: canon.NewCommitter(e.random, nil)})
	if err != nil {
		return Founded{}, err
	}
	stored, err := tx.Organization(ctx)
	if err != nil {
		return Founded{}, err
	}
	admin, err = tx.User(ctx, admin.ID)
	return Founded{Organization: stored, Admin: admin, Token: countersign.NewSecret(token, value)}, err
}

// Redeem exchanges a one-use code for a token of whom the code belongs to, and
// activates him if he was waiting to enrol. The code is the only proof.
func (e *Engine) Redeem(ctx context.Context, r Redemption, o Options) (Result, error) {
	invalid := countersign.Code(countersign.Unauthenticated, "code_invalid", "code", "is not a working enrolment code: it may be mistyped, used or older than 24 hours")
	code := secret.NormalizeCode(r.Code)
	if code == "" {
		return Result{}, invalid
	}
	org, id, err := e.SecretHolder(ctx, secret.Hash(code))
	if isKind(err, countersign.NotFound) {
		return Result{}, invalid
	}
	if err != nil {
		return Result{}, err
	}
	actor, op, err := e.redeemer(ctx, org, id, r)
	if err != nil {
		return Result{}, err
	}
	if err := op.Validate(); err != nil {
		return Result{}, err
	}
	return e.mutate(ctx, actor, o, func(w *work) (countersign.Outcome, error) {
		return w.submit([]countersign.Change{op}, countersign.ChangeID(e.newID()), nil)
	})
}

// redeemer says who acts by a code, and which change redeeming it is.
func (e *Engine) redeemer(ctx context.Context, org countersign.OrganizationID, id countersign.CredentialID, r Redemption) (countersign.Actor, countersign.Change, error) {
	picture, err := e.Picture(ctx, org)
	if err != nil {
		return countersign.Actor{}, nil, err
	}
	invalid := countersign.Code(countersign.Unauthenticated, "code_invalid", "code", "is not a working enrolment code: it may be mistyped, used or older than 24 hours")
	credential, ok := picture.Credential(id)
	user, known := picture.User(credential.UserID, e.instant())
	if !ok || !known || (r.User != "" && r.User != user.ID) {
		return countersign.Actor{}, nil, invalid
	}
	actor := countersign.Actor{
		Organization: org, User: user.ID, Type: user.Type, ResponsiblePerson: user.ID, Credential: id, Method: countersign.ByEnrolmentCode,
	}
	if user.ResponsiblePersonID != "" {
		actor.ResponsiblePerson = user.ResponsiblePersonID
	}
	if user.State == countersign.UserOnboardingActivation || user.State == countersign.UserResetDeviceActivation {
		return actor, &countersign.ActivateUser{UserID: user.ID, CodeID: id, Label: r.Label}, nil
	}
	return actor, &countersign.RedeemCode{CodeID: id, Label: r.Label}, nil
}
