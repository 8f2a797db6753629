package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/datadir"
)

// tenantUsers is how many users each of many tenants has.
const tenantUsers = 100

// many measures a hub with many tenants beside one with a single one, what strangers cost, and what a loud tenant does to a quiet one.
func (b *bench) many(ctx context.Context, tenants int) error {
	if err := b.build(ctx); err != nil {
		return err
	}
	one, err := b.city(ctx, 1)
	if err != nil {
		return err
	}
	all, err := b.city(ctx, tenants)
	if err != nil {
		return err
	}
	for _, c := range []*city{one, all} {
		if err := c.start(ctx); err != nil {
			return err
		}
		defer c.kill()
		fmt.Printf("%-44s %10v start, %.0f MiB resident\n", fmt.Sprintf("hub with %d tenants of %d users", len(c.tokens), tenantUsers), c.took.Round(time.Millisecond), c.resident())
	}
	if err := all.visit(ctx); err != nil {
		return err
	}
	fmt.Printf("%-44s %10.0f MiB resident\n", "after a request to each of them", all.resident())
	if err := costOfATenant(ctx, one, all); err != nil {
		return err
	}
	if err := strangers(ctx, one); err != nil {
		return err
	}
	return fairness(ctx, all)
}

// city is a hub with tenants.
type city struct {
	*process
	binary, data, config string
	took                 time.Duration // of the start
	tokens               []string      // of the tenants, by number
	ids                  [][]string    // of users of the first and the last tenant
}

func tenantName(n int) string { return fmt.Sprintf("tenant-%d", n) }

func (c *city) at(n int) string {
	return strings.TrimSuffix(c.base, "/scim/v2") + "/t/" + tenantName(n) + "/scim/v2"
}

func (c *city) start(ctx context.Context) (err error) {
	began := time.Now()
	c.process, err = startMuster(ctx, c.binary, c.data, c.config)
	c.took = time.Since(began)
	return err
}

// city fills a hub through its own doors, and stops it.
func (b *bench) city(ctx context.Context, tenants int) (*city, error) {
	c := &city{binary: b.binary, data: filepath.Join(b.dir, fmt.Sprint("tenants", tenants)), tokens: make([]string, tenants), ids: make([][]string, tenants)}
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	defer c.kill()
	dir, err := datadir.Existing(c.data)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	err = each(tenants, 8, func() (func(n int) error, func() error, error) {
		door, err := admin.Dial(ctx, dir, nil)
		if err != nil {
			return nil, nil, err
		}
		return func(n int) error { return c.settle(ctx, door, n) }, door.Close, nil
	})
	if err != nil {
		return nil, err
	}
	if tenants > 1 {
		fmt.Printf("%-44s %10.0f /s\n", "users made in them by bulk", float64(tenants*tenantUsers)/time.Since(began).Seconds())
	}
	return c, c.stop()
}

// settle makes a tenant with its token and users.
func (c *city) settle(ctx context.Context, door *admin.Client, n int) error {
	if _, err := door.CreateTenant(ctx, admin.TenantRequest{Name: tenantName(n)}); err != nil {
		return err
	}
	// It is measured what the hub does, not how it holds a token back.
	if _, err := door.SetTenant(ctx, tenantName(n), []string{"limits.token_requests_per_second=1000000"}); err != nil {
		return err
	}
	door.Tenant = tenantName(n)
	t, err := door.CreateToken(ctx, admin.TokenRequest{Name: "bench"})
	door.Tenant = ""
	if err != nil {
		return err
	}
	c.tokens[n] = t.Secret
	ops := make([]string, tenantUsers)
	for i := range ops {
		ops[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"%d","data":%s}`, i, body(i))
	}
	l := load{base: c.at(n), token: t.Secret}
	answer, err := l.one(ctx, http.DefaultClient, request{
		method: http.MethodPost, path: "/Bulk", want: http.StatusOK,
		body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + strings.Join(ops, ",") + `]}`,
	})
	if err != nil {
		return err
	}
	for _, m := range locationMember.FindAllSubmatch(answer, -1) {
		c.ids[n] = append(c.ids[n], string(m[1]))
	}
	if len(c.ids[n]) != tenantUsers {
		return fmt.Errorf("%d of %d users were made: %.300s", len(c.ids[n]), tenantUsers, answer)
	}
	return nil
}

// each does n things, so many at a time, each worker with what open returns.
func each(n, workers int, open func() (func(n int) error, func() error, error)) error {
	numbers := make(chan int)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			do, end, err := open()
			if err == nil {
				for i := range numbers {
					if err == nil {
						err = do(i)
					}
				}
				err = errors.Join(err, end())
			}
			for range numbers { // of one that could not begin
				continue
			}
			errs[w] = err
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
	return errors.Join(errs...)
}

// visit asks every tenant for one user.
func (c *city) visit(ctx context.Context) error {
	return each(len(c.tokens), 8, func() (func(n int) error, func() error, error) {
		client := &http.Client{Transport: &http.Transport{}}
		return func(n int) error {
			l := load{base: c.at(n), token: c.tokens[n]}
			_, err := l.one(ctx, client, request{method: http.MethodGet, path: "/Users/" + c.ids[n][0], want: http.StatusOK})
			return err
		}, func() error { client.CloseIdleConnections(); return nil }, nil
	})
}

// costOfATenant compares the CPU time of a GET of one tenant where it is alone with that where it is one of many, in turns.
func costOfATenant(ctx context.Context, one, all *city) error {
	const rounds, gets = 10, 2000
	var took [2]time.Duration
	for round := -1; round < rounds; round++ {
		for i, c := range []*city{one, all} {
			l := load{base: c.at(0), token: c.tokens[0], make: func(n int) request {
				return request{method: http.MethodGet, path: "/Users/" + c.ids[0][n%tenantUsers], want: http.StatusOK}
			}}
			before := c.cpu()
			if _, err := l.run(ctx, gets, 8); err != nil {
				return err
			}
			if round >= 0 {
				took[i] += c.cpu() - before
			}
		}
	}
	fmt.Printf("%-44s %10v CPU a request   %v where it is the only one, %+.0f %%\n", "GET of one tenant of many", perRequest(took[1], rounds*gets),
		perRequest(took[0], rounds*gets), 100*(float64(took[1])/float64(took[0])-1))
	return nil
}

// strangers compares ten thousand requests with unknown tokens with a thousand that are answered.
func strangers(ctx context.Context, c *city) error {
	valid := load{base: c.at(0), token: c.tokens[0]}
	tokens := make([]string, 10_000)
	for i := range tokens {
		t, _, _ := access.NewToken()
		tokens[i] = t.Reveal()
	}
	for _, f := range []struct {
		name string
		n    int
		make func(n int) request
	}{
		{"1,000 GETs of a user", 1000, func(n int) request { return request{path: "/Users/" + c.ids[0][n%tenantUsers], want: http.StatusOK} }},
		{"1,000 GETs of a page of 100 users", 1000, func(int) request { return request{path: "/Users?count=100", want: http.StatusOK} }},
		{"10,000 requests with a malformed token", 10_000, func(int) request { return request{path: "/Users", token: "x"} }},
		{"10,000 requests with unknown tokens", 10_000, func(n int) request { return request{path: "/Users", token: tokens[n]} }},
	} {
		valid.make = func(n int) request {
			r := f.make(n)
			r.method = http.MethodGet
			return r
		}
		before := c.cpu()
		if _, err := valid.run(ctx, f.n, 8); err != nil {
			return err
		}
		fmt.Printf("%-44s %10v CPU\n", f.name, c.cpu()-before)
	}
	return nil
}

// fairness measures a quiet tenant alone, and while another one sends all it can.
func fairness(ctx context.Context, c *city) error {
	const loud, quiet = 0, 1
	if len(c.tokens) < 2 {
		return nil
	}
	q := load{base: c.at(quiet), token: c.tokens[quiet]}
	alone, err := q.steady(ctx, c.ids[quiet])
	if err != nil {
		return err
	}
	storm, end := context.WithCancel(ctx)
	var wg sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	l := load{base: c.at(loud), token: c.tokens[loud]}
	var sent [2]int
	for w := range 32 {
		wg.Go(func() {
			for n := 0; storm.Err() == nil; n++ {
				r := request{method: http.MethodPost, path: "/Users", body: body(1_000_000*(w+1) + n)}
				if w%4 == 0 {
					r = request{method: http.MethodGet, path: `/Users?filter=title+co+"nobody"`}
				}
				_, _ = l.one(storm, client, r) // 429 is an answer too
				if w == 0 || w == 1 {
					sent[w]++
				}
			}
		})
	}
	beside, err := q.steady(ctx, c.ids[quiet])
	end()
	wg.Wait()
	client.CloseIdleConnections()
	fmt.Printf("%-44s %10v p50, %v p99   alone %v, %v; the other sent about %d/s\n", "a quiet tenant beside a loud one",
		beside[0], beside[1], alone[0], alone[1], (sent[0]*8+sent[1]*24)/int(steadyFor/time.Second))
	return err
}

const steadyFor = 20 * time.Second

// steady sends 50 requests a second, reads and writes in turn, and returns the median and the 99th percentile of how long they take.
func (l load) steady(ctx context.Context, ids []string) (p [2]time.Duration, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, int(steadyFor/time.Second)*50)
	errs := make([]error, len(took))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var wg sync.WaitGroup
	for i := range took {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return p, ctx.Err()
		}
		wg.Go(func() {
			r := request{method: http.MethodGet, path: "/Users/" + ids[i%len(ids)], want: http.StatusOK}
			if i%2 == 0 {
				r.method, r.body = http.MethodPatch, fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"title","value":"T%d"}]}`, i)
			}
			began := time.Now()
			_, errs[i] = l.one(ctx, client, r)
			took[i] = time.Since(began)
		})
	}
	wg.Wait()
	slices.Sort(took)
	return [2]time.Duration{took[len(took)/2].Round(10 * time.Microsecond), took[len(took)*99/100].Round(10 * time.Microsecond)}, errors.Join(errs...)
}
