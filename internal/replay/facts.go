package replay

import (
	"maps"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
)

// fact is one fact as the entries so far have made it. Its fields are those that
// were ever set, opened; a field that never was is empty.
type fact struct {
	version int64
	fields  map[string]jsontext.Value
	// born and moved are the times of the first and the last effect, bornBy and
	// movedBy who asked for the changes that had them.
	born, moved     time.Time
	bornBy, movedBy countersign.UserID
	// decoded keeps what read made of the fields.
	decoded any
}

// incarnation is a membership whose pair has since got another: its row stays.
type incarnation struct {
	pair countersign.Fact
	fact
}

// readEffects opens the effects of an entry.
func (p *player) readEffects(e countersign.AuditEntry, l *leaf, b bodies) []leafEffect {
	if len(b.effects) == 0 {
		return nil
	}
	var committed, opened []leafEffect
	clear, err := reveal(b.effects, e.Openings)
	if err == nil {
		err = strictly(b.effects, &committed)
	}
	if err == nil {
		err = strictly(clear, &opened)
	}
	p.must(err == nil && len(opened) > 0, "its effects cannot be read: %v", err)
	if l.Effects.Kind() == '{' {
		var ref blobRef
		p.must(strictly(l.Effects, &ref) == nil && ref.Count == len(opened), "%d effects stand in the blob of %d", len(opened), ref.Count)
	}
	return opened
}

// applyEffects merges effects into the facts: each must have found the version
// that the one before it left.
func (p *player) applyEffects(effects []leafEffect, by countersign.UserID) {
	for _, e := range effects {
		kind, _, _ := strings.Cut(string(e.Fact), ":")
		p.must(factKinds()[kind], "%s is no kind of fact", e.Fact)
		p.must(e.To == p.position, "%s moves to version %d", e.Fact, e.To)
		p.must(len(e.Set) > 0, "%s moves without a field", e.Fact)
		f, known := p.facts[e.Fact]
		if !known {
			f = &fact{fields: map[string]jsontext.Value{}, born: p.now, bornBy: by}
			p.facts[e.Fact] = f
		}
		p.must(e.From == f.version, "%s moves from version %d, it stood at %d", e.Fact, e.From, f.version)
		id, given := e.Set["id"]
		again := known && given && string(id) != string(f.fields["id"])
		if again {
			p.past = append(p.past, incarnation{pair: e.Fact, fact: fact{version: f.version, fields: maps.Clone(f.fields), born: f.born, moved: f.moved}})
			f.born, f.bornBy = p.now, by
		}
		for field, value := range e.Set {
			p.must(!known || again || string(f.fields[field]) != string(value), "%s sets %s to what it was", e.Fact, field)
			f.fields[field] = value
		}
		f.version, f.moved, f.movedBy, f.decoded = e.To, p.now, by, nil
	}
}

func factKinds() map[string]bool {
	return map[string]bool{
		"user": true, "user.role": true, "user.state": true, "user.permissions": true,
		"group": true, "group.permissions": true, "group.state": true,
		"membership": true, "credential": true, "permission": true, "policy": true, "organization": true,
		"import": true, "import.batch": true, "recovery": true, "drill": true, "organization.freeze": true, "emergency": true,
	}
}

// version of a fact now; group.members is derived from the group's memberships.
func (p *player) version(f countersign.Fact) int64 {
	if group, ok := strings.CutPrefix(string(f), "group.members:"); ok {
		newest := int64(0)
		for name, m := range p.facts {
			if strings.HasPrefix(string(name), "membership:") && strings.HasSuffix(string(name), "/"+group) {
				newest = max(newest, m.version)
			}
		}
		return newest
	}
	if known, ok := p.facts[f]; ok {
		return known.version
	}
	return 0
}

// read decodes the fields of a fact; what was never set stays empty.
func read[T any](p *player, name countersign.Fact) (T, *fact) {
	var out T
	f, ok := p.facts[name]
	if !ok {
		return out, &fact{}
	}
	if kept, ok := f.decoded.(T); ok {
		return kept, f
	}
	out = decode[T](p, name, f)
	f.decoded = out
	return out, f
}

func decode[T any](p *player, name countersign.Fact, f *fact) T {
	var out T
	raw, err := json.Marshal(f.fields)
	if err == nil {
		err = strictly(raw, &out)
	}
	p.must(err == nil, "%s cannot be read: %v", name, err)
	return out
}

// keys lists the facts of a kind by what they are about.
func (p *player) keys(kind string) []string {
	var out []string
	for name := range p.facts {
		if key, ok := strings.CutPrefix(string(name), kind+":"); ok {
			out = append(out, key)
		}
	}
	return out
}

type userFields struct {
	Type                countersign.UserType `json:"type"`
	Number              int64                `json:"number"`
	Name                string               `json:"name"`
	Email               string               `json:"email"`
	ExternalID          string               `json:"external_id"`
	AllowedIPs          []string             `json:"allowed_ips"`
	Profile             countersign.Profile  `json:"profile"`
	ResponsiblePersonID countersign.UserID   `json:"responsible_person_id"`
	InvitedBy           countersign.UserID   `json:"invited_by"`
	DeviceResetBy       countersign.UserID   `json:"device_reset_by"`
}

type roleField struct {
	Role countersign.Role `json:"role"`
}

type userStateField struct {
	State countersign.UserState `json:"state"`
}

type permissionsField struct {
	Permissions []countersign.Permission `json:"permissions"`
}

type groupFields struct {
	Number                 int64                `json:"number"`
	Name                   string               `json:"name"`
	Description            string               `json:"description"`
	ExternalSyncIdentifier string               `json:"external_sync_identifier"`
	Provenance             string               `json:"provenance"`
	Invitability           countersign.Audience `json:"invitability"`
	MemberViewability      countersign.Audience `json:"member_viewability"`
}

type groupStateField struct {
	State countersign.GroupState `json:"state"`
}

type membershipFields struct {
	ID           countersign.MembershipID    `json:"id"`
	Number       int64                       `json:"number"`
	Role         countersign.MembershipRole  `json:"role"`
	State        countersign.MembershipState `json:"state"`
	StartsAt     string                      `json:"starts_at"`
	ExpiresAt    string                      `json:"expires_at"`
	Configurable []string                    `json:"configurable_permissions"`
}

type credentialFields struct {
	UserID      countersign.UserID          `json:"user_id"`
	Type        countersign.CredentialType  `json:"type"`
	State       countersign.CredentialState `json:"state"`
	Label       string                      `json:"label"`
	SecretHash  string                      `json:"secret_hash"`
	PublicKey   string                      `json:"public_key"`
	ClientID    string                      `json:"client_id"`
	RequestedBy countersign.UserID          `json:"requested_by"`
	ExpiresAt   string                      `json:"expires_at"`
}

type catalogueFields struct {
	Description string `json:"description"`
	State       string `json:"state"`
}

type organizationFields struct {
	Name     string `json:"name"`
	Number   string `json:"number"`
	SealedAt string `json:"sealed_at"`
}

type policyField struct {
	Policy countersign.Policy `json:"policy"`
}

// moment reads a time of the log; empty is none.
func (p *player) moment(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(timeFormat, text)
	p.must(err == nil, "%q is no time", text)
	return at
}
