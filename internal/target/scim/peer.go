package scim

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/muster-id/muster/scim/client"
)

const (
	// knownFor is how long it is believed what a peer has said, or shown, that it can do.
	knownFor = time.Hour
	// guessedFor is how long the defaults stand in for a configuration that could not be read.
	guessedFor = time.Minute
)

// peer is what is known of the application.
type peer struct {
	client *client.Client
	update Update

	mu      sync.Mutex // guards what follows
	config  client.Config
	until   time.Time     // config is believed until then
	noPatch time.Time     // a PATCH was refused: PUT until then
	reading chan struct{} // closed when whoever reads the configuration is done; nil: nobody does
	members int           // memberships of one request

	types      []client.ResourceType // what it says that it has
	typesUntil time.Time             // types is believed until then
}

func newPeer(c *client.Client, u Update, members int) *peer {
	return &peer{client: c, update: u, members: members}
}

// patches reports whether the peer's resources are changed by PATCH.
func (p *peer) patches(ctx context.Context) (bool, error) {
	switch p.update {
	case UpdatePatch:
		return true, nil
	case UpdatePut:
		return false, nil
	default:
	}
	config, err := p.configuration(ctx)
	if err != nil {
		return false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return config.Patch && !time.Now().Before(p.noPatch), nil
}

// configuration returns what the peer says that it can do, read when it is first needed and again
// when it is old. One call reads, the others wait for it. If it is ended, the next one reads.
func (p *peer) configuration(ctx context.Context) (client.Config, error) {
	for {
		p.mu.Lock()
		if time.Now().Before(p.until) {
			defer p.mu.Unlock()
			return p.config, nil
		}
		wait := p.reading
		if wait == nil {
			p.reading = make(chan struct{})
			p.mu.Unlock()
			return p.read(ctx)
		}
		p.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return client.Config{}, ctx.Err()
		}
	}
}

func (p *peer) read(ctx context.Context) (client.Config, error) {
	config, err := p.client.Config(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.reading)
	p.reading = nil
	valid := knownFor
	if e, ok := errors.AsType[*client.Error](err); ok && e.Status >= 500 && e.RetryAfter == "" {
		// A peer may fail at this alone. If it is down altogether, what comes next finds out.
		err, valid = nil, guessedFor
	}
	if err != nil {
		return config, err
	}
	p.config, p.until = config, time.Now().Add(valid)
	return config, nil
}

// refused takes in that a PATCH was refused, and reports whether PUT is to be tried instead: the
// peer does not know the method, whatever its configuration says.
func (p *peer) refused(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	if !ok || p.update != UpdateAuto || e.Status != http.StatusMethodNotAllowed && e.Status != http.StatusNotImplemented {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noPatch = time.Now().Add(knownFor)
	return true
}

// chunk returns how many memberships a request changes at most.
func (p *peer) chunk() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.members
}

// tooMany takes in that a request with n memberships was too large (413).
func (p *peer) tooMany(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members = max(1, min(p.members, n/2))
}
