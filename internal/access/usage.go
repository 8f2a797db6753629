package access

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/store"
)

const (
	// usageEvery is how often it is written which tokens were used.
	usageEvery = time.Minute
	// expiryEvery is how often it is looked for tokens that expire.
	expiryEvery = time.Hour
	// maxNetworks bounds the networks that are remembered of a token.
	maxNetworks = 16
)

// warnings are how long before its end a token is warned of, in days, the longest first (A11).
var warnings = []int{30, 7, 1}

// Usage notes when and from where tokens are used, and warns of those that are about to expire. It is safe for concurrent use.
type Usage struct {
	store UsageStore
	now   func() time.Time
	log   *slog.Logger

	mu   sync.Mutex // guards used
	used map[tokenKey]use

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// UsageStore is what Usage needs of a store.
type UsageStore interface {
	store.Writer
	store.Tokens
}

type tokenKey struct {
	tenant store.Tenant
	id     string
}

type use struct {
	at   time.Time
	addr netip.Addr
}

// NewUsage returns a Usage.
func NewUsage(st UsageStore, now func() time.Time, log *slog.Logger) *Usage {
	return &Usage{store: st, now: now, log: log, used: map[tokenKey]use{}}
}

// Note notes a use. It costs a look into a map.
func (u *Usage) Note(p *Principal, addr netip.Addr) {
	if p.TokenID == "" {
		return
	}
	k := tokenKey{p.Tenant, p.TokenID}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.used[k] = use{u.now(), addr}
}

// Start writes uses every minute, and looks every hour for tokens that expire, until Stop.
func (u *Usage) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	u.cancel = cancel
	for _, job := range []struct {
		what  string
		every time.Duration
		first bool
		do    func(context.Context) error
	}{{"noting the use of tokens", usageEvery, false, u.Flush}, {"looking for tokens that expire", expiryEvery, true, u.Warn}} {
		u.done.Go(func() {
			tick := time.NewTicker(job.every)
			defer tick.Stop()
			for first := job.first; ; first = false {
				if !first {
					select {
					case <-tick.C:
					case <-ctx.Done():
						return
					}
				}
				if err := job.do(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
					u.log.WarnContext(ctx, "work on tokens failed, it is tried again", "what", job.what, "err", err)
				}
			}
		})
	}
}

// Stop ends that and writes what is left.
func (u *Usage) Stop(ctx context.Context) error {
	u.cancel()
	u.done.Wait()
	return u.Flush(ctx)
}

// Flush writes the uses since the last time: one write a tenant.
func (u *Usage) Flush(ctx context.Context) error {
	u.mu.Lock()
	used := u.used
	u.used = map[tokenKey]use{}
	u.mu.Unlock()
	tenants := map[store.Tenant]map[string]use{}
	for k, at := range used {
		if tenants[k.tenant] == nil {
			tenants[k.tenant] = map[string]use{}
		}
		tenants[k.tenant][k.id] = at
	}
	var failed error
	for t, uses := range tenants {
		if err := u.write(ctx, t, uses); err != nil && !errors.Is(err, store.ErrNotFound) {
			failed = err
		}
	}
	return failed
}

func (u *Usage) write(ctx context.Context, t store.Tenant, uses map[string]use) error {
	all, err := u.store.Tokens(ctx, t)
	if err != nil {
		return err
	}
	rows := &store.Rows{}
	for _, tok := range all {
		use, used := uses[tok.ID]
		if !used {
			continue
		}
		touch := &store.TokenUse{ID: tok.ID, At: use.at.UTC(), Address: text(use.addr), Networks: tok.Networks}
		if from := network(use.addr).String(); use.addr.IsValid() && !slices.Contains(tok.Networks, from) {
			// A new address may be a stolen token (J01). The first one is where it belongs.
			touch.Networks = append([]string{from}, tok.Networks[:min(len(tok.Networks), maxNetworks-1)]...)
			if len(tok.Networks) > 0 {
				u.log.WarnContext(ctx, "a token is used from a new address", "token", tok.ID, "address", touch.Address)
				rows.Audit = append(rows.Audit, &store.Act{
					At: touch.At, Action: "token.new-address", Result: "ok", Actor: tok.ID, Source: tok.Source, Address: touch.Address, Type: "Token", ID: tok.ID,
				})
			}
		}
		rows.Used = append(rows.Used, touch)
	}
	if len(rows.Used) == 0 {
		return nil
	}
	return u.store.Write(ctx, t, &store.Op{Decide: func(store.View) (*store.Rows, error) { return rows, nil }})
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().String()
}

// Warn warns of tokens that expire soon: once at each of the warnings.
func (u *Usage) Warn(ctx context.Context) error {
	now := u.now()
	all, err := u.store.ExpiringTokens(ctx, now, now.AddDate(0, 0, warnings[0]))
	if err != nil {
		return err
	}
	for _, tok := range all {
		days := 0
		for _, d := range warnings {
			if !tok.Expires.After(now.AddDate(0, 0, d)) {
				days = d
			}
		}
		if days == 0 || tok.Warned != 0 && tok.Warned <= days {
			continue
		}
		u.log.WarnContext(ctx, "a token is about to expire: rotate it", "tenant", int64(tok.Tenant), "token", tok.ID, "name", tok.Name, "expires", tok.Expires)
		rows := &store.Rows{
			Used: []*store.TokenUse{{ID: tok.ID, Warned: days}},
			Audit: []*store.Act{{
				At: now.UTC(), Action: "token.expiring", Result: "ok", Actor: "muster", Source: tok.Source, Type: "Token", ID: tok.ID,
				Details: []store.Detail{{Name: "expires", Value: tok.Expires.UTC().Format(time.RFC3339)}},
			}},
		}
		if err := u.store.Write(ctx, tok.Tenant, &store.Op{Decide: func(store.View) (*store.Rows, error) { return rows, nil }}); err != nil {
			return err
		}
	}
	return nil
}

// Expiring counts the live tokens that expire within the first warning.
func (u *Usage) Expiring(ctx context.Context) (int, error) {
	now := u.now()
	all, err := u.store.ExpiringTokens(ctx, now, now.AddDate(0, 0, warnings[0]))
	return len(all), err
}

// ParseAllow reads a list of addresses and networks, separated by blanks or commas.
func ParseAllow(text string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, s := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			list = append(list, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, errors.New(s + " is neither an address nor a network: write 203.0.113.7 or 203.0.113.0/24")
		}
		if p != p.Masked() {
			return nil, errors.New(s + " has bits set beyond its length: is " + p.Masked().String() + " meant?")
		}
		list = append(list, p)
	}
	return list, nil
}
