package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/secret"
)

// The headers of Standard Webhooks.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Tolerance is how far a message's timestamp may be from the receiver's clock, either way (WH-13).
const Tolerance = 5 * time.Minute

// The errors of [Verify].
var (
	ErrHeaders   = errors.New("a webhook header is missing or cannot be read")
	ErrTimestamp = errors.New("the webhook's timestamp is too far from now")
	ErrSignature = errors.New("no signature of the webhook is of a known key")
)

// content is what is signed: id, timestamp and body exactly as sent (WH-07).
func content(id, timestamp string, body []byte) []byte {
	b := make([]byte, 0, len(id)+len(timestamp)+len(body)+2)
	b = append(b, id...)
	b = append(b, '.')
	b = append(b, timestamp...)
	b = append(b, '.')
	return append(b, body...)
}

// sign sets the headers of one attempt. During a rotation there are several keys, and a signature of
// each (WH-10).
func sign(h http.Header, keys []key, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signed := content(id, timestamp, body)
	signatures := make([]string, len(keys))
	for i, k := range keys {
		signatures[i] = k.version + "," + base64.StdEncoding.EncodeToString(k.sign(signed))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, strings.Join(signatures, " "))
}

// Verify is the receiver's side: it reports whether a message was signed with the key (whsec_, or whpk_
// of a sender's whsk_) and is of now. The body is what came over the wire, before anything parsed it.
// Signatures are compared in constant time; those of unknown versions are passed over (WH-12). Take
// webhook-id as the key to drop repeats by (WH-14).
func Verify(k secret.String, h http.Header, body []byte, now time.Time) error {
	known, err := parseKey(k)
	if err != nil {
		return fmt.Errorf("verify webhook: %w", err)
	}
	id, timestamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil {
		return ErrHeaders
	}
	if at := time.Unix(seconds, 0); at.Before(now.Add(-Tolerance)) || at.After(now.Add(Tolerance)) {
		return ErrTimestamp
	}
	signed := content(id, timestamp, body)
	for signature := range strings.FieldsSeq(h.Get(HeaderSignature)) {
		version, encoded, _ := strings.Cut(signature, ",")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err == nil && version == known.version && known.verify(signed, raw) {
			return nil
		}
	}
	return ErrSignature
}
