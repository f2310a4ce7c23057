package engine

import (
	"bytes"
	"crypto/ed25519"
)

// provesNothing reports whether a public key is a point of small order (RFC 8032,
// section 5.1.4, leaves it to the verifier): with such a key anybody can make
// signatures that verify, so that its owner could disown what he signed. These are
// the eight points, with the writings that some decoders take for them; the top
// bit is the sign of x, and says nothing here.
func provesNothing(key ed25519.PublicKey) bool {
	y := bytes.Clone(key)
	y[len(y)-1] &= 0x7f
	const top = 0x7f
	largest := func(first byte) []byte { // around p = 2^255 - 19
		out := bytes.Repeat([]byte{0xff}, ed25519.PublicKeySize)
		out[0], out[ed25519.PublicKeySize-1] = first, top
		return out
	}
	smallest := func(first byte) []byte {
		out := make([]byte, ed25519.PublicKeySize)
		out[0] = first
		return out
	}
	for _, point := range [][]byte{
		smallest(1), largest(0xee), // order 1: y = 1, and p + 1
		largest(0xec),              // order 2: y = p - 1
		smallest(0), largest(0xed), // order 4: y = 0, and p
		[]byte("\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05"), // order 8
		[]byte("\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a"), // order 8
	} {
		if bytes.Equal(y, point) {
			return true
		}
	}
	return false
}
