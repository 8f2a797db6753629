// Package targets keeps the targets of tenants in the database, their credentials sealed in the vault, and a walker running for each
// while the hub runs: added, changed, paused and removed without a restart.
//
// Where a target's changes have been sent up to is kept under its name, whatever happens to the target: one that is removed and added
// again goes on where it was.
package targets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/vault"
)

// Spec is a target without its credential.
type Spec struct {
	Name         string    `json:"name"`
	Type         string    `json:"type"` // a kind of target: webhook, scim
	URL          string    `json:"url"`
	Events       []string  `json:"events,omitempty"` // of a webhook. Defaults to all
	Start        string    `json:"start,omitzero"`   // beginning or now. Defaults to beginning
	Concurrency  int       `json:"concurrency,omitzero"`
	Rate         float64   `json:"rate,omitzero"`
	InsecureHTTP bool      `json:"insecureHTTP,omitzero"`
	CA           string    `json:"ca,omitzero"` // authorities to trust instead of the system's, PEM
	Paused       bool      `json:"paused,omitzero"`
	Created      time.Time `json:"created"`
	Changed      time.Time `json:"changed"`
}

// Store is what a Manager needs of a store.
type Store interface {
	store.Writer
	store.Items
	store.Secrets
}

// Walker is what runs for a target.
type Walker interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Status() delivery.Status
	Wake()
}

// Options are the parts of a Manager that have no default.
type Options struct {
	// Open makes the walker of a target, without starting it. Its error says what is wrong with the target.
	Open func(ctx context.Context, t store.Tenant, s Spec, credential string) (Walker, error)
	// Reserved reports whether a tenant has a target of that name elsewhere, such as in the configuration.
	Reserved func(t store.Tenant, name string) bool
	Now      func() time.Time
	Log      *slog.Logger
}

// Manager is the targets of a hub. It is safe for concurrent use.
type Manager struct {
	store Store
	vault *vault.Vault
	o     Options

	editing sync.Mutex // one at a time is added or changed

	mu      sync.Mutex // guards running
	running map[key]*running

	wake   chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup
}

type key struct {
	tenant store.Tenant
	name   string
}

type running struct {
	Walker
	spec   Spec
	sealed string // the credential as it is stored: another one is a change
}

// New returns a manager.
func New(st Store, v *vault.Vault, o Options) *Manager {
	return &Manager{store: st, vault: v, o: o, running: map[key]*running{}, wake: make(chan struct{}, 1)}
}

const (
	kind = "target"
	// lookEvery is how often it is looked for changes that another process made.
	lookEvery = 3 * time.Second
	stopTime  = 20 * time.Second
)

func secretName(target string) string { return "target/" + target }

// Start runs the targets that there are, and follows changes, until Stop. A target that does not start is tried again.
func (m *Manager) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.done.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		failed := ""
		for {
			switch err := m.reconcile(ctx); {
			case err == nil || ctx.Err() != nil:
				failed = ""
			case err.Error() != failed:
				failed = err.Error()
				m.o.Log.WarnContext(ctx, "targets are not all as they should be; it is tried again", "err", err)
			}
			select {
			case <-tick.C:
			case <-m.wake:
			case <-ctx.Done():
				return
			}
		}
	})
}

// Stop ends all targets: what has begun may end until ctx does.
func (m *Manager) Stop(ctx context.Context) error {
	m.cancel()
	m.done.Wait()
	m.mu.Lock()
	all := slices.Collect(maps.Values(m.running))
	clear(m.running)
	m.mu.Unlock()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, r := range all {
		wg.Go(func() { errs[i] = r.Stop(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (m *Manager) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// reconcile makes what runs what there should be.
func (m *Manager) reconcile(ctx context.Context) error {
	items, err := m.store.AllItems(ctx, kind)
	if err != nil {
		return err
	}
	var errs []error
	wanted := map[key]bool{}
	for _, item := range items {
		k := key{item.Tenant, item.Name}
		spec, err := decode(item)
		if err == nil && !spec.Paused {
			wanted[k] = true
			err = m.ensure(ctx, k, spec)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("target %s: %w", item.Name, err))
		}
	}
	m.mu.Lock()
	var gone []key
	for k := range m.running {
		if !wanted[k] {
			gone = append(gone, k)
		}
	}
	m.mu.Unlock()
	for _, k := range gone {
		errs = append(errs, m.end(ctx, k))
	}
	return errors.Join(errs...)
}

// ensure has a target run as it is stored.
func (m *Manager) ensure(ctx context.Context, k key, spec Spec) error {
	sealed, err := m.store.Secret(ctx, k.tenant, secretName(k.name))
	if errors.Is(err, store.ErrNotFound) {
		return errors.Join(errors.New("it has no credential: muster target rotate-secret"), m.end(ctx, k))
	}
	if err != nil {
		return err
	}
	m.mu.Lock()
	r := m.running[k]
	m.mu.Unlock()
	if r != nil && r.sealed == string(sealed) && same(r.spec, spec) {
		return nil
	}
	credential, err := m.vault.Get(ctx, k.tenant, secretName(k.name))
	if err != nil {
		return err
	}
	next, err := m.o.Open(ctx, k.tenant, spec, string(credential))
	if err != nil {
		return err
	}
	// Only one walker has the place of a target at a time.
	if err := m.end(ctx, k); err != nil {
		m.o.Log.WarnContext(ctx, "a target did not end cleanly", "target", k.name, "err", err)
	}
	if err := next.Start(ctx); err != nil {
		return errors.Join(err, next.Stop(ctx))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running[k] = &running{next, spec, string(sealed)}
	m.o.Log.InfoContext(ctx, "target runs", "tenant", int64(k.tenant), "target", k.name)
	return nil
}

func same(a, b Spec) bool {
	x, errA := json.Marshal(&a, json.Deterministic(true))
	y, errB := json.Marshal(&b, json.Deterministic(true))
	return errA == nil && errB == nil && string(x) == string(y)
}

// end stops the walker of a target, if it has one.
func (m *Manager) end(ctx context.Context, k key) error {
	m.mu.Lock()
	r := m.running[k]
	delete(m.running, k)
	m.mu.Unlock()
	if r == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return r.Stop(ctx)
}

// Each visits the targets that run.
func (m *Manager) Each(visit func(t store.Tenant, s Spec, w Walker)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, r := range m.running {
		visit(k.tenant, r.spec, r.Walker)
	}
}

func decode(item store.Item) (s Spec, err error) {
	if err := json.Unmarshal(item.Body, &s); err != nil {
		return s, fmt.Errorf("stored target %s: %w", item.Name, err)
	}
	return s, nil
}

// Listed is a target as people see it.
type Listed struct {
	Spec
	Fingerprint string // of the credential; empty: it has none
}

// List returns the targets of a tenant.
func (m *Manager) List(ctx context.Context, t store.Tenant) ([]Listed, error) {
	items, err := m.store.Items(ctx, t, kind)
	if err != nil {
		return nil, err
	}
	list := make([]Listed, len(items))
	for i, item := range items {
		if list[i].Spec, err = decode(item); err != nil {
			return nil, err
		}
		credential, err := m.vault.Get(ctx, t, secretName(item.Name))
		switch {
		case err == nil:
			list[i].Fingerprint = vault.Fingerprint(credential)
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	return list, nil
}

var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ErrNoTarget says that a tenant has no target of that name in the database.
var ErrNoTarget = errors.New("there is no such target")

func (m *Manager) find(ctx context.Context, t store.Tenant, name string) (Spec, error) {
	items, err := m.store.Items(ctx, t, kind)
	if err != nil {
		return Spec{}, err
	}
	for _, item := range items {
		if item.Name == name {
			return decode(item)
		}
	}
	if m.o.Reserved(t, name) {
		return Spec{}, fmt.Errorf("%q: %w in the database; it is in the configuration file, and is changed there", name, ErrNoTarget)
	}
	return Spec{}, fmt.Errorf("%q: %w", name, ErrNoTarget)
}

// check tries whether a target could run.
func (m *Manager) check(ctx context.Context, t store.Tenant, s Spec, credential string) error {
	switch {
	case s.Start != string(delivery.FromBeginning) && s.Start != string(delivery.FromNow):
		return fmt.Errorf("a target starts at the beginning or now, not %q", s.Start)
	case s.Concurrency < 1 || s.Concurrency > 64 || s.Rate < 0 || s.Rate > 10_000:
		return errors.New("the concurrency is from 1 to 64, the rate from 0 (no limit) to 10000")
	case credential == "":
		return errors.New("a target needs a credential: the signing secret of a webhook, the token of an application")
	}
	w, err := m.o.Open(ctx, t, s, credential)
	if err != nil {
		return err
	}
	return w.Stop(ctx) // never started
}

func (m *Manager) now() time.Time { return m.o.Now().UTC().Truncate(time.Millisecond) }

// Add adds a target to a tenant.
func (m *Manager) Add(ctx context.Context, t store.Tenant, s Spec, credential string) (Listed, error) {
	m.editing.Lock()
	defer m.editing.Unlock()
	switch _, err := m.find(ctx, t, s.Name); {
	case !nameForm.MatchString(s.Name):
		return Listed{}, fmt.Errorf("%q cannot be the name of a target: use a-z, 0-9 and hyphens between them", s.Name)
	case err == nil || m.o.Reserved(t, s.Name):
		return Listed{}, fmt.Errorf("there is a target %q already", s.Name)
	case !errors.Is(err, ErrNoTarget):
		return Listed{}, err
	}
	if s.Start == "" {
		s.Start = string(delivery.FromBeginning)
	}
	if s.Concurrency == 0 {
		s.Concurrency = 4
	}
	s.Created, s.Changed = m.now(), m.now()
	if err := m.check(ctx, t, s, credential); err != nil {
		return Listed{}, err
	}
	return Listed{s, vault.Fingerprint([]byte(credential))},
		m.put(ctx, t, s, "target.add", &store.Rows{Secrets: []*store.Secret{m.vault.Seal(t, secretName(s.Name), []byte(credential))}})
}

// put writes a target with its record.
func (m *Manager) put(ctx context.Context, t store.Tenant, s Spec, action string, rows *store.Rows) error {
	item := &store.Item{Tenant: t, Kind: kind, Name: s.Name}
	if action != "target.remove" {
		b, err := json.Marshal(&s, json.Deterministic(true))
		if err != nil {
			return err
		}
		item.Body = b
	}
	rows.Items = append(rows.Items, item)
	rows.Audit = append(rows.Audit, &store.Act{
		At: m.now(), Action: action, Result: "ok", Actor: store.Operator, Type: "Target", ID: s.Name,
		Details: []store.Detail{{Name: "type", Value: s.Type}, {Name: "url", Value: origin(s.URL)}},
	})
	err := m.store.Write(ctx, t, &store.Op{Decide: func(store.View) (*store.Rows, error) { return rows, nil }})
	m.poke()
	return err
}

// origin is the part of a URL that a credential belongs to: scheme, host and port.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// Change alters a target. A URL with another scheme, host or port drops the credential: it was given to somebody else (G10). The new
// one is needed then; "" keeps the old one.
func (m *Manager) Change(ctx context.Context, t store.Tenant, name, credential string, edit func(*Spec)) (Listed, error) {
	m.editing.Lock()
	defer m.editing.Unlock()
	s, err := m.find(ctx, t, name)
	if err != nil {
		return Listed{}, err
	}
	before := s
	edit(&s)
	s.Name, s.Created, s.Changed = before.Name, before.Created, m.now()
	rows := &store.Rows{}
	moved := origin(s.URL) != origin(before.URL)
	switch {
	case credential != "":
		rows.Secrets = []*store.Secret{m.vault.Seal(t, secretName(name), []byte(credential))}
	case moved:
		return Listed{}, errors.New("the target is at another place now: give the credential for that, the old one is not sent there")
	default:
		old, err := m.vault.Get(ctx, t, secretName(name))
		if err != nil {
			return Listed{}, err
		}
		credential = string(old)
	}
	if err := m.check(ctx, t, s, credential); err != nil {
		return Listed{}, err
	}
	return Listed{s, vault.Fingerprint([]byte(credential))}, m.put(ctx, t, s, "target.set", rows)
}

// RotateSecret gives a target another credential. A webhook signs with both until the next rotation, so that its receiver can change
// over.
func (m *Manager) RotateSecret(ctx context.Context, t store.Tenant, name, credential string) (Listed, error) {
	m.editing.Lock()
	defer m.editing.Unlock()
	s, err := m.find(ctx, t, name)
	if err != nil {
		return Listed{}, err
	}
	if s.Type == "webhook" {
		old, err := m.vault.Get(ctx, t, secretName(name))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Listed{}, err
		}
		if fields := strings.Fields(string(old)); len(fields) > 0 && len(strings.Fields(credential)) == 1 {
			credential += " " + fields[0]
		}
	}
	if err := m.check(ctx, t, s, credential); err != nil {
		return Listed{}, err
	}
	s.Changed = m.now()
	return Listed{s, vault.Fingerprint([]byte(credential))},
		m.put(ctx, t, s, "target.rotate-secret", &store.Rows{Secrets: []*store.Secret{m.vault.Seal(t, secretName(name), []byte(credential))}})
}

// Pause stops sending to a target, or goes on with it. Nothing is lost meanwhile.
func (m *Manager) Pause(ctx context.Context, t store.Tenant, name string, paused bool) error {
	m.editing.Lock()
	defer m.editing.Unlock()
	s, err := m.find(ctx, t, name)
	if err != nil {
		return err
	}
	action := "target.resume"
	if paused {
		action = "target.pause"
	}
	s.Paused, s.Changed = paused, m.now()
	return m.put(ctx, t, s, action, &store.Rows{})
}

// Remove takes a target away, and destroys its credential.
func (m *Manager) Remove(ctx context.Context, t store.Tenant, name string) error {
	m.editing.Lock()
	defer m.editing.Unlock()
	s, err := m.find(ctx, t, name)
	if err != nil {
		return err
	}
	return m.put(ctx, t, s, "target.remove", &store.Rows{Secrets: []*store.Secret{{Name: secretName(name)}}})
}
