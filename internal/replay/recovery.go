package replay

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gowebpki/jcs"

	"github.com/countersign/countersign"
)

// Recoveries, read again from governance.md B.7: who signed, what they may do,
// how long it waits, and whom it may not get past.

// recovered is a statement of recovery.
type recovered struct {
	V               int                        `json:"v"`
	Purpose         string                     `json:"purpose"`
	Organization    countersign.OrganizationID `json:"organization"`
	Request         string                     `json:"request"`
	RecoveryVersion int64                      `json:"recovery_version"`
	Nonce           string                     `json:"nonce"`
	IssuedAt        string                     `json:"issued_at"`
	Seen            struct {
		Size int64  `json:"size"`
		Root string `json:"root"`
	} `json:"seen"`
}

type recoveryField struct {
	Recovery countersign.RecoverySet `json:"recovery"`
}

type drillField struct {
	Drill countersign.ChangeID `json:"drill"`
}

// Bounds of a recovery, as the specification has them.
const (
	lifeOfRecoveryStatement = 7 * 24 * time.Hour
	usualRecoveryDelay      = 72 * time.Hour
	shortestRecoveryDelay   = 24 * time.Hour
	longestRecoveryDelay    = 30 * 24 * time.Hour
	lifeOfRecovery          = 7*24*time.Hour + 24*time.Hour // beside its delay
)

// noteRecovery remembers the hash of the entry that named recovery keys or opened
// a recovery: the next statement has to carry it.
func (p *player) noteRecovery(raw []byte, l *leaf, effects []leafEffect) {
	named := slices.ContainsFunc(effects, func(e leafEffect) bool { return e.Fact == "recovery:" })
	if named || l.Kind == "recovery.opened" {
		sum := sha256.Sum256(append([]byte{0}, raw...))
		p.lastRecovery = hex.EncodeToString(sum[:])
	}
}

func (p *player) playRecovery(e countersign.AuditEntry, l *leaf, b bodies) {
	if !p.must(l.Change != nil && len(b.document) > 0, "a recovery without its document") {
		return
	}
	for _, other := range p.order {
		p.must(other.Recovery == nil || !other.state.Open() || !p.now.Before(other.expires), "a second recovery is opened beside %s", other.ID)
	}
	r := p.register(e, l, b)
	if r == nil {
		return
	}
	r.state, r.scheduled = countersign.ChangeScheduled, p.now
	moved := moves{}
	for _, e := range r.Effects {
		moved.set(e.Fact, e.After)
	}
	p.checkDuties(r, moved)
}

// checkRecovery holds the beginning of a recovery to what a recovery is.
func (p *player) checkRecovery(r *request, l *leaf) {
	p.must(l.Kind == "recovery.opened", "a recovery begins as %s", l.Kind)
	p.must(l.Actor.Method == countersign.ByRecovery && *l.Actor == leafActor{Method: countersign.ByRecovery}, "a recovery is opened by %s, with %s", l.Actor.User, l.Actor.Method)
	p.must(r.Requester == "" && r.RequesterPerson == "" && r.Credential == "" && r.Replaces == "" && !r.Bootstrap, "a recovery that somebody asks for")
	policy, _ := p.facts[countersign.PolicyFact()]
	p.must(p.sealed() && policy != nil && r.PolicyVersion == policy.version, "a recovery of what is not sealed")
	set, f := read[recoveryField](p, countersign.RecoveryFact())
	delay := usualRecoveryDelay
	if s := set.Recovery.DelaySeconds; s != 0 {
		delay = time.Duration(s) * time.Second
	}
	asks := r.Requirement
	p.must(delay >= shortestRecoveryDelay && delay <= longestRecoveryDelay && time.Duration(asks.DelaySeconds)*time.Second == delay, "a recovery that waits %ds", asks.DelaySeconds)
	p.must(len(asks.Clauses) == 1 && asks.Clauses[0] == countersign.Clause{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}} &&
		asks.Veto == 0 && asks.Distinct == 0 && !asks.Exclusive && !asks.MustHold && asks.Signed == "" && asks.ExpiresAfterSeconds == 0 && len(r.Rules) == 0,
		"a recovery that asks something else than that no admin denies it")
	p.must(r.created.Equal(p.now) && r.expires.Equal(p.now.Add(delay+lifeOfRecovery)), "a recovery lives from %s to %s", r.CreatedAt, r.ExpiresAt)
	p.must(len(r.Excluded) == 0, "a recovery excludes %v", r.Excluded)
	relies := slices.ContainsFunc(r.Base, func(b countersign.FactVersion) bool {
		return b.Fact == countersign.RecoveryFact() && b.Version == f.version
	})
	p.must(relies && f.version > 0, "a recovery that does not rely on the keys")
	for _, op := range r.ops {
		p.must(p.recoverable(op), "a recovery does %s", op.Kind())
	}
	p.checkRecoveryStatement(r, f.version)
	p.checkRecoverySignatures(r)
}

// recoverable says whether an operation lets somebody in, and does nothing else.
func (p *player) recoverable(op countersign.Change) bool {
	switch c := op.(type) {
	case *countersign.PutPolicy, *countersign.RecoverAccess, *countersign.ThawOrganization:
		return true
	case *countersign.ChangeRole:
		was, _ := read[roleField](p, countersign.UserRoleFact(c.UserID))
		return (was.Role == countersign.RoleAdmin) != (c.Role == countersign.RoleAdmin)
	case *countersign.InvitePerson:
		return c.Role == countersign.RoleAdmin && len(c.GroupIDs)+len(c.Memberships)+len(c.Profile) == 0
	default:
		return false
	}
}

func (p *player) checkRecoveryStatement(r *request, version int64) {
	var s recovered
	raw := []byte(r.Recovery.Statement)
	if !p.must(canonical(raw) == nil && strictly(raw, &s) == nil, "a statement of recovery that cannot be read") {
		return
	}
	p.must(s.V == 1 && s.Purpose == "countersign.recovery" && s.Organization == p.org, "a statement for %q of %s", s.Purpose, s.Organization)
	p.must(s.RecoveryVersion == version && s.Nonce == p.lastRecovery, "a statement under the keys of %d, with nonce %s", s.RecoveryVersion, s.Nonce)
	digest, err := r.asked()
	p.must(err == nil && s.Request == digest, "a statement about another recovery (%v)", err)
	issued := p.moment(s.IssuedAt)
	p.must(!issued.After(p.now) && p.now.Before(issued.Add(lifeOfRecoveryStatement)), "a statement of %s, used at %s", s.IssuedAt, p.now)
	p.must(s.Seen.Size >= 1 && s.Seen.Size < int64(len(p.roots)) && p.roots[s.Seen.Size] == s.Seen.Root, "a log was seen that is not this one")
}

// asked is the digest of what was signed: the operations before anything was
// allotted to them, and the reason.
func (r *request) asked() (string, error) {
	list := make([]jsontext.Value, len(r.ops))
	made := countersign.UserID("")
	for i, op := range r.ops {
		switch c := op.(type) {
		case *countersign.InvitePerson:
			bare := *c
			made, bare.UserID, bare.Number, op = c.UserID, "", 0, &bare
		case *countersign.RecoverAccess:
			bare := *c
			if bare.CredentialID = ""; c.UserID == made && made != "" {
				bare.UserID = countersign.PrecedingUser
			}
			op = &bare
		}
		fields, err := json.Marshal(op)
		if err != nil {
			return "", err
		}
		members := map[string]jsontext.Value{}
		if err := json.Unmarshal(fields, &members); err != nil {
			return "", err
		}
		members["kind"] = jsontext.Value(`"` + string(op.Kind()) + `"`)
		if list[i], err = json.Marshal(members); err != nil {
			return "", err
		}
	}
	var reason string
	clear, err := reveal(r.Reason, r.openings)
	if err == nil {
		err = json.Unmarshal(clear, &reason)
	}
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(map[string]any{"operations": list, "reason": reason})
	if err == nil {
		raw, err = jcs.Transform(raw)
	}
	return framed("countersign-recovery-request-v1", raw), err
}

// checkRecoverySignatures asks for enough different keys of the set as it stands.
func (p *player) checkRecoverySignatures(r *request) {
	set, _ := read[recoveryField](p, countersign.RecoveryFact())
	used := map[string]bool{}
	for _, s := range r.Recovery.Signatures {
		i := slices.IndexFunc(set.Recovery.Keys, func(k countersign.RecoveryKey) bool { return s.Key == fingerprint(k.PublicKey) })
		if !p.must(i >= 0 && !used[s.Key], "recovery %s is signed with %s, which is no key of the set, or twice", r.ID, s.Key) {
			continue
		}
		used[s.Key] = true
		p.must(signs(set.Recovery.Keys[i].PublicKey, "countersign-recovery-v1", []byte(r.Recovery.Statement), s.Signature), "recovery %s carries a signature that is not that of its statement", r.ID)
	}
	p.must(set.Recovery.Need >= 2 && len(used) >= set.Recovery.Need, "recovery %s is signed by %d keys of %d", r.ID, len(used), set.Recovery.Need)
}

func fingerprint(publicKey string) string {
	block, _ := pem.Decode([]byte(publicKey))
	if block == nil {
		return ""
	}
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}

func signs(publicKey, kind string, raw []byte, signature string) bool {
	block, _ := pem.Decode([]byte(publicKey))
	if block == nil {
		return false
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(ed25519.PublicKey)
	sig, bad := base64.StdEncoding.DecodeString(signature)
	return err == nil && ok && bad == nil && ed25519.Verify(key, fmt.Appendf(nil, "GOV1 %d %s %d %s", len(kind), kind, len(raw), raw), sig)
}

// checkSealed asks of a seal that somebody outside can help, or that it was said
// in so many words that nobody can (L6).
func (p *player) checkSealed(r *request) {
	for _, op := range r.ops {
		switch c := op.(type) {
		case *countersign.SealOrganization:
			set, _ := read[recoveryField](p, countersign.RecoveryFact())
			policy, _ := read[policyField](p, countersign.PolicyFact())
			p.must(len(set.Recovery.Keys) >= 2 || slices.Contains(policy.Policy.AcceptedRisks, "no_recovery_keys"), "sealed without recovery keys, and nobody accepted that")
		case *countersign.RunDrill:
			p.must(c.DrillID == r.ID && len(r.ops) == 1 && p.sealed(), "a drill of %s that is another change's", c.DrillID)
			rule, f := read[drillField](p, countersign.Fact("drill:"+c.RuleID))
			p.must(rule.Drill == r.ID && f.version == p.position, "a drill that is not noted")
		case *countersign.RecoverAccess:
			p.must(r.Recovery != nil, "access is recovered without a recovery")
		}
	}
}

// drills are the last of every rule.
func (p *player) drills() map[string]countersign.Drill {
	out := map[string]countersign.Drill{}
	for _, rule := range p.keys("drill") {
		last, f := read[drillField](p, countersign.Fact("drill:"+rule))
		out[rule] = countersign.Drill{Change: last.Drill, At: f.moved, Version: f.version}
	}
	return out
}

// ruleOf is the rule that a drill tries.
func ruleOf(op countersign.Change) string {
	if c, is := op.(*countersign.RunDrill); is {
		return c.RuleID
	}
	return ""
}
