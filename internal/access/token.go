package access

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"strings"

	"github.com/muster-id/muster/internal/secret"
)

const (
	tokenPrefix   = "mst_"
	symbols       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	randomLength  = 43 // 62^43 > 2^256
	checkLength   = 6  // 62^6 > 2^32
	hintLength    = 4
	tokenLength   = len(tokenPrefix) + randomLength + checkLength
	unbiasedBytes = 256 - 256%len(symbols) // a byte from here on would favour the first symbols
)

// A Hash is the SHA-256 of a token: what is stored, and what it is found by.
type Hash = [sha256.Size]byte

// NewToken returns a new token, its hash to store, and a hint that lets people tell
// tokens apart ("mst_…a1B2") and guess none.
func NewToken() (plain secret.String, hash Hash, hint string) {
	text := make([]byte, 0, tokenLength)
	text = append(text, tokenPrefix...)
	var random [64]byte
	for len(text) < len(tokenPrefix)+randomLength {
		// crypto/rand never fails: it ends the process if the system cannot give.
		_, _ = rand.Read(random[:])
		for _, b := range random {
			if int(b) < unbiasedBytes && len(text) < len(tokenPrefix)+randomLength {
				text = append(text, symbols[int(b)%len(symbols)])
			}
		}
	}
	text = append(text, checksum(string(text))...)
	token := string(text)
	return secret.New(token), HashToken(token), tokenPrefix + "…" + token[len(token)-hintLength:]
}

// HashToken returns the hash of a token as it was presented, byte for byte.
func HashToken(token string) Hash { return sha256.Sum256([]byte(token)) }

// WellFormed reports whether token has the form of ours: prefix, length, alphabet
// and checksum. Every single wrong, missing or added character makes it false.
func WellFormed(token string) bool {
	if len(token) != tokenLength || !strings.HasPrefix(token, tokenPrefix) {
		return false
	}
	// Neither part is secret-dependent beyond the token's own checksum, which
	// anybody can compute: no constant time is needed here.
	body, check := token[:tokenLength-checkLength], token[tokenLength-checkLength:]
	for _, c := range []byte(body[len(tokenPrefix):]) {
		if strings.IndexByte(symbols, c) < 0 {
			return false
		}
	}
	return checksum(body) == check
}

// checksum returns the CRC-32 of text in symbols, the first one the highest.
func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var out [checkLength]byte
	for i := range out {
		out[checkLength-1-i] = symbols[sum%uint32(len(symbols))]
		sum /= uint32(len(symbols))
	}
	return string(out[:])
}
