package webhook

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/target"
)

// Webhook is a target that has been opened.
type Webhook struct {
	url      string
	keys     []key
	events   []string // empty: all
	client   *outbound.Client
	messages messages
}

var _ target.Stream = (*Webhook)(nil)

// Close implements [target.Target].
func (w *Webhook) Close() error {
	w.client.Close()
	return nil
}

// Deliver implements [target.Stream]: the change's events, one POST after the other.
func (w *Webhook) Deliver(ctx context.Context, d *target.Delivery) error {
	m, err := w.messages.of(d.Change)
	if err != nil {
		return err
	}
	for ; d.Done < d.Change.Len(); d.Done++ {
		e := d.Change.Event(d.Done)
		if len(w.events) > 0 && !slices.Contains(w.events, e.Type) {
			continue
		}
		body, err := m.body(e)
		if err != nil {
			return err
		}
		if err := w.post(ctx, e.ID, body); err != nil {
			return err
		}
	}
	return nil
}

// post makes one attempt. The client bounds it in time.
func (w *Webhook) post(ctx context.Context, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	sign(req.Header, w.keys, id, time.Now(), body)
	resp, err := w.client.Do(req) //nolint:bodyclose // ReadBody closes it
	if err != nil {
		return err
	}
	// Read whatever the status says: it gives the connection back.
	_, readErr := outbound.ReadBody(resp, outbound.MaxWebhookBody)
	if failure := outbound.Classify(resp, nil); failure != nil {
		return failure
	}
	return readErr
}
