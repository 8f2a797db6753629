package server

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/muster-id/muster/scim"
)

// negotiate chooses the media type of the answer (RFC 7644 §3.8): SCIM's own wherever
// the client takes it, application/json for a client that takes nothing else (F18).
func (o *output) negotiate(h http.Header) error {
	accept := h["Accept"]
	switch {
	case len(accept) == 0 || len(accept) == 1 && (accept[0] == scim.MediaType || accept[0] == "*/*" || accept[0] == ""):
		return nil
	case accepts(accept, "scim+json"):
		return nil
	case accepts(accept, "json"):
		o.json = plainJSON
		return nil
	}
	return scim.Errorf(http.StatusNotAcceptable, "answers are %s or application/json, which Accept does not allow", scim.MediaType)
}

// accepts reports whether an Accept header takes application/subtype: the most precise
// range that names it decides (RFC 9110 §12.5.1). Malformed ranges count as absent.
func accepts(accept []string, subtype string) bool {
	best, ok := 0, false
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			mediaRange, params, _ := strings.Cut(item, ";")
			precision := 0
			switch strings.ToLower(strings.TrimSpace(mediaRange)) {
			case "application/" + subtype:
				precision = 3
			case "application/*":
				precision = 2
			case "*/*":
				precision = 1
			}
			if precision > best {
				best, ok = precision, !refuses(params)
			}
		}
	}
	return ok
}

// refuses reports whether the parameters of a media range have a weight of zero.
func refuses(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err == nil && q == 0
		}
	}
	return false
}

// checkContent refuses a body that does not say to be plain JSON in UTF-8: another type is
// what a browser can be made to send across sites, and a compressed one can be a bomb.
func checkContent(h http.Header) error {
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return scim.Errorf(http.StatusUnsupportedMediaType, "Content-Encoding %s is not supported; send the body as it is", scim.Quote(enc))
	}
	switch ct := h.Get("Content-Type"); ct {
	case scim.MediaType, "application/json":
		return nil
	case "":
		return scim.Errorf(http.StatusUnsupportedMediaType, "the request has no Content-Type; use %s", scim.MediaType)
	default:
		kind, params, err := mime.ParseMediaType(ct)
		if err != nil || kind != scim.MediaType && kind != "application/json" {
			return scim.Errorf(http.StatusUnsupportedMediaType, "Content-Type %s is not supported; use %s", scim.Quote(ct), scim.MediaType)
		}
		if cs := params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") && !strings.EqualFold(cs, "utf8") {
			return scim.Errorf(http.StatusUnsupportedMediaType, "charset %s is not supported; use utf-8", scim.Quote(cs))
		}
		return nil
	}
}
