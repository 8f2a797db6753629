package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muster-id/muster/internal/store"
)

// Store is what a Log needs of a store.
type Store interface {
	store.Writer
	store.Audit
	store.Tenants
	// Changes is that of store.Feed.
	Changes(ctx context.Context, t store.Tenant, after store.Seq, limit int) ([]*store.Change, error)
}

// Options are the parts of a Log that have a default.
type Options struct {
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// Key signs checkpoints. Required for them.
	Key ed25519.PrivateKey
	// Keep returns how long the records of a tenant are kept; 0: for ever. Defaults to DefaultKeep.
	Keep func(ctx context.Context, t store.Tenant) time.Duration
	// Log takes what an operator should know, and each checkpoint. Defaults to nothing.
	Log *slog.Logger
}

// How long records are kept, and the least that a tenant may ask for unless it is forced.
const (
	DefaultKeep = 400 * 24 * time.Hour
	LeastKeep   = 90 * 24 * time.Hour
)

const (
	gatherFor = time.Second
	// checkpointEvery and checkpointAfter are when a chain that has grown is signed.
	checkpointEvery = time.Minute
	checkpointAfter = 1000
	// pruneEvery is how often it is looked for records that were kept long enough.
	pruneEvery = time.Hour
	// verifyEvery is how often the next stretch of the chains is verified in the background.
	verifyEvery = 10 * time.Second
)

// Log is the audit of a hub. It is safe for concurrent use.
type Log struct {
	store  Store
	o      Options
	gather gatherer
	broken atomic.Pointer[Broken]
	// reading is held while a chain is read from its beginning, so that none is pruned meanwhile.
	reading sync.RWMutex
	// Of the verification in the background, which is one goroutine; reading guards places too.
	places   map[store.Tenant]*place
	verified store.Tenant // the last one that was looked at

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Broken is a chain that is not what was written.
type Broken struct {
	Tenant store.Tenant
	BadError
}

// New returns a log.
func New(st Store, o Options) *Log {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keep == nil {
		o.Keep = func(context.Context, store.Tenant) time.Duration { return DefaultKeep }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Log{store: st, o: o, places: map[store.Tenant]*place{}}
}

// Start writes what is gathered, signs checkpoints, prunes and verifies, until Stop.
func (l *Log) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for _, job := range []struct {
		what  string
		every time.Duration
		do    func(context.Context) error
	}{
		{"writing refused attempts", gatherFor, l.FlushNow},
		{"signing checkpoints", 5 * time.Second, func(ctx context.Context) error { return l.Sign(ctx, checkpointAfter) }},
		{"signing checkpoints", checkpointEvery, func(ctx context.Context) error { return l.Sign(ctx, 1) }},
		{"pruning the audit", pruneEvery, l.Prune},
		{"verifying the audit", verifyEvery, l.VerifySome},
	} {
		l.done.Go(func() {
			tick := time.NewTicker(job.every)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				if err := job.do(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
					l.o.Log.WarnContext(ctx, "work of the audit failed, it is tried again", "work", job.what, "err", err)
				}
			}
		})
	}
}

// Stop ends that, writes what is left and waits.
func (l *Log) Stop(ctx context.Context) error {
	l.cancel()
	l.done.Wait()
	return l.Flush(ctx)
}

// Broken returns the first chain that was found broken, or nil.
func (l *Log) Broken() *Broken { return l.broken.Load() }

// Public returns the key that checkpoints are verified with.
func (l *Log) Public() ed25519.PublicKey {
	if l.o.Key == nil {
		return nil
	}
	return l.o.Key.Public().(ed25519.PublicKey)
}

func (l *Log) keys() map[string]ed25519.PublicKey {
	k := l.Public()
	if k == nil {
		return nil
	}
	return map[string]ed25519.PublicKey{KeyName(k): k}
}

// Write writes records of what was done to a tenant beside its changes.
func (l *Log) Write(ctx context.Context, t store.Tenant, acts ...*store.Act) error {
	now := l.now()
	for _, a := range acts {
		if a.At.IsZero() {
			a.At = now
		}
	}
	return l.store.Write(ctx, t, &store.Op{Decide: func(store.View) (*store.Rows, error) { return &store.Rows{Audit: acts}, nil }})
}

// Erase destroys what is kept of a resource that was deleted: for good, and again without harm. id is an outside id that it has
// or had. The record of it says nothing of the person but that.
func (l *Log) Erase(ctx context.Context, t store.Tenant, id, reason string) error {
	r, err := l.store.Former(ctx, t, id)
	if err != nil {
		return err
	}
	if !r.Deleted {
		return store.ErrAlive
	}
	return l.store.Erase(ctx, t, r.Num, &store.Act{
		At: l.now(), Action: "person.erase", Result: Done, Reason: reason, Actor: store.Operator, Type: r.Type, ID: r.ID, Person: r.Person,
	})
}

// Sign signs the ends of the chains that have grown by so much.
func (l *Log) Sign(ctx context.Context, behind int64) error {
	heads, err := l.store.AuditHeads(ctx, behind)
	if err != nil {
		return err
	}
	// Some at once, so that they share commits: a thousand tenants may have written within the minute.
	var some errgroup.Group
	some.SetLimit(signAtOnce)
	for _, h := range heads {
		some.Go(func() error {
			_, err := l.checkpoint(ctx, h)
			if errors.Is(err, store.ErrNotFound) {
				return nil // it is being purged
			}
			return err
		})
	}
	return some.Wait()
}

const signAtOnce = 64

// Last returns the number of the last record of a tenant; 0: there is none.
func (l *Log) Last(ctx context.Context, t store.Tenant) (int64, error) {
	h, err := l.store.AuditHead(ctx, t)
	return h.N, err
}

// Checkpoint signs the end of a tenant's chain as it is now.
func (l *Log) Checkpoint(ctx context.Context, t store.Tenant) (store.Checkpoint, error) {
	h, err := l.store.AuditHead(ctx, t)
	if err != nil {
		return store.Checkpoint{}, err
	}
	return l.checkpoint(ctx, h)
}

func (l *Log) checkpoint(ctx context.Context, h store.AuditHead) (store.Checkpoint, error) {
	if l.o.Key == nil {
		return store.Checkpoint{}, errors.New("there is no key to sign with")
	}
	if h.N == 0 {
		return store.Checkpoint{}, errors.New("the chain has no record yet")
	}
	c := store.Checkpoint{N: h.N, At: l.now(), Hash: h.Hash, Key: KeyName(l.Public())}
	c.Signature = ed25519.Sign(l.o.Key, Message(h.Tenant, c))
	err := l.store.Write(ctx, h.Tenant, &store.Op{Decide: func(store.View) (*store.Rows, error) { return &store.Rows{Checkpoint: &c}, nil }})
	if err != nil {
		return c, err
	}
	// Whoever collects the log has what nobody can rewrite here (K03).
	l.o.Log.LogAttrs(ctx, slog.LevelInfo, "audit checkpoint", slog.Int64("tenant", int64(h.Tenant)), slog.Int64("record", c.N),
		slog.String("hash", hex.EncodeToString(c.Hash[:])), slog.Time("at", c.At), slog.String("key", c.Key),
		slog.String("signature", hex.EncodeToString(c.Signature)))
	return c, nil
}

const (
	pruneSlice   = 1000
	verifyChains = 10 // at once
	readPage     = 1000
)

// Prune removes the records that were kept long enough, up to a checkpoint.
func (l *Log) Prune(ctx context.Context) error {
	if err := l.pruneTenant(ctx, store.System); err != nil {
		return err
	}
	for after := store.System; ; {
		page, err := l.store.Tenants(ctx, after, 500)
		if err != nil {
			return err
		}
		for _, t := range page {
			after = t.Tenant
			if err := l.pruneTenant(ctx, t.Tenant); err != nil {
				return err
			}
		}
		if len(page) < 500 {
			return nil
		}
	}
}

// pruneTenant removes records in slices, each up to a checkpoint, and says so in the chain. While somebody reads chains it
// does nothing: there is a next time.
func (l *Log) pruneTenant(ctx context.Context, t store.Tenant) error {
	keep := l.o.Keep(ctx, t)
	if keep <= 0 || !l.reading.TryLock() {
		return nil
	}
	defer l.reading.Unlock()
	removed := 0
	act := func(upto int64) *store.Act {
		return &store.Act{
			At: l.now(), Action: actPrune, Result: Done, Actor: store.Self, Reason: "kept for " + strconv.Itoa(int(keep/(24*time.Hour))) + " days",
			Details: []store.Detail{{Name: "upto", Value: strconv.FormatInt(upto, 10)}},
		}
	}
	for {
		n, err := l.store.PruneAudit(ctx, t, l.now().Add(-keep), pruneSlice, act)
		if errors.Is(err, store.ErrNotFound) {
			return nil // it is being purged
		}
		if err != nil {
			return err
		}
		if removed += n; n == 0 {
			break
		}
		delete(l.places, t)
	}
	if removed > 0 {
		l.o.Log.LogAttrs(ctx, slog.LevelInfo, "audit records removed that were kept long enough", slog.Int64("tenant", int64(t)), slog.Int("records", removed))
	}
	return nil
}

// Verify reads the whole chain of a tenant. trusted are checkpoints that were kept elsewhere. The error is of the database; what is
// wrong with the chain is in the Verdict.
func (l *Log) Verify(ctx context.Context, t store.Tenant, trusted ...store.Checkpoint) (Verdict, error) {
	l.reading.RLock()
	defer l.reading.RUnlock()
	p := &place{}
	for {
		more, err := l.advance(ctx, t, p, readPage, trusted...)
		if bad, ok := errors.AsType[*BadError](err); ok {
			v := p.chain.Verdict()
			v.Bad = bad
			return v, nil
		}
		if err != nil {
			return Verdict{}, err
		}
		if !more {
			return p.chain.Verdict(), nil
		}
	}
}

// VerifyValues compares the records of changes with what the feed has of them, and adds what it finds to a Verdict.
func (l *Log) VerifyValues(ctx context.Context, t store.Tenant, v *Verdict) error {
	l.reading.RLock()
	defer l.reading.RUnlock()
	var page []*store.Change // beyond the last one that was compared
	return l.Read(ctx, t, Query{}, func(r *Record) error {
		if !r.OfChange() || v.Bad != nil {
			return nil
		}
		for len(page) > 0 && page[0].Seq < r.Change {
			page = page[1:]
		}
		if len(page) == 0 {
			var err error
			if page, err = l.store.Changes(ctx, t, r.Change-1, valuesPage); err != nil {
				return err
			}
		}
		if len(page) == 0 || page[0].Seq != r.Change {
			v.Bad = &BadError{r.N, fmt.Sprintf("names change %d, which is not in the feed", r.Change)}
			return nil
		}
		c := page[0]
		if c.ID != r.ID || c.Version != r.Version || c.Actor != r.Actor || c.Type != r.Type {
			v.Bad = &BadError{r.N, fmt.Sprintf("is not about what change %d of the feed is now about", r.Change)}
			return nil
		}
		if r.Digest == "" {
			return nil // of before there were keys
		}
		digest, err := l.store.ChangeDigest(ctx, t, c)
		switch {
		case err != nil:
			v.Bad = &BadError{r.N, fmt.Sprintf("the values of change %d cannot be read: %v", r.Change, err)}
		case digest == nil:
			v.Erased++
		case hex.EncodeToString(digest) != r.Digest:
			v.Bad = &BadError{r.N, fmt.Sprintf("has another digest than the values that change %d has now", r.Change)}
		default:
			v.Values++
		}
		return nil
	})
}

// valuesPage is how many changes are read at once for their values.
const valuesPage = 200

// place is how far a verification has come.
type place struct {
	chain *Chain
	head  store.AuditHead
}

// advance verifies the next records of a chain; more says whether there were any left.
func (l *Log) advance(ctx context.Context, t store.Tenant, p *place, limit int, trusted ...store.Checkpoint) (more bool, err error) {
	if p.chain == nil {
		if p.head, err = l.store.AuditHead(ctx, t); err != nil {
			return false, err
		}
		p.chain = &Chain{Tenant: t, Keys: l.keys(), Whole: true}
		all, err := l.store.Checkpoints(ctx, t, 0, 1_000_000)
		if err != nil {
			return false, err
		}
		for _, c := range append(all, trusted...) {
			if c.N > p.head.N {
				return false, &BadError{p.head.N + 1, "is missing: a checkpoint names a later one"}
			}
		}
		if err := p.chain.Expect(merge(all, trusted)...); err != nil {
			return false, err
		}
	}
	page, err := l.store.AuditRecords(ctx, t, store.AuditQuery{After: p.chain.n}, limit)
	if err != nil {
		return false, err
	}
	for _, r := range page {
		if r.N > p.head.N {
			break // written since
		}
		if err := p.chain.Add(r); err != nil {
			return false, err
		}
	}
	if p.chain.n < p.head.N && len(page) == limit {
		return true, nil
	}
	if p.head.N == 0 {
		return false, nil
	}
	return false, p.chain.End(p.head.N, p.head.Hash)
}

// merge returns both lists in order of their numbers.
func merge(a, b []store.Checkpoint) []store.Checkpoint {
	all := append(append([]store.Checkpoint{}, a...), b...)
	for i := 1; i < len(all); i++ { // both are in order nearly always, and the second is short
		for j := i; j > 0 && all[j].N < all[j-1].N; j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
	return all
}

// VerifySome verifies the next stretch: of one chain after the other, again and again. What it finds is told to the log and by Broken.
func (l *Log) VerifySome(ctx context.Context) error {
	l.reading.RLock()
	defer l.reading.RUnlock()
	heads, err := l.store.AuditHeads(ctx, 0)
	if err != nil {
		return err
	}
	if len(heads) == 0 {
		return nil
	}
	// Those behind the one that was the last last time come first.
	i, _ := slices.BinarySearchFunc(heads, l.verified+1, func(h store.AuditHead, t store.Tenant) int { return int(h.Tenant - t) })
	for _, h := range slices.Concat(heads[i:], heads[:i])[:min(len(heads), verifyChains)] {
		if l.verified = h.Tenant; h.N == 0 {
			continue
		}
		p := l.places[h.Tenant]
		if p == nil {
			p = &place{}
			l.places[h.Tenant] = p
		}
		more, err := l.advance(ctx, h.Tenant, p, readPage)
		if bad, ok := errors.AsType[*BadError](err); ok {
			b := &Broken{h.Tenant, *bad}
			if l.broken.CompareAndSwap(nil, b) {
				l.o.Log.LogAttrs(ctx, slog.LevelError, "the audit is broken: a record was altered or removed",
					slog.Int64("tenant", int64(h.Tenant)), slog.Int64("record", bad.N), slog.String("problem", bad.Problem))
			}
			err = nil
		}
		if err != nil {
			return err
		}
		if more {
			l.verified-- // it goes on with this one
			break
		}
		delete(l.places, h.Tenant)
	}
	return nil
}

func (l *Log) now() time.Time { return l.o.Now().UTC().Truncate(time.Millisecond) }

// ParseHash reads a hash in hexadecimal, in small letters: one text for one hash.
func ParseHash(s string) (hash [sha256.Size]byte, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(hash) || hex.EncodeToString(b) != s {
		return hash, errors.New("not a SHA-256 in hexadecimal")
	}
	copy(hash[:], b)
	return hash, nil
}
