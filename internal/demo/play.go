package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/feed"
)

// play is a demo under way.
type play struct {
	tell        Teller
	pause       time.Duration
	hub         *app.App
	application *app.App
	receiver    *receiver
	idp         *identityProvider

	ada        string        // her id in the hub
	hubAt      feed.Position // what has been told of the hub's feed
	applicatAt feed.Position // and of the application's

	sum Summary
}

func (p *play) patch(ctx context.Context, path, operation string) error {
	return p.send(ctx, nil, http.MethodPatch, path, `{"schemas":["`+patchURN+`"],"Operations":[`+operation+`]}`)
}

// send makes one request and follows it to where it has to arrive. If id is not nil it takes the id of what was created.
func (p *play) send(ctx context.Context, id *string, method, path, body string) error {
	sent := time.Now()
	r, created, err := p.idp.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	if id != nil {
		*id = created
	}
	p.sum.Requests++
	p.tell.Sent(r)

	changes, err := p.hub.Feed(ctx).Read(ctx, p.hubAt, 100)
	if err != nil {
		return err
	}
	events := 0
	for _, c := range changes {
		p.tell.Stored(c)
		p.hubAt = c.Position
		p.sum.Changes++
		for e := range c.Events() {
			events++
			at, err := p.receiver.wait(ctx, e.ID)
			if err != nil {
				return fmt.Errorf("%s at the webhook receiver: %w", e.Type, err)
			}
			p.arrived(Receiver, e.Type, at.Sub(sent))
		}
	}
	p.sum.Events += events
	// The application is a Muster: what arrived there is in its own feed.
	for arrived := 0; arrived < events; {
		c, err := p.next(ctx)
		if err != nil {
			return fmt.Errorf("at the application: %w", err)
		}
		for e := range c.Events() {
			arrived++
			p.arrived(Application, e.Type, time.Since(sent))
		}
	}
	return nil
}

// next waits for the next change of the application.
func (p *play) next(ctx context.Context) (*feed.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for c, err := range p.application.Feed(ctx).Follow(ctx, p.applicatAt) {
		if err != nil {
			return nil, err
		}
		p.applicatAt = c.Position
		return c, nil
	}
	return nil, fmt.Errorf("nothing arrived within %v", patience)
}

func (p *play) arrived(where Place, what string, after time.Duration) {
	p.sum.Slowest[where] = max(p.sum.Slowest[where], after)
	p.tell.Arrived(where, what, after)
}

// rest gives the reader time.
func (p *play) rest(ctx context.Context) error {
	t := time.NewTimer(p.pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
