// Command hub measures the real binary against the figures of the project: CPU time
// per request beside a bare net/http handler, durable writes per second beside the disk's
// own fsync rate, the cost of one member in small and large groups, memory, start,
// and the time from an answered deactivation to the webhook.
//
//	go run ./bench/hub [-users 100000]
//	go run ./bench/hub -guards
//	go run ./bench/hub -tenants 10000
//
// The hub, the bare handler and the load run in processes of their own on this machine, so the CPU
// time of a server is the server's alone. It reads /proc and so needs Linux.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	users := flag.Int("users", 100_000, "users to load")
	requests := flag.Int("requests", 20_000, "requests of a reading figure")
	bare := flag.Int("bare", 0, "serve a constant of so many bytes and do nothing else (used by the program itself)")
	only := flag.Bool("guards", false, "measure only what authentication, tenants and audit cost")
	tenants := flag.Int("tenants", 0, "measure only a hub with so many tenants, what strangers cost, and a loud tenant beside a quiet one")
	serve := flag.String("serve", "", "serve a hub on this data directory (used by the program itself)")
	open := flag.Bool("open", false, "without authentication, tenants and audit (used by the program itself)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *bare > 0:
		err = serveBare(ctx, *bare)
	case *serve != "":
		err = serveHub(ctx, *serve, *open)
	default:
		err = run(ctx, *users, *requests, *tenants, *only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, users, requests, tenants int, guards bool) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("CPU time of a process is read from /proc, which %s has not", runtime.GOOS)
	}
	dir, err := os.MkdirTemp("", "muster-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{dir: dir, users: users, requests: requests}
	describeMachine()
	fsync, err := fsyncRate(dir)
	if err != nil {
		return err
	}
	fmt.Printf("%-44s %10.0f /s\n", "fsync, one by one", fsync)
	switch {
	case guards:
		return b.guards(ctx)
	case tenants > 0:
		return b.many(ctx, tenants)
	}
	for _, step := range []func(context.Context) error{b.build, b.start, b.load, b.create, b.reads, b.members, b.restart, b.latency, b.guards} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return b.hub.stop()
}

// bench is one run.
type bench struct {
	dir, binary     string
	users, requests int
	hub             *process
	token, base     string
	ids             []string // of the users
}

func (b *bench) build(ctx context.Context) error {
	b.binary = filepath.Join(b.dir, "muster")
	return goBuild(ctx, b.binary, "github.com/muster-id/muster/cmd/muster")
}

// start starts the hub, without targets: what they cost is in the latency figure.
func (b *bench) start(ctx context.Context) error {
	return b.startHub(ctx, "")
}

func (b *bench) startHub(ctx context.Context, config string) error {
	h, err := startMuster(ctx, b.binary, filepath.Join(b.dir, "data"), config)
	if err != nil {
		return err
	}
	b.hub, b.base = h, h.base
	if h.token != "" {
		b.token = h.token
	}
	return nil
}

// load fills the hub; creating is the figure of create, this is only the data.
func (b *bench) load(ctx context.Context) error {
	began := time.Now()
	r := b.load32(func(n int) request { return b.newUser(n) })
	res, err := r.run(ctx, b.users, 32)
	if err != nil {
		return err
	}
	b.ids = res.ids
	fmt.Printf("%-44s %10.0f /s   (%d users of about %d bytes, %v)\n", "loading over POST /Users, 32 connections",
		float64(b.users)/time.Since(began).Seconds(), b.users, len(body(0)), time.Since(began).Round(time.Second))
	return nil
}

func (b *bench) newUser(n int) request {
	return request{method: http.MethodPost, path: "/Users", body: body(n), want: http.StatusCreated}
}

// body is a user of about 1.5 KB.
func body(n int) string {
	pad := strings.Repeat("x", 300)
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
"externalId":"ext-%[1]d","userName":"user%[1]d@bench.test","active":true,"displayName":"Bench User %[1]d","title":"Engineer","locale":"en-US","timezone":"Europe/Berlin",
"name":{"formatted":"Bench User %[1]d","givenName":"Bench","familyName":"User %[1]d"},"nickName":"%[2]s","profileUrl":"https://people.bench.test/%[1]d",
"emails":[{"value":"user%[1]d@bench.test","type":"work","primary":true},{"value":"user%[1]d@home.test","type":"home"}],
"phoneNumbers":[{"value":"+49 30 %[1]d","type":"work"},{"value":"+49 170 %[1]d","type":"mobile"}],
"addresses":[{"type":"work","streetAddress":"%[2]s","locality":"Berlin","postalCode":"10115","country":"DE"}],
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"%[1]d","costCenter":"CC-%[1]d","department":"Platform","division":"Technology","organization":"Bench"}}`, n, pad)
}
