package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
)

// stage sets the demo's organization through the engine's own door: everything
// in it has an audit entry like any other change.
type stage struct {
	ctx                        context.Context //nolint:containedctx // lives within one call of demo
	engine                     *engine.Engine
	url, database, credentials string

	admin countersign.Actor
	file  credentialsFile
	// waiting is the change request in the inbox; empty without approvals.
	waiting countersign.ChangeID
}

const demoDomain = "@northwind.example"

// set founds Northwind Custody and fills it.
func (s *stage) set(approvals bool) error {
	founded, err := s.engine.Found(s.ctx, engine.Founding{Organization: "Northwind Custody", AdminName: "Ada Lovelace", AdminEmail: "ada" + demoDomain})
	if err != nil {
		return err
	}
	s.admin, err = authn.New(s.engine, time.Now).Bearer(s.ctx, founded.Token.Reveal(), netip.IPv6Loopback())
	if err != nil {
		return err
	}
	s.file = credentialsFile{
		URL: s.url, Console: strings.Replace(s.url, "127.0.0.1", "localhost", 1) + "/console", Database: s.database,
		Organization: organizationCredentials{ID: string(founded.Organization.ID), Name: founded.Organization.Name},
		People: map[string]personCredentials{
			"ada": {ID: string(founded.Admin.ID), Email: founded.Admin.Email, Role: string(founded.Admin.Role), Token: founded.Token.Reveal()},
		},
	}
	for _, step := range []func() error{s.people, s.groups, func() error { return s.accounts(founded.Organization) }} {
		if err := step(); err != nil {
			return err
		}
	}
	if approvals {
		if err := s.sealAndAsk(); err != nil {
			return err
		}
	}
	return s.file.write(s.credentials)
}

func (s *stage) submit(ops ...countersign.Change) (engine.Result, error) {
	return s.engine.Submit(s.ctx, s.admin, ops, engine.Options{Reason: "setting the stage of the demo"})
}

// applied submits one change and returns it with what was allotted to it.
func applied[C countersign.Change](s *stage, change C) (C, engine.Result, error) {
	var none C
	result, err := s.submit(change)
	if err != nil {
		return none, result, err
	}
	made, ok := result.Change.Operations[0].(C)
	if !ok {
		return none, result, fmt.Errorf("asked for %s, got %s", change.Kind(), result.Change.Operations[0].Kind())
	}
	return made, result, nil
}

func (s *stage) people() error {
	for _, p := range []struct {
		key, name string
		role      countersign.Role
	}{
		{"grace", "Grace Hopper", countersign.RoleAdmin},
		{"linus", "Linus Pauling", countersign.RoleAdmin},
		{"vera", "Vera Rubin", countersign.RoleViewer},
	} {
		invited, _, err := applied(s, &countersign.InvitePerson{Name: p.name, Email: p.key + demoDomain, Role: p.role})
		if err != nil {
			return err
		}
		_, coded, err := applied(s, &countersign.MakeOnboardingCode{UserID: invited.UserID})
		if err != nil {
			return err
		}
		redeemed, err := s.engine.Redeem(s.ctx, engine.Redemption{Code: coded.Secrets[0].Reveal(), Label: "demo"}, engine.Options{})
		if err != nil {
			return err
		}
		s.file.People[p.key] = personCredentials{
			ID: string(invited.UserID), Email: invited.Email, Role: string(invited.Role), Token: redeemed.Secrets[0].Reveal(),
		}
	}
	return nil
}

func (s *stage) groups() error {
	id := func(name string) countersign.UserID { return countersign.UserID(s.file.People[name].ID) }
	_, err := s.submit(
		&countersign.AddPermission{Permission: "payouts.create", Description: "Prepare a payout"},
		&countersign.AddPermission{Permission: "payouts.approve", Description: "Release a payout"},
		&countersign.CreateGroup{Name: "Security", Description: "Guards policies and credentials", MemberIDs: []countersign.UserID{id("ada"), id("grace")}},
		&countersign.CreateGroup{
			Name: "Treasury", Description: "Prepares payouts", MemberIDs: []countersign.UserID{id("linus")},
			Permissions: []countersign.Permission{countersign.AccountsRead, "payouts.create"},
		},
		&countersign.CreateGroup{
			Name: "Operations", Description: "Releases payouts", MemberIDs: []countersign.UserID{id("grace")},
			Permissions: []countersign.Permission{countersign.AccountsRead, "payouts.approve"},
		},
	)
	return err
}

// account makes an API user; writers hold all directory permissions.
func (s *stage) account(name string, writer bool) (countersign.UserID, error) {
	c := &countersign.CreateAPIUser{Name: name, Role: countersign.RoleViewer, ResponsiblePersonID: countersign.UserID(s.file.People["vera"].ID)}
	if writer {
		c.Permissions = countersign.DirectoryPermissions()
	}
	made, _, err := applied(s, c)
	if err != nil {
		return "", err
	}
	return made.UserID, nil
}

func (s *stage) secret(user countersign.UserID, t countersign.CredentialType) (countersign.Secret, error) {
	_, result, err := applied(s, &countersign.CreateCredential{UserID: user, Type: t, Label: "demo"})
	if err != nil {
		return countersign.Secret{}, err
	}
	return result.Secrets[0], nil
}

// accounts registers the credentials of every dialect, also of those that are
// not spoken yet.
func (s *stage) accounts(organization countersign.Organization) error {
	for _, step := range []func() error{
		s.directory, s.fireblocks, s.fordefi, func() error { return s.box(organization) }, s.b2core,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) directory() error {
	user, err := s.account("directory robot", true)
	if err != nil {
		return err
	}
	token, err := s.secret(user, countersign.Token)
	s.file.Directory = directoryCredentials{BaseURL: s.url + "/directory/v1", Token: token.Reveal()}
	return err
}

const demoKeyBits = 2048

func (s *stage) fireblocks() error {
	user, err := s.account("fireblocks robot", true)
	if err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, demoKeyBits)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("writing a key: %w", err)
	}
	_, err = s.submit(&countersign.CreateCredential{
		UserID: user, Type: countersign.SigningKey, Label: "demo",
		PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
	})
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("writing a key: %w", err)
	}
	file := strings.TrimSuffix(s.credentials, filepath.Ext(s.credentials)) + ".fireblocks.pem"
	s.file.Fireblocks = &fireblocksCredentials{BasePath: s.url + "/v1", APIKey: string(user), SecretKeyFile: file}
	return writeSecret(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

func (s *stage) fordefi() error {
	reader, err := s.account("fordefi reader", false)
	if err != nil {
		return err
	}
	writer, err := s.account("fordefi writer", true)
	if err != nil {
		return err
	}
	read, err := s.secret(reader, countersign.Token)
	if err != nil {
		return err
	}
	write, err := s.secret(writer, countersign.Token)
	s.file.Fordefi = &fordefiCredentials{BaseURL: s.url, Token: read.Reveal(), WriterToken: write.Reveal()}
	return err
}

func (s *stage) box(organization countersign.Organization) error {
	user, err := s.account("box robot", true)
	if err != nil {
		return err
	}
	client, err := s.secret(user, countersign.OAuthClient)
	if err != nil {
		return err
	}
	token, err := s.secret(user, countersign.Token)
	s.file.Box = &boxCredentials{
		BaseURL: s.url, OAuth2URL: s.url + "/oauth2", ClientID: client.ClientID, ClientSecret: client.Reveal(),
		EnterpriseID: organization.Number, DeveloperToken: token.Reveal(),
	}
	return err
}

func (s *stage) b2core() error {
	const name = "b2core-robot" + demoDomain
	user, err := s.account(name, true)
	if err != nil {
		return err
	}
	token, err := s.secret(user, countersign.Token)
	if err != nil {
		return err
	}
	password, err := s.secret(user, countersign.Password)
	s.file.B2Core = &b2coreCredentials{BaseURL: s.url + "/api/v2", Token: token.Reveal(), Email: name, Password: password.Reveal()}
	return err
}

// sealAndAsk ends bootstrap and leaves one change in the inbox.
func (s *stage) sealAndAsk() error {
	if _, err := s.submit(&countersign.SealOrganization{AcceptedRisks: countersign.Risks()}); err != nil {
		return err
	}
	groups, err := s.engine.Groups(s.ctx, s.admin, countersign.GroupFilter{Names: []string{"Treasury"}}, nil, countersign.Page{Limit: 1})
	if err != nil {
		return err
	}
	asked, err := s.engine.Submit(s.ctx, s.admin, []countersign.Change{&countersign.AddMembership{
		UserID: countersign.UserID(s.file.People["vera"].ID), GroupID: groups.Items[0].ID,
	}}, engine.Options{Reason: "Vera covers for Linus in Treasury while he travels"})
	s.waiting = asked.Change.ID
	return err
}
