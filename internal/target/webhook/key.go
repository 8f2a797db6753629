package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/muster-id/muster/internal/secret"
)

// The prefixes of keys in Standard Webhooks.
const (
	symmetricPrefix = "whsec_"
	privatePrefix   = "whsk_"
	publicPrefix    = "whpk_"
)

const (
	minSymmetric = 24 // what the specification allows
	ourSymmetric = 32 // what we sign with (G11)
	maxSymmetric = 64
)

// key signs or verifies one version of signature.
type key struct {
	version string // "v1", "v1a"
	size    int    // bytes of the secret
	sign    func(content []byte) []byte
	verify  func(content, signature []byte) bool
}

// parseKey reads a key in the form of Standard Webhooks. Its errors never show the key.
func parseKey(s secret.String) (key, error) {
	text := s.Reveal()
	prefix, encoded, ok := strings.Cut(text, "_")
	if !ok {
		return key{}, errors.New("the key does not begin with whsec_, whsk_ or whpk_")
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return key{}, errors.New("the key is not base64 behind its prefix")
	}
	switch prefix + "_" {
	case symmetricPrefix:
		return symmetric(raw)
	case privatePrefix:
		return private(raw)
	case publicPrefix:
		return public(raw)
	default:
		return key{}, errors.New("the key does not begin with whsec_, whsk_ or whpk_")
	}
}

// symmetric is HMAC-SHA256, version v1.
func symmetric(raw []byte) (key, error) {
	if len(raw) < minSymmetric || len(raw) > maxSymmetric {
		return key{}, fmt.Errorf("the key has %d bytes, not %d to %d", len(raw), minSymmetric, maxSymmetric)
	}
	sign := func(content []byte) []byte {
		mac := hmac.New(sha256.New, raw)
		mac.Write(content)
		return mac.Sum(nil)
	}
	return key{
		version: "v1", size: len(raw), sign: sign,
		verify: func(content, signature []byte) bool { return hmac.Equal(signature, sign(content)) },
	}, nil
}

// private is ed25519, version v1a: a seed, or a seed and the public key behind it.
func private(raw []byte) (key, error) {
	var k ed25519.PrivateKey
	switch len(raw) {
	case ed25519.SeedSize:
		k = ed25519.NewKeyFromSeed(raw)
	case ed25519.PrivateKeySize:
		k = ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
		if !k.Equal(ed25519.PrivateKey(raw)) {
			return key{}, errors.New("the two halves of the ed25519 key do not belong together")
		}
	default:
		return key{}, fmt.Errorf("the ed25519 key has %d bytes, not %d or %d", len(raw), ed25519.SeedSize, ed25519.PrivateKeySize)
	}
	verifier, err := public(k.Public().(ed25519.PublicKey))
	verifier.sign = func(content []byte) []byte { return ed25519.Sign(k, content) }
	return verifier, err
}

func public(raw []byte) (key, error) {
	if len(raw) != ed25519.PublicKeySize {
		return key{}, fmt.Errorf("the ed25519 public key has %d bytes, not %d", len(raw), ed25519.PublicKeySize)
	}
	return key{
		version: "v1a", size: ed25519.SeedSize,
		verify: func(content, signature []byte) bool { return ed25519.Verify(raw, content, signature) },
	}, nil
}
