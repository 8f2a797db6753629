package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/internal/target/webhook"
	"github.com/muster-id/muster/scim"
)

// identityProvider sends requests as Entra ID, Okta and their like do.
type identityProvider struct {
	base  string
	token secret.String
	http  *http.Client
}

func newIdentityProvider(base string, token secret.String) *identityProvider {
	return &identityProvider{base: base, token: token, http: &http.Client{Timeout: patience}}
}

// send makes one request. It returns the id of what was created, if anything was.
func (i *identityProvider) send(ctx context.Context, method, path, body string) (Request, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, i.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return Request{}, "", err
	}
	req.Header.Set("Authorization", "Bearer "+i.token.Reveal())
	req.Header.Set("Content-Type", scim.MediaType)
	began := time.Now()
	resp, err := i.http.Do(req)
	if err != nil {
		return Request{}, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return Request{}, "", err
	}
	r := Request{Method: method, Path: path, Body: body, Status: resp.StatusCode, Took: time.Since(began)}
	if resp.StatusCode >= http.StatusBadRequest {
		return r, "", fmt.Errorf("%s %s was answered %s: %s", method, path, resp.Status, answer)
	}
	var created struct {
		ID string `json:"id"`
	}
	if resp.StatusCode == http.StatusCreated {
		err = json.Unmarshal(answer, &created)
	}
	return r, created.ID, err
}

// receiver takes webhooks and verifies their signatures, as every receiver should.
type receiver struct {
	url     string
	signing secret.String
	server  *http.Server

	mu      sync.Mutex
	came    map[string]time.Time     // by event id
	waiting map[string]chan struct{} // closed when the event comes
}

func newReceiver(ctx context.Context, signing secret.String) (*receiver, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{
		url: "http://" + l.Addr().String() + "/hook", signing: signing,
		came: map[string]time.Time{}, waiting: map[string]chan struct{}{},
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: patience}
	go func() { _ = r.server.Serve(l) }() // ends with stop
	return r, nil
}

// ServeHTTP takes one event.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err == nil {
		err = webhook.Verify(r.signing, req.Header, body, now)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest) // shows as a failed attempt in the hub
		return
	}
	id := req.Header.Get("Webhook-Id")
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, repeated := r.came[id]; !repeated {
		r.came[id] = now
		if c := r.waiting[id]; c != nil {
			close(c)
			delete(r.waiting, id)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// wait returns when the event came, waiting for it if it has not.
func (r *receiver) wait(ctx context.Context, id string) (time.Time, error) {
	r.mu.Lock()
	if at, ok := r.came[id]; ok {
		r.mu.Unlock()
		return at, nil
	}
	c := make(chan struct{})
	r.waiting[id] = c
	r.mu.Unlock()
	select {
	case <-c:
	case <-time.After(patience):
		return time.Time{}, errors.New("did not arrive")
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.came[id], nil
}

func (r *receiver) stop(ctx context.Context) error {
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return r.server.Shutdown(drain)
}
