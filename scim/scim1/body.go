package scim1

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/muster-id/muster/scim"
)

// isJSON reports whether a body says to be plain JSON. One that does not is left alone:
// the server refuses it before it reads it.
func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	enc := h.Get("Content-Encoding")
	return err == nil && (kind == "application/json" || kind == scim.MediaType) && (enc == "" || strings.EqualFold(enc, "identity"))
}

func replaceBody(in *http.Request, b []byte) {
	in.Body = io.NopCloser(bytes.NewReader(b))
	in.ContentLength = int64(len(b))
}
