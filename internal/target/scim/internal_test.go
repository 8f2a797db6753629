package scim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/scim/client"
)

// configured answers every request with the next of its statuses, the last one over and over, after a second.
type configured struct {
	mu       sync.Mutex // guards what follows
	statuses []int
	asked    int
}

func (c *configured) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	status := c.statuses[min(c.asked, len(c.statuses)-1)]
	c.asked++
	c.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	body := `{"patch":{"supported":true}}`
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// wait lets time pass in the bubble.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

func (c *configured) peer(t *testing.T, u Update) *peer {
	t.Helper()
	calls, err := client.New("https://app.example", client.Options{HTTP: c})
	assert.NoError(t, err)
	return newPeer(calls, u, 100)
}

func TestConfigurationIsReadOnceAndForAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &configured{statuses: []int{200}}
		p := c.peer(t, UpdateAuto)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if yes, err := p.patches(t.Context()); !yes || err != nil {
					t.Errorf("patches() = %t, %v", yes, err)
				}
			})
		}
		wg.Wait()
		assert.Equal(t, c.asked, 1)
		wait(t, knownFor)
		_, err := p.patches(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, c.asked, 2)
	})
}

func TestConfigurationThatFailsIsAskedForAgainSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &configured{statuses: []int{500, 429, 200}}
		p := c.peer(t, UpdateAuto)
		yes, err := p.patches(t.Context())
		assert.Equal(t, yes && err == nil, true, assert.Sprintf("it may fail at this alone"))
		wait(t, guessedFor)
		_, err = p.patches(t.Context())
		assert.NotNil(t, err, assert.Sprintf("it asks for time"))
		yes, err = p.patches(t.Context())
		assert.Equal(t, yes && err == nil && c.asked == 3, true)
	})
}

func TestWhoWaitsForTheConfigurationOutlivesWhoReadsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &configured{statuses: []int{200}}
		p := c.peer(t, UpdateAuto)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := p.patches(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want that it was cancelled", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := p.patches(t.Context()); err != nil {
				t.Errorf("got %v", err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		assert.Equal(t, c.asked, 2)
	})
}

func TestARefusedPatchIsRememberedForAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refusal := &client.Error{Status: http.StatusNotImplemented}
		p := (&configured{statuses: []int{200}}).peer(t, UpdateAuto)
		assert.Equal(t, p.refused(&client.Error{Status: 400}) || p.refused(nil), false)
		assert.Equal(t, p.refused(refusal), true)
		yes, _ := p.patches(t.Context())
		assert.Equal(t, yes, false)
		wait(t, knownFor)
		yes, _ = p.patches(t.Context())
		assert.Equal(t, yes, true)
		assert.Equal(t, (&configured{}).peer(t, UpdatePatch).refused(refusal), false, assert.Sprintf("who says patch means it"))
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	good := func() *Settings {
		s := Defaults()
		s.URL, s.Token = "https://app.example/scim/v2", secret.New("token")
		return s
	}
	assert.NoError(t, good().Validate())
	for problem, spoil := range map[string]func(*Settings){
		"url: is not":                 func(s *Settings) { s.URL = "app.example" },
		"url: has a query":            func(s *Settings) { s.URL += "?a=b" },
		"token: is missing":           func(s *Settings) { s.Token = secret.String{} },
		"token: has a blank":          func(s *Settings) { s.Token = secret.New("a\r\nHost: evil") },
		"rate: is less":               func(s *Settings) { s.Rate = -1 },
		"update: is not":              func(s *Settings) { s.Update = "post" },
		"members_per_request: is not": func(s *Settings) { s.MembersPerRequest = 0 },
	} {
		s := good()
		spoil(s)
		assert.ErrorContains(t, s.Validate(), problem)
	}
	all := (&Settings{Rate: -1}).Validate().Error()
	assert.Equal(t, strings.Count(all, "\n"), 4, assert.Sprintf("every problem at once: %s", all))
}

func TestDigestThatCannotBeReadKnowsNothing(t *testing.T) {
	t.Parallel()
	for _, b := range []string{"", "{", `{"f":7}`, `{"a":-1}`} {
		assert.Equal(t, decodeDigest([]byte(b)), digest{Fill: true, Prune: true})
	}
	d := digest{Fields: map[string]string{"active": "x", "title": ""}, Fill: true, After: 7, Prune: true}
	assert.Equal(t, decodeDigest(d.encode()), d)
	d = digest{Missing: nil, Foreign: true}
	assert.Equal(t, decodeDigest(d.encode()), d)
}

func TestTroubleIsOfThePeerNotOfOneAccount(t *testing.T) {
	t.Parallel()
	for e, want := range map[*outbound.Error]bool{
		{Reason: outbound.ReasonAuth}:                                               true,
		{Reason: outbound.ReasonRateLimited, Retry: true}:                           true,
		{Reason: outbound.ReasonConnect, Retry: true, Fault: outbound.FaultNetwork}: true,
		{Reason: outbound.ReasonInvalid}:                                            false,
		{Reason: outbound.ReasonServer, Retry: true, Fault: outbound.FaultTheirs}:   false,
	} {
		assert.Equal(t, trouble(t.Context(), e), want, assert.Sprintf("%s", e.Reason))
	}
}
