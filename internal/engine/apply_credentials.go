package engine

import (
	"strconv"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/secret"
)

func (l *ledger) createCredential(c *countersign.CreateCredential) error {
	u, err := l.user("user_id", c.UserID)
	if err != nil {
		return err
	}
	if err := l.mayOwn(u, c.Type); err != nil {
		return err
	}
	life := countersign.DefaultTokenLife
	if c.LifetimeSeconds > 0 {
		life = time.Duration(c.LifetimeSeconds) * time.Second
	}
	made := countersign.Credential{
		ID: c.CredentialID, UserID: c.UserID, Type: c.Type, Label: c.Label, PublicKey: c.PublicKey, ClientID: c.ClientID,
		RequestedBy: l.requester(), CreatedAt: l.w.now, ExpiresAt: l.w.now.Add(life),
	}
	if c.PublicKey != "" {
		made.State = countersign.CredentialActive
		if c.LifetimeSeconds == 0 {
			made.ExpiresAt = time.Time{}
		}
		err = l.putCredential(nil, made)
		return err
	}
	return l.putSecret(nil, made, u.Type)
}

// requester is who asked: for a held change not the one who applies it by voting.
func (l *ledger) requester() countersign.UserID {
	if l.request != nil {
		return l.request.Requester
	}
	return l.w.actor.User
}

// mayOwn says which users have which credentials. People make theirs themselves
// or by a code; nobody makes one for another person.
func (l *ledger) mayOwn(u countersign.User, t countersign.CredentialType) error {
	switch u.Type {
	case countersign.Person:
		if t != countersign.Token && t != countersign.ApprovalKey {
			return countersign.E(countersign.Invalid, "type", "a person has tokens and approval keys only")
		}
		if u.ID != l.requester() {
			return countersign.Code(countersign.Refused, "not_yours", "user_id", "names another person: issue an enrolment code, and he makes the credential himself")
		}
	case countersign.APIUser:
		if t == countersign.ApprovalKey {
			return countersign.E(countersign.Invalid, "type", "only people approve; an API user has no approval key")
		}
	case countersign.EndUser:
		if t != countersign.Token {
			return countersign.E(countersign.Invalid, "type", "an end user has tokens only")
		}
	case countersign.APISigner:
		return countersign.E(countersign.Invalid, "user_id", "names an API signer, who enrols by onboarding code")
	}
	return l.roomForCredential(u)
}

// roomForCredential bounds what one user can have. Of an end user only what is not
// over counts.
func (l *ledger) roomForCredential(u countersign.User) error {
	limit := countersign.MaxCredentialsPerUser
	if u.Type == countersign.EndUser {
		limit = countersign.MaxEndUserTokens
	}
	count := 0
	err := l.w.tx.CredentialsOfUser(l.w.ctx, u.ID, func(c countersign.Credential) error {
		if u.Type != countersign.EndUser || l.w.now.Before(c.ExpiresAt) {
			count++
		}
		return nil
	})
	if err == nil && count >= limit {
		err = countersign.Code(countersign.Refused, "too_many_credentials", "user_id",
			"already has "+strconv.Itoa(limit)+" credentials; revoke some first")
	}
	return err
}

// putSecret stores a credential whose secret is made now when the answer goes
// to who asked for it, else later, when he collects it.
func (l *ledger) putSecret(old *countersign.Credential, c countersign.Credential, user countersign.UserType) error {
	if !l.immediate {
		c.State = countersign.CredentialPending
		err := l.putCredential(old, c)
		return err
	}
	value, err := secret.Make(l.w.e.random, l.w.actor.Organization, c, user, l.w.now)
	if err != nil {
		return err
	}
	c.State, c.SecretHash = countersign.CredentialActive, secret.Hash(value)
	if err := l.putCredential(old, c); err != nil {
		return err
	}
	if !l.w.o.DryRun {
		l.secrets = append(l.secrets, countersign.NewSecret(c, value))
	}
	return nil
}

func (l *ledger) collectSecret(c *countersign.CollectSecret) error {
	old, err := l.w.tx.Credential(l.w.ctx, c.CredentialID)
	if isKind(err, countersign.NotFound) || (err == nil && old.RequestedBy != l.w.actor.User) {
		return countersign.Code(countersign.NotFound, "credential_unknown", "credential_id", "names no credential whose secret waits for you")
	}
	if err != nil {
		return err
	}
	if old.State != countersign.CredentialPending {
		return countersign.Code(countersign.Refused, "secret_already_shown", "credential_id", "its secret has been shown once; if it is lost, revoke it and make another")
	}
	if !l.w.now.Before(old.ExpiresAt) {
		return countersign.Code(countersign.Refused, "expired", "credential_id", "it expired before its secret was collected")
	}
	u, err := l.user("credential_id", old.UserID)
	if err != nil {
		return err
	}
	return l.putSecret(&old, old, u.Type)
}

func (l *ledger) issueEnrolmentCode(c *countersign.IssueEnrolmentCode) error {
	u, err := l.user("user_id", c.UserID)
	if err != nil {
		return err
	}
	if u.Type != countersign.Person && u.Type != countersign.APISigner {
		return countersign.E(countersign.Invalid, "user_id", "names a user of type "+string(u.Type)+"; make a credential for it instead")
	}
	if u.State != countersign.UserActive {
		return wrongState(u.State, "must be active; invited and reset users get an onboarding code")
	}
	if err := l.roomForCredential(u); err != nil {
		return err
	}
	return l.putCode(c.CredentialID, u)
}

func (l *ledger) putCode(id countersign.CredentialID, u countersign.User) error {
	return l.putSecret(nil, countersign.Credential{
		ID: id, UserID: u.ID, Type: countersign.EnrolmentCode, RequestedBy: l.requester(),
		CreatedAt: l.w.now, ExpiresAt: l.w.now.Add(countersign.EnrolmentCodeLife),
	}, u.Type)
}

func (l *ledger) makeOnboardingCode(c *countersign.MakeOnboardingCode) error {
	old, err := l.user("user_id", c.UserID)
	if err != nil {
		return err
	}
	u := old
	switch old.State {
	case countersign.UserOnboardingCode, countersign.UserOnboardingActivation:
		u.State = countersign.UserOnboardingActivation
	case countersign.UserResetDeviceCode, countersign.UserResetDeviceActivation:
		u.State = countersign.UserResetDeviceActivation
	default:
		return wrongState(old.State, "must be waiting to enrol")
	}
	// A new code replaces the old one: two working codes are one too many.
	if err := l.revokeAll(u.ID); err != nil {
		return err
	}
	if err := l.putUser(&old, u); err != nil {
		return err
	}
	return l.putCode(c.CredentialID, u)
}

// spend marks an enrolment code as used and returns whom it belongs to.
func (l *ledger) spend(id countersign.CredentialID) (countersign.User, error) {
	invalid := countersign.Code(countersign.Unauthenticated, "code_invalid", "code", "is not a working enrolment code: it may be mistyped, used or older than 24 hours")
	old, err := l.w.tx.Credential(l.w.ctx, id)
	if isKind(err, countersign.NotFound) || (err == nil && (old.Type != countersign.EnrolmentCode || !old.WorksAt(l.w.now))) {
		return countersign.User{}, invalid
	}
	if err != nil {
		return countersign.User{}, err
	}
	u, err := l.user("code", old.UserID)
	if err != nil {
		return u, invalid
	}
	spent := old
	spent.State = countersign.CredentialRedeemed
	err = l.putCredential(&old, spent)
	return u, err
}

func (l *ledger) activate(c *countersign.ActivateUser) error {
	old, err := l.spend(c.CodeID)
	if err != nil {
		return err
	}
	if old.ID != c.UserID || (old.State != countersign.UserOnboardingActivation && old.State != countersign.UserResetDeviceActivation) {
		return wrongState(old.State, "must be waiting to enter a code")
	}
	u := old
	u.State = countersign.UserActive
	if err := l.putUser(&old, u); err != nil {
		return err
	}
	return l.putFirstToken(c.CredentialID, u, c.Label)
}

func (l *ledger) redeemCode(c *countersign.RedeemCode) error {
	u, err := l.spend(c.CodeID)
	if err != nil {
		return err
	}
	if u.State != countersign.UserActive {
		return wrongState(u.State, "must be active")
	}
	return l.putFirstToken(c.CredentialID, u, c.Label)
}

func (l *ledger) putFirstToken(id countersign.CredentialID, u countersign.User, label string) error {
	return l.putSecret(nil, countersign.Credential{
		ID: id, UserID: u.ID, Type: countersign.Token, Label: label, RequestedBy: u.ID,
		CreatedAt: l.w.now, ExpiresAt: l.w.now.Add(countersign.DefaultTokenLife),
	}, u.Type)
}

func (l *ledger) revokeCredential(c *countersign.RevokeCredential) error {
	old, err := l.w.tx.Credential(l.w.ctx, c.CredentialID)
	if isKind(err, countersign.NotFound) {
		return countersign.Code(countersign.NotFound, "credential_unknown", "credential_id", "names no credential")
	}
	if err != nil {
		return err
	}
	// The operation names no user, and is about one all the same: nobody votes
	// against the end of his own credential.
	l.subjects = append(l.subjects, old.UserID)
	return l.revoke(old)
}

func (l *ledger) revoke(old countersign.Credential) error {
	if old.State == countersign.CredentialRevoked || old.State == countersign.CredentialRedeemed {
		return nil
	}
	revoked := old
	revoked.State = countersign.CredentialRevoked
	err := l.putCredential(&old, revoked)
	return err
}

func (l *ledger) revokeAll(id countersign.UserID) error {
	var list []countersign.Credential
	err := l.w.tx.CredentialsOfUser(l.w.ctx, id, func(c countersign.Credential) error {
		list = append(list, c)
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range list {
		if err := l.revoke(c); err != nil {
			return err
		}
	}
	return nil
}
