// Package demo plays one employee's life on this machine: a hub, a second Muster as the
// application behind it, a webhook receiver, and an identity provider that
// sends what a real one sends. It tells a Teller what was sent, what was stored and what arrived where.
//
// Everything listens on loopback and lives in a temporary directory that is gone
// afterwards. Nothing here is simulated: both hubs are the product, started as "muster serve" starts them.
package demo

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/secret"
	scimtarget "github.com/muster-id/muster/internal/target/scim"
	"github.com/muster-id/muster/internal/target/webhook"
)

// Teller tells a person what happens, as it happens.
type Teller interface {
	Begin(hub, application, receiver string)
	Chapter(number, of int, title, why string)
	Sent(r Request)
	Stored(c *feed.Change)
	// Arrived is an event at a receiver, so long after the request was sent.
	Arrived(where Place, what string, after time.Duration)
	End(s Summary)
}

// Place is where something arrives.
type Place string

// The places.
const (
	Receiver    Place = "webhook"
	Application Place = "application"
)

// Request is what the identity provider sent and was answered.
type Request struct {
	Method, Path, Body string
	Status             int
	Took               time.Duration
}

// Summary is what there is at the end.
type Summary struct {
	Requests, Changes, Events int
	Slowest                   map[Place]time.Duration
	Took                      time.Duration
}

// Options change how the demo plays.
type Options struct {
	// Pause is the time between the chapters, for the reader.
	Pause time.Duration
}

// patience is how long something may take to arrive before the demo gives up.
const patience = 10 * time.Second

// Run plays the demo to its end. It fails if anything that should arrive does not.
func Run(ctx context.Context, tell Teller, o Options) (err error) {
	dir, err := os.MkdirTemp("", "muster-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	application, stop, err := start(ctx, app.Options{Data: filepath.Join(dir, "application"), Listen: "127.0.0.1:0"})
	if err != nil {
		return fmt.Errorf("start the application: %w", err)
	}
	defer func() { err = errors.Join(err, stop()) }()

	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	signing := secret.New("whsec_" + base64.StdEncoding.EncodeToString(key))
	receiver, err := newReceiver(ctx, signing)
	if err != nil {
		return fmt.Errorf("start the webhook receiver: %w", err)
	}
	defer func() { err = errors.Join(err, receiver.stop(ctx)) }()

	token, _ := application.FirstToken()
	hub, stop, err := start(ctx, app.Options{
		Data: filepath.Join(dir, "hub"), Listen: "127.0.0.1:0",
		Outbound: outbound.Options{Allow: []string{"127.0.0.0/8"}, InsecureHTTP: true},
		Targets: []app.Target{
			{Name: "receiver", Kind: "webhook", Start: delivery.FromBeginning, Settings: webhookSettings(receiver.url, signing)},
			{Name: "application", Kind: "scim", Start: delivery.FromBeginning, Settings: scimSettings(application.Base(), token)},
		},
	})
	if err != nil {
		return fmt.Errorf("start the hub: %w", err)
	}
	defer func() { err = errors.Join(err, stop()) }()

	first, _ := hub.FirstToken()
	p := &play{
		tell: tell, pause: o.Pause, hub: hub, application: application, receiver: receiver,
		idp: newIdentityProvider(hub.Base(), first),
		sum: Summary{Slowest: map[Place]time.Duration{}},
	}
	tell.Begin(hub.Base(), application.Base(), receiver.url)
	began := time.Now()
	for i, c := range chapters {
		tell.Chapter(i+1, len(chapters), c.title, c.why)
		if err := c.play(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		if err := p.rest(ctx); err != nil {
			return err
		}
	}
	p.sum.Took = time.Since(began)
	tell.End(p.sum)
	return nil
}

// start starts a hub and returns what stops it.
func start(ctx context.Context, o app.Options) (*app.App, func() error, error) {
	a, err := app.New(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	stop := func() error {
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		return a.Stop(drain)
	}
	if err := a.Start(ctx); err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return a, stop, nil
}

func webhookSettings(url string, signing secret.String) *webhook.Settings {
	s := webhook.Defaults()
	s.URL, s.Secrets, s.InsecureHTTP = url, []secret.String{signing}, true
	return s
}

func scimSettings(url string, token secret.String) *scimtarget.Settings {
	s := scimtarget.Defaults()
	s.URL, s.Token, s.InsecureHTTP = url, token, true
	return s
}
