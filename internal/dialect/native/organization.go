package native

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"sync"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

func (d *Dialect) getOrganization(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	revision, err := d.revision(c)
	if err != nil {
		return err
	}
	o, err := d.Engine.Organization(c.ctx, c.actor)
	if err != nil {
		return err
	}
	return c.answerObject(revision, o.ObjectVersion(), organizationToWire(o))
}

// revision is for reads that do not tell theirs. It is taken before the read,
// which is then at least as new as it says.
func (d *Dialect) revision(c *call) (int64, error) {
	book, err := d.Engine.Picture(c.ctx, c.actor.Organization)
	if err != nil {
		return 0, err
	}
	return book.Position(), nil
}

type organizationPatch struct {
	Name countersign.Opt[string] `json:"name"`
}

func (d *Dialect) updateOrganization(c *call) error {
	o, err := c.options(mayRely)
	if err != nil {
		return err
	}
	var b organizationPatch
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "updateOrganization", status: http.StatusOK, object: at("organization", ""),
		do: d.submit(&countersign.UpdateOrganization{Name: b.Name}),
	}, o)
}

type sealBody struct {
	Policy        *countersign.Policy      `json:"policy"`
	Recovery      *countersign.RecoverySet `json:"recovery"`
	AcceptedRisks []countersign.Risk       `json:"accepted_risks"`
}

func (d *Dialect) sealOrganization(c *call) error {
	o, err := c.options(mayRely)
	if err != nil {
		return err
	}
	var b sealBody
	if err := wire.Decode(c.r, 0, &b, wire.OptionalBody()); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "sealOrganization", status: http.StatusOK, object: at("organization", ""),
		do: d.submit(&countersign.SealOrganization{Policy: b.Policy, Recovery: b.Recovery, AcceptedRisks: b.AcceptedRisks}),
	}, o)
}

type meOut struct {
	Organization organizationOut `json:"organization"`
	User         userOut         `json:"user"`
	Credential   credentialOut   `json:"credential"`
	Permissions  []effectiveOut  `json:"permissions"`
}

// getMe is four reads of what everybody may read of himself. Should something
// change between them, the revision is that of the oldest.
func (d *Dialect) getMe(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	revision, err := d.revision(c)
	if err != nil {
		return err
	}
	organization, err := d.Engine.Organization(c.ctx, c.actor)
	if err != nil {
		return err
	}
	user, _, err := d.Engine.User(c.ctx, c.actor, c.actor.User)
	if err != nil {
		return err
	}
	credential, _, err := d.Engine.Credential(c.ctx, c.actor, c.actor.Credential)
	if err != nil {
		return err
	}
	permissions, _, err := d.Engine.Effective(c.ctx, c.actor, c.actor.User)
	if err != nil {
		return err
	}
	return c.answer(revision, meOut{
		organizationToWire(organization), userToWire(user), credentialToWire(credential), whole(permissions, effectiveToWire).Items,
	})
}

// Setup is the one-time right to found the first organization of a deployment.
// Only the hash of its token is kept.
type Setup struct {
	mu    sync.Mutex // guards spent, and keeps two requests from both founding
	hash  [sha256.Size]byte
	spent bool
}

// NewSetup returns the right that goes with a token.
func NewSetup(token string) *Setup { return &Setup{hash: sha256.Sum256([]byte(token))} }

// use runs found with the right, which is spent when found succeeds.
func (s *Setup) use(token string, found func() error) error {
	refused := countersign.E(countersign.Unauthenticated, "Authorization",
		"This needs the setup token that the server printed when it started on an empty database; it works once.")
	if s == nil {
		return refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(hash[:], s.hash[:]) != 1 || s.spent {
		return refused
	}
	err := found()
	s.spent = err == nil
	return err
}

type setupBody struct {
	Organization string `json:"organization"`
	AdminName    string `json:"admin_name"`
	AdminEmail   string `json:"admin_email"`
}

type setupOut struct {
	Organization organizationOut `json:"organization"`
	Admin        userOut         `json:"admin"`
	Secrets      []secretOut     `json:"secrets"`
}

func (d *Dialect) setUp(w http.ResponseWriter, r *http.Request) error {
	if err := d.allowGuess(r); err != nil {
		return err
	}
	token, err := bearer(r)
	if err != nil {
		return err
	}
	return d.Setup.use(token, func() error {
		if err := wire.ParseQuery(r).Done(); err != nil {
			return err
		}
		var b setupBody
		if err := wire.Decode(r, 0, &b); err != nil {
			return err
		}
		founded, err := d.Engine.Found(r.Context(), engine.Founding{
			Organization: b.Organization, AdminName: b.AdminName, AdminEmail: b.AdminEmail,
			RequestID: wire.EventOf(r.Context()).RequestID,
		})
		if err != nil {
			return err
		}
		setRevision(w, founded.Organization.Version)
		w.Header().Set("Location", base+"/organization")
		wire.WriteJSON(w, http.StatusCreated, setupOut{
			organizationToWire(founded.Organization), userToWire(countersign.UserView{User: founded.Admin}),
			secretsToWire([]countersign.Secret{founded.Token}, true),
		})
		return nil
	})
}

// getDocument serves the document as it stands in the repository.
func (d *Dialect) getDocument(w http.ResponseWriter, r *http.Request) error {
	if err := wire.ParseQuery(r).Done(); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/yaml")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(api.Document())
	return nil
}
