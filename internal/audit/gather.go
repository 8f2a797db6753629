package audit

import (
	"context"
	"errors"
	"sync"

	"github.com/muster-id/muster/internal/store"
)

// Refusal is an attempt that was refused. Equal ones within a second become one record.
type Refusal struct {
	Tenant  store.Tenant // store.System: of no tenant that is known
	Status  int
	Reason  string
	Actor   string // id of the token; empty: nobody who is known
	Source  store.Source
	Address string
	Method  string
	Type    string // of the resource
}

// maxRefusals bounds the records of one second; what is beyond is counted in one more for each tenant (A18, E08).
const maxRefusals = 200

// restAfter is for how many seconds more it is gathered after a second that brought more than maxRefusals: under attack the
// audit has a sample of the addresses, and every attempt in its counts.
const restAfter = 9

type gatherer struct {
	mu    sync.Mutex // guards what follows
	found map[Refusal]*gathered
	order []Refusal
	rest  int
}

type gathered struct {
	count   int64
	request string // of the first
}

// Refused notes an attempt that was refused. It is written within a second.
func (l *Log) Refused(r Refusal, request string) {
	g := &l.gather
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.found[r] == nil && len(g.order) >= maxRefusals {
		r, request = Refusal{Tenant: r.Tenant, Reason: "many"}, ""
		if g.found[r] == nil && len(g.order) >= 2*maxRefusals {
			r.Tenant = store.System // attacks on hundreds of tenants at once are one of the installation
		}
	}
	if seen := g.found[r]; seen != nil {
		seen.count++
		return
	}
	if g.found == nil {
		g.found = map[Refusal]*gathered{}
	}
	g.found[r] = &gathered{1, request}
	g.order = append(g.order, r)
}

// FlushNow is Flush once a second, or less often under attack.
func (l *Log) FlushNow(ctx context.Context) error {
	g := &l.gather
	g.mu.Lock()
	if g.rest > 0 {
		g.rest--
		g.mu.Unlock()
		return nil
	}
	if len(g.order) > maxRefusals {
		g.rest = restAfter
	}
	g.mu.Unlock()
	return l.Flush(ctx)
}

// Flush writes what was gathered. What cannot be written for a tenant that is gone meanwhile is dropped.
func (l *Log) Flush(ctx context.Context) error {
	g := &l.gather
	g.mu.Lock()
	found, order := g.found, g.order
	g.found, g.order = nil, nil
	g.mu.Unlock()

	byTenant := map[store.Tenant][]*store.Act{}
	for _, r := range order {
		act := &store.Act{
			Action: "request", Result: Refused, Reason: r.Reason, Actor: r.Actor, Source: r.Source, Address: r.Address, Type: r.Type,
			Request: found[r].request, Count: found[r].count,
		}
		if r.Method != "" {
			act.Details = []store.Detail{{Name: "method", Value: r.Method}, {Name: "status", Value: statusText(r.Status)}}
		}
		byTenant[r.Tenant] = append(byTenant[r.Tenant], act)
	}
	var failed error
	for t, acts := range byTenant {
		err := l.Write(ctx, t, acts...)
		if err == nil || errors.Is(err, store.ErrNotFound) { // it is gone, and its audit with it
			continue
		}
		failed = err
		g.mu.Lock()
		for _, r := range order { // counted on until it can be written
			if r.Tenant != t {
				continue
			}
			if seen := g.found[r]; seen != nil {
				seen.count += found[r].count
				continue
			}
			if g.found == nil {
				g.found = map[Refusal]*gathered{}
			}
			g.found[r] = found[r]
			g.order = append(g.order, r)
		}
		g.mu.Unlock()
	}
	return failed
}

func statusText(n int) string {
	return string([]byte{byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)})
}
