package roster

import (
	"cmp"
	"slices"
	"strings"

	"github.com/countersign/countersign"
)

// credentialIndex finds credentials by id, by the hash of their secret and by
// their user.
type credentialIndex struct {
	byID     map[countersign.CredentialID]*countersign.Credential
	bySecret map[[32]byte]*countersign.Credential
	byUser   map[countersign.UserID][]*countersign.Credential
}

func newCredentialIndex() credentialIndex {
	return credentialIndex{
		byID:     map[countersign.CredentialID]*countersign.Credential{},
		bySecret: map[[32]byte]*countersign.Credential{},
		byUser:   map[countersign.UserID][]*countersign.Credential{},
	}
}

func (x credentialIndex) install(c countersign.Credential) {
	c.SecretHash = slices.Clone(c.SecretHash)
	if old, ok := x.byID[c.ID]; ok {
		if hash, ok := secretKey(old); ok && x.bySecret[hash] == old {
			delete(x.bySecret, hash)
		}
		x.byUser[old.UserID] = slices.DeleteFunc(x.byUser[old.UserID], func(k *countersign.Credential) bool { return k == old })
	}
	x.byID[c.ID] = &c
	if hash, ok := secretKey(&c); ok {
		x.bySecret[hash] = &c
	}
	x.byUser[c.UserID] = append(x.byUser[c.UserID], &c)
}

// secretKey returns the hash of the secret, and false for keys and for
// credentials whose secret was not collected yet.
func secretKey(c *countersign.Credential) (hash [32]byte, ok bool) {
	if len(c.SecretHash) != len(hash) {
		return hash, false
	}
	return [32]byte(c.SecretHash), true
}

func (x credentialIndex) ofUser(user countersign.UserID) []countersign.Credential {
	list := make([]countersign.Credential, 0, len(x.byUser[user]))
	for _, c := range x.byUser[user] {
		list = append(list, copyCredential(c))
	}
	slices.SortFunc(list, func(a, b countersign.Credential) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(string(a.ID), string(b.ID)))
	})
	return list
}

func copyCredential(c *countersign.Credential) countersign.Credential {
	given := *c
	given.SecretHash = slices.Clone(c.SecretHash)
	return given
}
