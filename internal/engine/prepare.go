package engine

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
	"github.com/countersign/countersign/internal/store"
)

// prepare brings an operation to its normal form and allots ids and numbers.
// What is prepared is what approvers see, the digest covers and the log holds.
func (w *work) prepare(op countersign.Change) error {
	if err := refuseAllotted(op); err != nil {
		return err
	}
	switch c := op.(type) {
	case *countersign.InvitePerson, *countersign.CreateAPIUser, *countersign.CreateAPISigner, *countersign.CreateEndUser:
		return w.prepareNewUser(c)
	case *countersign.UpdateUser:
		return prepareUserUpdate(c)
	case *countersign.CreateGroup:
		return w.prepareNewGroup(c)
	case *countersign.UpdateGroup:
		return cleanGiven("name", &c.Name)
	case *countersign.ReplaceMembers:
		return w.prepareMembers(c)
	case *countersign.AddMembership:
		return w.prepareMembership(c)
	case *countersign.UpdateMembership:
		c.StartsAt, c.ExpiresAt = wholeMicroseconds(c.StartsAt), wholeMicroseconds(c.ExpiresAt)
	case *countersign.MakeOnboardingCode:
		c.CredentialID = countersign.CredentialID(w.e.newID())
	case *countersign.IssueEnrolmentCode:
		c.CredentialID = countersign.CredentialID(w.e.newID())
	case *countersign.CreateCredential:
		return w.prepareCredential(c)
	case *countersign.ActivateUser:
		c.CredentialID = countersign.CredentialID(w.e.newID())
		return cleanText("label", &c.Label)
	case *countersign.RedeemCode:
		c.CredentialID = countersign.CredentialID(w.e.newID())
		return cleanText("label", &c.Label)
	case *countersign.UpdateOrganization:
		return cleanGiven("name", &c.Name)
	case *countersign.OpenImport:
		c.Permissions = sorted(c.Permissions)
		return cleanText("label", &c.Label)
	case *countersign.ReplaceRecovery:
		return cleanRecovery(&c.Recovery)
	case *countersign.SealOrganization:
		return cleanSeal(c)
	case *countersign.RecoverAccess:
		c.CredentialID = countersign.CredentialID(w.e.newID())
	}
	return nil
}

// refuseAllotted refuses ids and numbers that only the directory may give.
func refuseAllotted(op countersign.Change) error {
	given := func(field string, named bool) error {
		if named {
			return countersign.E(countersign.Invalid, field, "is allotted by the directory and cannot be given")
		}
		return nil
	}
	switch c := op.(type) {
	case *countersign.InvitePerson:
		return firstOf(given("user_id", c.UserID != ""), given("number", c.Number != 0), given("memberships", c.Memberships != nil))
	case *countersign.CreateAPIUser:
		return firstOf(given("user_id", c.UserID != ""), given("number", c.Number != 0), given("memberships", c.Memberships != nil))
	case *countersign.CreateAPISigner:
		return firstOf(given("user_id", c.UserID != ""), given("number", c.Number != 0))
	case *countersign.CreateEndUser:
		return firstOf(given("user_id", c.UserID != ""), given("number", c.Number != 0))
	case *countersign.CreateGroup:
		return firstOf(given("group_id", c.GroupID != ""), given("number", c.Number != 0), given("memberships", c.Memberships != nil))
	case *countersign.ReplaceMembers:
		return given("memberships", c.Memberships != nil)
	case *countersign.AddMembership:
		return firstOf(given("membership_id", c.MembershipID != ""), given("number", c.Number != 0))
	case *countersign.MakeOnboardingCode:
		return given("credential_id", c.CredentialID != "")
	case *countersign.IssueEnrolmentCode:
		return given("credential_id", c.CredentialID != "")
	case *countersign.CreateCredential:
		return firstOf(given("credential_id", c.CredentialID != ""), given("client_id", c.ClientID != ""))
	case *countersign.ActivateUser:
		return given("credential_id", c.CredentialID != "")
	case *countersign.RedeemCode:
		return given("credential_id", c.CredentialID != "")
	case *countersign.OpenImport:
		return given("import_id", c.ImportID != "")
	case *countersign.RecoverAccess:
		return given("credential_id", c.CredentialID != "")
	case *countersign.RunDrill:
		return given("drill_id", c.DrillID != "")
	}
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *work) prepareNewUser(op countersign.Change) error {
	id := countersign.UserID(w.e.newID())
	number, err := w.tx.Allot(w.ctx, store.UserNumbers, 1)
	if err != nil {
		return err
	}
	switch c := op.(type) {
	case *countersign.InvitePerson:
		c.UserID, c.Number, c.Email = id, number, strings.TrimSpace(c.Email)
		if err := checkShown("email", c.Email); err != nil {
			return err
		}
		if c.Memberships, err = w.allotGroups(id, c.GroupIDs); err != nil {
			return err
		}
		if c.Profile, err = cleanProfile(c.Profile); err != nil {
			return err
		}
		c.Profile = countersign.Profile(nil).Merged(c.Profile)
		return cleanText("name", &c.Name)
	case *countersign.CreateAPIUser:
		c.UserID, c.Number = id, number
		c.AllowedIPs, c.Permissions = canonicalIPs(c.AllowedIPs), sorted(c.Permissions)
		if c.Memberships, err = w.allotGroups(id, c.GroupIDs); err != nil {
			return err
		}
		return cleanText("name", &c.Name)
	case *countersign.CreateAPISigner:
		c.UserID, c.Number = id, number
		return cleanText("name", &c.Name)
	case *countersign.CreateEndUser:
		c.UserID, c.Number = id, number
		return cleanText("name", &c.Name)
	}
	return nil
}

func prepareUserUpdate(c *countersign.UpdateUser) error {
	if c.Email.Set {
		c.Email.Value = strings.TrimSpace(c.Email.Value)
		if err := checkShown("email", c.Email.Value); err != nil {
			return err
		}
	}
	if c.AllowedIPs.Set {
		c.AllowedIPs = countersign.Some(canonicalIPs(c.AllowedIPs.Value))
	}
	if c.Profile.Set && !c.Profile.Null {
		profile, err := cleanProfile(c.Profile.Value)
		if err != nil {
			return err
		}
		c.Profile = countersign.Some(profile)
	}
	return cleanGiven("name", &c.Name)
}

// cleanProfile gives every text of a profile the form in which it is shown.
func cleanProfile(given countersign.Profile) (countersign.Profile, error) {
	clean := make(countersign.Profile, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := given[name]
		if name != countersign.ProfileTrackingCodes { // JSON, whose quotes and brackets stay as they are
			if err := cleanText("profile."+name, &value); err != nil {
				return nil, err
			}
		} else if err := checkShown("profile."+name, value); err != nil {
			return nil, err
		}
		clean[name] = value
	}
	return clean, nil
}

func (w *work) prepareNewGroup(c *countersign.CreateGroup) error {
	number, err := w.tx.Allot(w.ctx, store.GroupNumbers, 1)
	if err != nil {
		return err
	}
	c.GroupID, c.Number, c.Permissions = countersign.GroupID(w.e.newID()), number, sorted(c.Permissions)
	if c.Invitability == "" {
		c.Invitability = countersign.AdminsOnly
	}
	if c.MemberViewability == "" {
		c.MemberViewability = countersign.AdminsAndMembers
	}
	if c.Memberships, err = w.allotUsers(c.GroupID, c.MemberIDs); err != nil {
		return err
	}
	return cleanText("name", &c.Name)
}

// prepareMembers allots ids to those who are new.
func (w *work) prepareMembers(c *countersign.ReplaceMembers) error {
	present := map[countersign.UserID]bool{}
	err := w.tx.MembershipsOfGroup(w.ctx, c.GroupID, func(m countersign.Membership) error {
		present[m.UserID] = true
		return nil
	})
	if err != nil {
		return err
	}
	added := slices.DeleteFunc(slices.Clone(c.MemberIDs), func(id countersign.UserID) bool { return present[id] })
	c.Memberships, err = w.allotUsers(c.GroupID, added)
	return err
}

func (w *work) prepareMembership(c *countersign.AddMembership) error {
	number, err := w.tx.Allot(w.ctx, store.MembershipNumbers, 1)
	if err != nil {
		return err
	}
	c.MembershipID, c.Number = countersign.MembershipID(w.e.newID()), number
	if c.Role == "" {
		c.Role = countersign.GroupMember
	}
	c.StartsAt, c.ExpiresAt = wholeMicroseconds(c.StartsAt), wholeMicroseconds(c.ExpiresAt)
	return nil
}

func (w *work) allotUsers(group countersign.GroupID, users []countersign.UserID) ([]countersign.AllottedMembership, error) {
	return w.allotMemberships(len(users), func(i int) (countersign.UserID, countersign.GroupID) { return users[i], group })
}

func (w *work) allotGroups(user countersign.UserID, groups []countersign.GroupID) ([]countersign.AllottedMembership, error) {
	return w.allotMemberships(len(groups), func(i int) (countersign.UserID, countersign.GroupID) { return user, groups[i] })
}

func (w *work) allotMemberships(n int, pair func(int) (countersign.UserID, countersign.GroupID)) ([]countersign.AllottedMembership, error) {
	if n == 0 {
		return nil, nil
	}
	first, err := w.tx.Allot(w.ctx, store.MembershipNumbers, int64(n))
	if err != nil {
		return nil, err
	}
	out := make([]countersign.AllottedMembership, n)
	for i := range out {
		user, group := pair(i)
		out[i] = countersign.AllottedMembership{
			UserID: user, GroupID: group, MembershipID: countersign.MembershipID(w.e.newID()), Number: first + int64(i),
		}
	}
	return out, nil
}

func (w *work) prepareCredential(c *countersign.CreateCredential) error {
	c.CredentialID = countersign.CredentialID(w.e.newID())
	if c.Type == countersign.OAuthClient {
		c.ClientID = strings.ReplaceAll(w.e.newID(), "-", "")
	}
	if c.PublicKey != "" {
		key, err := publicKey(c.Type, c.PublicKey)
		if err != nil {
			return err
		}
		c.PublicKey = key
	}
	return cleanText("label", &c.Label)
}

// minRSABits is what every current client makes and none falls below
// (contracts/fireblocks.md section 2).
const minRSABits = 2048

// publicKey reads a PEM public key or certificate signing request and returns
// the key alone, as PEM.
func publicKey(t countersign.CredentialType, text string) (string, error) {
	const field = "public_key"
	block, rest := pem.Decode([]byte(text))
	if block == nil || strings.TrimSpace(string(rest)) != "" {
		return "", countersign.E(countersign.Invalid, field, "must be one PEM block: PUBLIC KEY or CERTIFICATE REQUEST")
	}
	var key any
	switch block.Type {
	case "PUBLIC KEY":
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return "", countersign.E(countersign.Invalid, field, "holds no readable public key").Caused(err)
		}
		key = parsed
	case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
		request, err := x509.ParseCertificateRequest(block.Bytes)
		if err != nil || request.CheckSignature() != nil {
			return "", countersign.E(countersign.Invalid, field, "holds no signing request with a valid signature").Caused(err)
		}
		key = request.PublicKey
	default:
		return "", countersign.E(countersign.Invalid, field, "must be a PUBLIC KEY or CERTIFICATE REQUEST; never send a private key")
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		if t != countersign.SigningKey || k.N.BitLen() < minRSABits {
			return "", countersign.E(countersign.Invalid, field, "must be an RSA key of at least 2048 bits for request signing, an Ed25519 key for approvals")
		}
	case ed25519.PublicKey:
		if t != countersign.ApprovalKey {
			return "", countersign.E(countersign.Invalid, field, "must be an RSA key of at least 2048 bits for request signing")
		}
		if provesNothing(k) {
			return "", countersign.E(countersign.Invalid, field, "is a key for which anybody can sign; make another")
		}
	default:
		return "", countersign.E(countersign.Invalid, field, "must be an RSA or Ed25519 key")
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", countersign.E(countersign.Invalid, field, "holds no readable public key").Caused(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// checkShown refuses what cannot be seen, or deceives, in a text that is kept as
// it was given: two addresses that look the same must not be two people.
func checkShown(field, s string) error {
	_, err := names.Clean(field, s)
	return err
}

func cleanText(field string, s *string) error {
	if *s == "" {
		return nil
	}
	cleaned, err := names.Clean(field, *s)
	if err != nil {
		return err
	}
	// Normalization may lengthen a text; what is stored is what is bounded.
	if len(cleaned) > countersign.MaxNameLength {
		return countersign.Code(countersign.Invalid, "too_long", field, "is too long once it is normalized; see the limits in the API document")
	}
	*s = cleaned
	return nil
}

func cleanGiven(field string, s *countersign.Opt[string]) error {
	if !s.Set || s.Null {
		return nil
	}
	value := s.Value
	if err := cleanText(field, &value); err != nil {
		return err
	}
	*s = countersign.Some(value)
	return nil
}

// canonicalIPs writes validated addresses in one form, sorted, each once.
func canonicalIPs(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		if prefix, err := countersign.ParseAllowedIP("", s); err == nil {
			out = append(out, prefix.String())
		}
	}
	return sorted(out)
}

// sorted returns a sorted copy without repetitions.
func sorted[T ~string](list []T) []T {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}

func wholeMicroseconds(t countersign.Opt[time.Time]) countersign.Opt[time.Time] {
	if t.Set && !t.Null {
		t.Value = t.Value.UTC().Truncate(time.Microsecond)
	}
	return t
}
