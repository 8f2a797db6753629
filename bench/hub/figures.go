package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// create measures durable creates at 32 connections.
func (b *bench) create(ctx context.Context) error {
	const n = 20_000
	first := b.users
	cpu := b.hub.cpu()
	res, err := b.load32(func(i int) request { return b.newUser(first + i) }).run(ctx, n, 32)
	if err != nil {
		return err
	}
	fmt.Printf("%-44s %10.0f /s   p99 %v, %v CPU a request\n", "POST /Users, 32 connections, durable",
		float64(n)/res.took.Seconds(), res.p99.Round(100*time.Microsecond), perRequest(b.hub.cpu()-cpu, n))
	return nil
}

// reads measures reading beside a handler that answers a constant of the same size.
func (b *bench) reads(ctx context.Context) error {
	one, err := b.load32(func(int) request {
		return request{method: http.MethodGet, path: "/Users/" + b.ids[0], want: http.StatusOK}
	}).run(ctx, 1, 1)
	if err != nil {
		return err
	}
	bare, err := startBare(ctx, one.bytes)
	if err != nil {
		return err
	}
	defer bare.kill()
	byID := b.load32(func(i int) request {
		return request{method: http.MethodGet, path: "/Users/" + b.ids[i*7919%len(b.ids)], want: http.StatusOK}
	})
	byName := b.load32(func(i int) request {
		return request{
			method: http.MethodGet, want: http.StatusOK,
			path: "/Users?filter=" + url.QueryEscape(fmt.Sprintf(`userName eq "USER%d@bench.test"`, i*7919%b.users)),
		}
	})
	constant := load{base: bare.base, make: func(int) request { return request{method: http.MethodGet, want: http.StatusOK} }}
	// Short rounds in turn, so that what else the machine does falls on all three alike; their sum counts.
	const rounds = 20
	var cpu [3]time.Duration
	for range rounds {
		for k, l := range []struct {
			load
			on *process
		}{{constant, bare}, {byID, b.hub}, {byName, b.hub}} {
			before := l.on.cpu()
			if _, err := l.run(ctx, b.requests/rounds, 8); err != nil {
				return err
			}
			cpu[k] += l.on.cpu() - before
		}
	}
	n := b.requests / rounds * rounds
	base := perRequest(cpu[0], n)
	fmt.Printf("%-44s %10v CPU a request   (%d bytes)\n", "bare net/http handler", base, one.bytes)
	for k, name := range []string{1: "GET /Users/{id}", 2: "GET /Users?filter=userName eq"} {
		if k > 0 {
			m := perRequest(cpu[k], n)
			fmt.Printf("%-44s %10v CPU a request   %.2f times the bare handler\n", fmt.Sprintf("%s, %d users", name, b.users), m, float64(m)/float64(base))
		}
	}
	return nil
}

// members measures adding and removing one member of a small and of a large group.
func (b *bench) members(ctx context.Context) error {
	large := min(100_000, len(b.ids)-1000)
	spare := b.ids[large:]
	var groups [2]string
	for k, size := range []int{10, large} {
		res, err := b.load32(func(int) request {
			return request{
				method: http.MethodPost, path: "/Groups", want: http.StatusCreated,
				body: fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"group of %d"}`, size),
			}
		}).run(ctx, 1, 1)
		if err != nil {
			return err
		}
		groups[k] = res.ids[0]
		for from := 0; from < size; from += 5000 {
			if _, err := b.load32(func(int) request { return b.patchMembers(groups[k], "add", b.ids[from:min(from+5000, size)]) }).run(ctx, 1, 1); err != nil {
				return err
			}
		}
	}
	const rounds, n = 5, 1000
	var cpu [2][]time.Duration
	for range rounds {
		for k, group := range groups {
			before := b.hub.cpu()
			if _, err := b.load32(func(i int) request {
				op := "add"
				if i%2 == 1 {
					op = "remove"
				}
				return b.patchMembers(group, op, spare[i/2%len(spare):][:1])
			}).run(ctx, n, 1); err != nil {
				return err
			}
			cpu[k] = append(cpu[k], perRequest(b.hub.cpu()-before, n))
		}
	}
	small, big := median(cpu[0]), median(cpu[1])
	fmt.Printf("%-44s %10v CPU a request\n", "add or remove one member, group of 10", small)
	fmt.Printf("%-44s %10v CPU a request   %+.0f %%\n", fmt.Sprintf("add or remove one member, group of %d", large), big, 100*(float64(big)/float64(small)-1))
	return nil
}

func (b *bench) patchMembers(group, op string, ids []string) request {
	var v strings.Builder
	for i, id := range ids {
		if i > 0 {
			v.WriteByte(',')
		}
		fmt.Fprintf(&v, `{"value":%q}`, id)
	}
	return request{
		method: http.MethodPatch, path: "/Groups/" + group, want: http.StatusNoContent,
		body: fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":%q,"path":"members","value":[%s]}]}`, op, &v),
	}
}

// latency measures the time from the answer to a deactivation to its arrival at the webhook receiver.
func (b *bench) latency(ctx context.Context) error {
	hook, err := newHook(b.dir)
	if err != nil {
		return err
	}
	if err := b.hub.stop(); err != nil {
		return err
	}
	if err := b.startHub(ctx, hook.config); err != nil {
		return err
	}
	const n = 500
	var took []time.Duration
	for i := range n {
		id := b.ids[i]
		arrived := hook.expect(id, "user.deactivated")
		if _, err := b.load32(func(int) request {
			return request{
				method: http.MethodPatch, path: "/Users/" + id, want: http.StatusOK,
				body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`,
			}
		}).run(ctx, 1, 1); err != nil {
			return err
		}
		answered := time.Now()
		select {
		case at := <-arrived:
			took = append(took, max(0, at.Sub(answered)))
		case <-time.After(10 * time.Second):
			return fmt.Errorf("the deactivation of %s did not arrive in 10 s", id)
		}
	}
	slices.Sort(took)
	fmt.Printf("%-44s %10v p50   p99 %v\n", "deactivation answered to webhook received", took[n/2].Round(10*time.Microsecond), took[n*99/100].Round(10*time.Microsecond))
	return nil
}

// restart measures start and memory on the loaded database, without targets.
func (b *bench) restart(ctx context.Context) error {
	if err := b.hub.stop(); err != nil {
		return err
	}
	var starts []time.Duration
	for i := range 5 {
		began := time.Now()
		if err := b.startHub(ctx, ""); err != nil {
			return err
		}
		starts = append(starts, time.Since(began))
		if i < 4 {
			if err := b.hub.stop(); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%-44s %10v\n", fmt.Sprintf("start to serving, %d users", b.users), median(starts).Round(time.Millisecond))
	if _, err := b.load32(func(i int) request {
		return request{method: http.MethodGet, path: "/Users/" + b.ids[i*7919%len(b.ids)], want: http.StatusOK}
	}).run(ctx, 5000, 8); err != nil {
		return err
	}
	select {
	case <-time.After(5 * time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	fmt.Printf("%-44s %10.0f MiB\n", fmt.Sprintf("resident memory, %d users, idle after reads", b.users), b.hub.resident())
	st, err := os.Stat(filepath.Join(b.dir, "data", "muster.db"))
	if err != nil {
		return err
	}
	fmt.Printf("%-44s %10.0f MiB\n", "size of the database", float64(st.Size())/(1<<20))
	return nil
}

func perRequest(d time.Duration, n int) time.Duration {
	return (d / time.Duration(n)).Round(100 * time.Nanosecond)
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}
