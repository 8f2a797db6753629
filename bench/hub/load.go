package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// request is one call of a load.
type request struct {
	method, path, body string
	want               int    // status; 0: any
	token              string // another than that of the load
}

// load makes requests by number.
type load struct {
	base, token string
	make        func(n int) request
}

// load32 is a load on the hub.
func (b *bench) load32(mk func(n int) request) load {
	return load{base: b.base, token: b.token, make: mk}
}

// result is what a load found.
type result struct {
	took, p99 time.Duration
	bytes     int      // of the last answer
	ids       []string // of what was created, by number
}

// locationMember finds the ids in the answer to a bulk.
var locationMember = regexp.MustCompile(`"location":"[^"]+/([^"/]+)"`)

var idMember = regexp.MustCompile(`"id":"([^"]+)"`)

// run makes n requests over so many connections.
func (l load) run(ctx context.Context, n, connections int) (result, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}
	defer client.CloseIdleConnections()
	res := result{ids: make([]string, n)}
	took := make([]time.Duration, n)
	var next, size atomic.Int64
	var once sync.Once
	var failed error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	began := time.Now()
	for range connections {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				t := time.Now()
				b, err := l.one(ctx, client, l.make(i))
				if err != nil {
					once.Do(func() { failed = err })
					cancel()
					return
				}
				took[i] = time.Since(t)
				size.Store(int64(len(b)))
				if m := idMember.FindSubmatch(b); m != nil {
					res.ids[i] = string(m[1])
				}
			}
		})
	}
	wg.Wait()
	res.took, res.bytes = time.Since(began), int(size.Load())
	slices.Sort(took)
	res.p99 = took[n*99/100]
	return res, failed
}

func (l load) one(ctx context.Context, client *http.Client, r request) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, l.base+r.path, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+cmp.Or(r.token, l.token))
	if r.body != "" {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err == nil && r.want > 0 && resp.StatusCode != r.want {
		err = fmt.Errorf("%s %s: %s: %.300s", r.method, r.path, resp.Status, b)
	}
	return b, err
}
