package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// hook is a webhook receiver.
type hook struct {
	config string // path of a configuration that names it

	mu      sync.Mutex
	waiting map[[2]string]chan time.Time // by resource id and event type
}

func newHook(dir string) (*hook, error) {
	h := &hook{config: filepath.Join(dir, "muster.yaml"), waiting: map[[2]string]chan time.Time{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = http.Serve(l, h) }()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	secret := filepath.Join(dir, "webhook.secret")
	if err := os.WriteFile(secret, []byte("whsec_"+base64.StdEncoding.EncodeToString(key)), 0o600); err != nil {
		return nil, err
	}
	return h, os.WriteFile(h.config, fmt.Appendf(nil, `
outbound:
  allow: [127.0.0.0/8]
targets:
  - name: bench
    type: webhook
    url: http://%s/
    insecure_http: true
    start: now
    secret_file: %s
`, l.Addr(), secret), 0o600)
}

// ServeHTTP takes an event.
func (h *hook) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	now := time.Now()
	var e struct {
		Type string `json:"type"`
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.UnmarshalRead(r.Body, &e); err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := [2]string{e.Data.ID, e.Type}
	if ch, ok := h.waiting[key]; ok {
		ch <- now
		delete(h.waiting, key)
	}
}

// expect returns a channel that is told when the event arrived.
func (h *hook) expect(id, event string) <-chan time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := make(chan time.Time, 1)
	h.waiting[[2]string{id, event}] = ch
	return ch
}
