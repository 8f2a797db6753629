package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/muster-id/muster/internal/app"
)

// serveHub is the hub in this program: as it is, or without authentication, tenants and audit.
func serveHub(ctx context.Context, data string, open bool) error {
	hub, err := app.New(ctx, app.Options{Data: data, Listen: "127.0.0.1:0", NoAudit: open, NoAccess: open})
	if err != nil {
		return err
	}
	if err := hub.Start(ctx); err != nil {
		return errors.Join(err, hub.Stop(context.WithoutCancel(ctx)))
	}
	token, _ := hub.FirstToken()
	fmt.Println(hub.Base())
	fmt.Println(token.Reveal())
	fmt.Println("ready")
	<-ctx.Done()
	return hub.Stop(context.WithoutCancel(ctx))
}

// guards measures what authentication, tenants and audit add to a GET and to a POST: the same program with and without them, in
// short rounds in turn.
func (b *bench) guards(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	type side struct {
		*process
		get, post time.Duration
		ids       []string
	}
	sides := make([]*side, 2)
	for i, flags := range [][]string{{"-open"}, nil} {
		data := filepath.Join(b.dir, fmt.Sprint("guards", i))
		p, err := start(exec.CommandContext(ctx, self, append([]string{"-serve", data}, flags...)...), "ready")
		if err != nil {
			return err
		}
		defer p.kill()
		sides[i] = &side{process: p}
	}
	const rounds = 20
	posts, gets := max(b.requests/4/rounds, 1), max(b.requests/rounds, 1)
	for round := -1; round < rounds; round++ { // the first one is not counted
		for _, s := range sides {
			on := load{base: s.base, token: s.token}
			on.make = func(n int) request { return b.newUser((round+1)*posts + n) }
			before := s.cpu()
			res, err := on.run(ctx, posts, 8)
			if err != nil {
				return err
			}
			if s.ids = append(s.ids, res.ids...); round >= 0 {
				s.post += s.cpu() - before
			}
			on.make = func(n int) request {
				return request{method: http.MethodGet, path: "/Users/" + s.ids[n*7919%len(s.ids)], want: http.StatusOK}
			}
			before = s.cpu()
			if _, err := on.run(ctx, gets, 8); err != nil {
				return err
			}
			if round >= 0 {
				s.get += s.cpu() - before
			}
		}
	}
	for _, f := range []struct {
		name    string
		n       int
		without time.Duration
		with    time.Duration
	}{
		{"GET with authentication, tenants, audit", gets * rounds, sides[0].get, sides[1].get},
		{"POST with authentication, tenants, audit", posts * rounds, sides[0].post, sides[1].post},
	} {
		fmt.Printf("%-44s %10v CPU a request   %v without them, %+.0f %%\n", f.name, perRequest(f.with, f.n), perRequest(f.without, f.n),
			100*(float64(f.with)/float64(f.without)-1))
	}
	return nil
}
