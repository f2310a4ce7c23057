package authn

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"sync"
)

// rememberedKeys bounds what a keyring holds; it is emptied when full.
const rememberedKeys = 10_000

// keyring remembers public keys that were parsed, by their text.
type keyring struct {
	mu   sync.Mutex // guards keys
	keys map[string]*rsa.PublicKey
}

func (k *keyring) key(text string) (*rsa.PublicKey, error) {
	k.mu.Lock()
	key, known := k.keys[text]
	k.mu.Unlock()
	if known {
		return key, nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("a registered key is no PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("a registered signing key is no RSA key")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil || len(k.keys) >= rememberedKeys {
		k.keys = map[string]*rsa.PublicKey{}
	}
	k.keys[text] = key
	return key, nil
}
