package roster

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// credentialIndex finds credentials by id, by the hash of their secret and by
// their user. What it holds is never written to.
type credentialIndex struct {
	byID trie[*countersign.Credential]
	// bySecret goes by the first half of the hash; the whole is compared.
	bySecret trie[*countersign.Credential]
	byUser   trie[*wallet]
}

// wallet holds the credentials of one user.
type wallet struct {
	owner uint64
	list  []*countersign.Credential
}

// credentialCost is about what one takes, beside its texts.
const credentialCost = 560

func costOf(c *countersign.Credential) int64 {
	return credentialCost + int64(len(c.Label)+len(c.PublicKey)+len(c.ClientID))
}

// putCredential takes a credential in whatever state.
func (b *builder) putCredential(c countersign.Credential) error {
	id, err := requiredID(c.ID)
	if err != nil {
		return err
	}
	user, err := requiredID(c.UserID)
	if err != nil {
		return err
	}
	c.SecretHash = slices.Clone(c.SecretHash)
	x, hashOf := &b.credentials, b.common.hash
	hash := hashOf(&id)
	if old, ok := x.byID.get(hash, &id); ok {
		b.bytes -= costOf(old)
		b.dropCredential(old)
	}
	x.byID.set(hash, id, &c, b.token, hashOf)
	if key, ok := secretKey(&c); ok {
		x.bySecret.set(hashOf(&key), key, &c, b.token, hashOf)
	}
	w := b.wallet(&user)
	w.list = append(w.list, &c)
	b.bytes += costOf(&c)
	return b.ask()
}

// dropCredential takes a credential from where its hash and its user lead to it.
func (b *builder) dropCredential(old *countersign.Credential) {
	x, hashOf := &b.credentials, b.common.hash
	if key, ok := secretKey(old); ok {
		if at, ok := x.bySecret.get(hashOf(&key), &key); ok && at == old {
			x.bySecret.remove(hashOf(&key), key, b.token)
		}
	}
	user, _ := parseID(old.UserID)
	w := b.wallet(&user)
	w.list = slices.DeleteFunc(w.list, func(c *countersign.Credential) bool { return c == old })
	if len(w.list) == 0 {
		x.byUser.remove(hashOf(&user), user, b.token)
	}
}

// wallet returns a user's wallet for writing.
func (b *builder) wallet(user *uuid) *wallet {
	hash := b.common.hash(user)
	w, ok := b.credentials.byUser.get(hash, user)
	if ok && w.owner == b.token {
		return w
	}
	mine := &wallet{owner: b.token}
	if ok {
		mine.list = slices.Clone(w.list)
	}
	b.credentials.byUser.set(hash, *user, mine, b.token, b.common.hash)
	return mine
}

// secretKey returns the first half of the hash of the secret, and false for keys
// and for credentials whose secret was not collected yet.
func secretKey(c *countersign.Credential) (key uuid, ok bool) {
	if len(c.SecretHash) != 32 {
		return key, false
	}
	return uuid(c.SecretHash[:16]), true
}

// Credential returns one credential, whatever its state.
func (p *Picture) Credential(id countersign.CredentialID) (countersign.Credential, bool) {
	key, ok := parseID(id)
	if !ok {
		return countersign.Credential{}, false
	}
	c, ok := p.credentials.byID.get(p.common.hash(&key), &key)
	if !ok {
		return countersign.Credential{}, false
	}
	return copyCredential(c), true
}

// CredentialBySecret finds a credential, whatever its state, by the SHA-256 of
// its secret.
func (p *Picture) CredentialBySecret(hash [32]byte) (countersign.Credential, bool) {
	key := uuid(hash[:16])
	c, ok := p.credentials.bySecret.get(p.common.hash(&key), &key)
	if !ok || [32]byte(c.SecretHash) != hash {
		return countersign.Credential{}, false
	}
	return copyCredential(c), true
}

// Credentials returns the credentials of a user, whatever their state, oldest first.
func (p *Picture) Credentials(user countersign.UserID) []countersign.Credential {
	id, _ := parseID(user)
	w, ok := p.credentials.byUser.get(p.common.hash(&id), &id)
	if !ok {
		return []countersign.Credential{}
	}
	list := make([]countersign.Credential, 0, len(w.list))
	for _, c := range w.list {
		list = append(list, copyCredential(c))
	}
	slices.SortFunc(list, func(a, b countersign.Credential) int { return olderCredential(&a, &b) })
	return list
}

// Tokens lists the tokens that work now of users of one type, oldest first; users
// narrows it to some of them. It is one pass over the credentials, unless it is
// narrowed.
func (p *Picture) Tokens(kind countersign.UserType, users []countersign.UserID, page countersign.Page, now time.Time) List[countersign.Credential] {
	var found []*countersign.Credential
	take := func(id *uuid, w *wallet) bool {
		if n := p.personByID(id); n.kind(now) != kind {
			return true
		}
		for _, c := range w.list {
			if c.Type == countersign.Token && c.WorksAt(now) {
				found = append(found, c)
			}
		}
		return true
	}
	if len(users) > 0 {
		for id := range idSet(users) {
			if w, ok := p.credentials.byUser.get(p.common.hash(&id), &id); ok {
				take(&id, w)
			}
		}
	} else {
		p.credentials.byUser.each(take)
	}
	list := List[countersign.Credential]{Total: len(found), Revision: p.position}
	from := min(max(page.Offset, 0), len(found))
	to := from + min(max(page.Limit, 0), len(found)-from)
	for _, c := range window(found, olderCredential, from, to) {
		list.Items = append(list.Items, copyCredential(c))
	}
	list.More = page.Limit > 0 && to < len(found)
	return list
}

func olderCredential(a, b *countersign.Credential) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(string(a.ID), string(b.ID)))
}

func copyCredential(c *countersign.Credential) countersign.Credential {
	given := *c
	given.SecretHash = slices.Clone(c.SecretHash)
	return given
}
