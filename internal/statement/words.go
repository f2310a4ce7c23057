package statement

import (
	"encoding/hex"
	"strings"

	"github.com/tyler-smith/go-bip39/wordlists"
)

// WordCount is how many words a digest is said with. Each of them stands for 11
// bits, so that all of them say the first 88 bits.
const (
	WordCount = 8
	wordBits  = 11
)

// Words says a digest, which is hexadecimal, as eight words of the English list
// of BIP-39, which was made to be told apart by ear and by its first four
// letters. It is for two people who compare what they see by voice. Empty for
// what is no digest.
//
// The words bind nothing: they are the beginning of a digest, and somebody who
// may choose both of two changes finds two with the same words far sooner than
// two with the same digest. What a vote names, and what is signed, is the digest.
func Words(digest string) string {
	sum, err := hex.DecodeString(digest)
	if err != nil || len(sum)*8 < WordCount*wordBits {
		return ""
	}
	words := make([]string, WordCount)
	for i := range words {
		words[i] = wordlists.English[bits(sum, i*wordBits, wordBits)]
	}
	return strings.Join(words, " ")
}

// bits reads n bits from a place on, the highest first.
func bits(b []byte, from, n int) int {
	out := 0
	for i := from; i < from+n; i++ {
		out = out<<1 | int(b[i/8]>>(7-i%8)&1)
	}
	return out
}
