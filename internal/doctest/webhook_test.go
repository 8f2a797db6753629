package doctest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Receiver takes Muster's events. seen reports whether an event with the id was taken before.
func Receiver(wh *standardwebhooks.Webhook, seen func(id string) bool, take func(eventType string, data map[string]any) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable) // comes again
			return
		}
		if err := wh.Verify(body, r.Header); err != nil { // the bytes as they came, before anything parses them
			w.WriteHeader(http.StatusUnauthorized) // pauses the target, which somebody will notice
			return
		}
		if seen(r.Header.Get("webhook-id")) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		var event struct {
			Type string         `json:"type"`
			Data map[string]any `json:"data"`
		}
		if err := json.Unmarshal(body, &event); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if err := take(event.Type, event.Data); err != nil { // stores event and id in one transaction
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// The receiver of docs/targets.md, asked with a good signature and with a body that was altered.
// (WH-14)
func ExampleReceiver() {
	wh, err := standardwebhooks.NewWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")
	if err != nil {
		fmt.Println(err)
		return
	}
	h := Receiver(wh, func(string) bool { return false }, func(eventType string, data map[string]any) error {
		fmt.Println(eventType, data["id"])
		return nil
	})
	body := `{"type":"user.deactivated","timestamp":"2026-11-22T19:41:33.084Z","data":{"id":"665de655"}}`
	for _, sent := range []string{body, strings.Replace(body, "665", "666", 1)} {
		now := time.Now()
		signature, err := wh.Sign("evt_1_5_0_1da97e8822", now, []byte(body))
		req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/muster", strings.NewReader(sent))
		req.Header.Set("webhook-id", "evt_1_5_0_1da97e8822")
		req.Header.Set("webhook-timestamp", fmt.Sprint(now.Unix()))
		req.Header.Set("webhook-signature", signature)
		rec := httptest.NewRecorder()
		h(rec, req)
		fmt.Println(rec.Code, err)
	}
	// Output:
	// user.deactivated 665de655
	// 204 <nil>
	// 401 <nil>
}
