package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"fmt"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/statement"
)

// A server that shows one change and has another signed is what signatures are
// for: signed is only a statement that says exactly what was examined.

// signer is the caller's key with the credential it is enrolled under.
type signer struct {
	private ed25519.PrivateKey
	id      client.CredentialID
	person  client.UserID
}

// signer finds the credential of a key among the caller's own.
func (s *session) signer(ctx context.Context, path string) (signer, error) {
	private, err := readKey(path)
	if err != nil {
		return signer{}, err
	}
	public, err := publicHalf(private)
	if err != nil {
		return signer{}, err
	}
	me, err := s.api.GetMe(ctx)
	if err != nil {
		return signer{}, err
	}
	own, err := s.api.ListCredentials(ctx, me.User.ID)
	if err != nil {
		return signer{}, err
	}
	for _, k := range own.Items {
		if k.Type == client.ApprovalKey && k.State == client.CredentialStateActive && samePEM(k.PublicKey, public) {
			return signer{private, k.ID, me.User.ID}, nil
		}
	}
	return signer{}, fmt.Errorf("the key in %s is not enrolled as yours, or was revoked; enrol it with: countersign keys enrol %s", path, path)
}

func samePEM(a, b string) bool {
	one, _ := pem.Decode([]byte(a))
	other, _ := pem.Decode([]byte(b))
	return one != nil && other != nil && bytes.Equal(one.Bytes, other.Bytes)
}

// signing prepares a decision on what was examined, which is nil only where nothing
// is signed: the digest is then the server's.
func (s *session) signing(ctx context.Context, c *client.Change, d *decision, seen *examined) (func(client.Verb) (client.Decision, error), error) {
	if d.signWith == "" {
		return func(word client.Verb) (client.Decision, error) {
			return client.Decision{Decision: word, Digest: c.Digest}, nil
		}, nil
	}
	by, err := s.signer(ctx, d.signWith)
	if err != nil {
		return nil, err
	}
	return func(word client.Verb) (client.Decision, error) { return s.sign(ctx, c, word, by, *seen) }, nil
}

// nonceLength of a statement, in hexadecimal.
const nonceLength = 64

// sign gets a statement, holds it to what was examined, and signs it.
func (s *session) sign(ctx context.Context, c *client.Change, word client.Verb, by signer, seen examined) (client.Decision, error) {
	made, err := s.api.MakeStatement(ctx, c.ID, word, by.id)
	if err != nil {
		return client.Decision{}, err
	}
	said, err := statement.Parse([]byte(made.Statement))
	if err != nil {
		return client.Decision{}, untrue("nothing was signed: what the server wants signed %w", err)
	}
	if made.Method != client.MethodEd25519 {
		return client.Decision{}, fmt.Errorf("nothing was signed: the server wants it signed by the method %q, which this program does not know", made.Method)
	}
	member := said.Differs(statement.Statement{
		V: statement.Version, Purpose: statement.Purpose, Organization: seen.organization, Change: string(c.ID), Digest: seen.digest,
		RequirementDigest: seen.requirement, Decision: string(word), Person: string(by.person), Credential: string(by.id),
	})
	if member == "" && len(said.Nonce) != nonceLength {
		member = "nonce"
	}
	if member != "" {
		return client.Decision{}, untrue("nothing was signed: the server wants a statement signed whose %s is not that of what was shown", member)
	}
	return client.Decision{
		Decision: word, Digest: seen.digest, Statement: made.Statement, CredentialID: by.id,
		Signature: statement.Sign(by.private, []byte(made.Statement)), Method: client.MethodEd25519,
	}, nil
}
