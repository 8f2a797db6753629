package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
	"github.com/muster-id/muster/scim/schema"
)

// Store is what delivery needs of the store.
type Store interface {
	store.Writer
	store.Reader
	store.Feed
	store.Deliveries
	store.Guard
}

// Beginning says where a target without a cursor begins.
type Beginning string

// The beginnings.
const (
	FromNow       Beginning = "now"       // only what changes from now on
	FromBeginning Beginning = "beginning" // everything the feed has
)

const (
	defaultWindow      = 256
	defaultConcurrency = 4
	// span bounds the window in memory, settled changes between unsettled ones included, in windows.
	span = 16
	// pageSize is small because changes come with their edges, up to 50,000 each.
	pageSize = 32
	// keepEdges is how many edges a change may have to be kept in memory until it is sent; others are read again.
	keepEdges = 64
	// flushEvery bounds how often cursor and detours are written, and how much is repeated after a crash.
	flushEvery = 25 * time.Millisecond
	// slow is how long a call may hold back the cursor before its resource takes a detour.
	slow = time.Second
	// writeTimeout bounds one such write.
	writeTimeout = 10 * time.Second
	// maxNotes bounds what is remembered of changes delivered in part.
	maxNotes = 4096
)

// Options are the properties of a [Walker].
type Options struct {
	// Name is the target's: its cursor, detours and links are kept under it. Required.
	Name string
	// Start is where to begin without a cursor. Defaults to FromBeginning.
	Start Beginning
	// Window is how many unsettled changes are held. Defaults to 256.
	Window int
	// Concurrency is how many resources are worked on at once. Defaults to 4.
	Concurrency int
	// Schemas are the tenant's. Required for state targets.
	Schemas Schemas
	// Metrics is told about attempts. Defaults to nobody.
	Metrics Metrics
	// SourceName names a source. Defaults to that of package feed.
	SourceName func(store.Source) string
	// Allowed says whether anything may be sent now, and is asked before anything is (G12): false while the tenant is
	// suspended or on its way out. Defaults to always.
	Allowed func(context.Context) bool
	// Fence is the lease under which the walker runs; what it writes is refused once another node has that. Defaults to none.
	Fence *store.Fence
	// Log takes what an operator should know. Defaults to nothing.
	Log *slog.Logger
}

// Schemas is the schemas of a tenant, which may change while a walker runs.
type Schemas interface {
	// Set returns those in force.
	Set() *schema.Set
	// Document decodes the body of a resource by them.
	Document(row *store.Resource) (schema.Object, error)
}

// Metrics counts attempts. Its labels are bounded: a target's name, an outcome, a reason.
type Metrics interface {
	// Attempt is one call of a target. outcome is "ok", "retry" (it may succeed as it is) or "failed";
	// reason is empty for "ok".
	Attempt(target, outcome, reason string, took time.Duration)
	// Settled is a change that the target has, so long after its commit; of a state target the oldest that a call made true.
	Settled(target string, after time.Duration)
}

type noMetrics struct{}

func (noMetrics) Attempt(string, string, string, time.Duration) {}
func (noMetrics) Settled(string, time.Duration)                 {}

// Walker delivers one tenant's feed to one target. See the package comment.
type Walker struct {
	db     Store
	tenant store.Tenant
	target target.Target
	o      Options
	log    *slog.Logger
	reader *feed.Reader

	heads   chan store.Head
	jobs    chan job
	results chan result
	asks    chan ask
	wake    chan struct{}
	drain   chan struct{} // closed by Stop
	done    chan struct{} // closed when the walker's own goroutine has ended

	cancelWait context.CancelFunc // ends the waiting for changes
	cancelJobs context.CancelFunc // ends the calls that run
	group      sync.WaitGroup
	stopOnce   sync.Once

	mu     sync.Mutex
	status Status

	// What follows belongs to the walker's own goroutine.

	head    store.Head
	walked  store.Seq // the feed has been read up to here
	scanned store.Seq // and looked through for urgent changes up to here
	cursor  store.Seq // durable
	window  []*entry
	held    int // unsettled changes in the window
	lanes   map[store.Num]*lane
	ready   queue
	running int
	retries int // of running: lanes of class retry
	ahead   int // lanes that reach beyond walked
	behind  int // rows behind
	active  int // lanes with a row
	circuit circuit
	notes   map[store.Num]note

	rows      map[store.Num]*store.Detour // not written yet; nil: to be removed
	passing   map[store.Num]store.Seq     // rows ahead, and where the cursor has to be before they go
	links     []*relink                   // not written yet
	flushed   time.Time
	nextDue   time.Time // zero: no row behind waits for a time
	moreDue   bool      // rows may be due
	leftDue   bool      // due rows were left in the store for want of room
	faultWait time.Duration
	faultEnd  time.Time // the store failed: nothing is tried before
	refused   bool      // the last write failed
	draining  bool
	suspended bool // nothing may be sent

	lastReason, lastError string // of the last failure
	random                func() float64
}

// New returns a walker of a target, which must be a [target.Stream] or a [target.State]. Stop closes it.
func New(db Store, tenant store.Tenant, t target.Target, o Options) *Walker {
	if o.Start == "" {
		o.Start = FromBeginning
	}
	if o.Window <= 0 {
		o.Window = defaultWindow
	}
	if o.Concurrency <= 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	if o.Allowed == nil {
		o.Allowed = func(context.Context) bool { return true }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	follow := feed.Options{SourceName: o.SourceName}
	if o.Schemas != nil {
		follow.Schemas = o.Schemas.Set
	}
	return &Walker{
		db: db, tenant: tenant, target: t, o: o,
		log:     o.Log.With("target", o.Name),
		reader:  feed.NewReader(db, tenant, follow),
		heads:   make(chan store.Head, 1),
		jobs:    make(chan job, o.Concurrency),
		results: make(chan result, o.Concurrency),
		asks:    make(chan ask),
		wake:    make(chan struct{}, 1),
		drain:   make(chan struct{}),
		done:    make(chan struct{}),
		lanes:   map[store.Num]*lane{},
		notes:   map[store.Num]note{},
		rows:    map[store.Num]*store.Detour{},
		passing: map[store.Num]store.Seq{},
		circuit: circuit{state: Open},
		random:  rand.Float64,
	}
}

// Start reads or makes the cursor and begins to deliver. ctx bounds the start only; end the walker with Stop.
func (w *Walker) Start(ctx context.Context) error {
	if err := w.load(ctx); err != nil {
		return fmt.Errorf("start target %s: %w", w.o.Name, err)
	}
	background := context.WithoutCancel(ctx)
	var waiting, working context.Context
	waiting, w.cancelWait = context.WithCancel(background)
	working, w.cancelJobs = context.WithCancel(background)
	w.group.Go(func() { w.follow(waiting) })
	for range w.o.Concurrency {
		w.group.Go(func() { w.work(working) })
	}
	w.group.Go(func() {
		defer close(w.done)
		defer close(w.jobs)
		w.walk(background)
	})
	return nil
}

// load reads what the last run left.
func (w *Walker) load(ctx context.Context) error {
	head, err := w.db.Head(ctx, w.tenant)
	if err != nil {
		return err
	}
	cursor, err := w.db.Cursor(ctx, w.tenant, w.o.Name)
	if errors.Is(err, store.ErrNotFound) {
		cursor = store.Cursor{Target: w.o.Name}
		if w.o.Start == FromNow {
			cursor.Seq = head.Seq
		}
		err = w.write(ctx, &store.Rows{Cursors: []store.Cursor{cursor}})
	}
	if err != nil {
		return err
	}
	if cursor.Seq > head.Seq {
		return fmt.Errorf("the cursor is at %d but the feed ends at %d: they are not of one database", cursor.Seq, head.Seq)
	}
	if w.behind, err = w.db.CountDetours(ctx, w.tenant, w.o.Name); err != nil {
		return err
	}
	w.head, w.cursor, w.walked, w.scanned = head, cursor.Seq, cursor.Seq, cursor.Seq
	w.moreDue = w.behind > 0
	w.circuit.since = time.Now()
	w.publish()
	return nil
}

// Stop ends the walker: nothing new is begun, what runs may end until ctx does and is cut off then. It writes
// the cursor, waits for every goroutine and closes the target. It may be called again.
func (w *Walker) Stop(ctx context.Context) error {
	if w.cancelWait == nil {
		return w.target.Close() // never started
	}
	var err error
	w.stopOnce.Do(func() {
		w.cancelWait()
		close(w.drain)
		select {
		case <-w.done:
		case <-ctx.Done():
			w.cancelJobs()
		}
		<-w.done
		w.cancelJobs()
		w.group.Wait()
		err = w.target.Close()
	})
	return err
}

// Wake makes the walker look again at what the guard held.
func (w *Walker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// woken has the rows of what was held tried at once: the decision has altered those that are stored.
func (w *Walker) woken() {
	for _, row := range w.rows {
		if row != nil && row.Reason == reasonHeld {
			row.Next = time.Now()
		}
	}
	w.moreDue = true
}

// follow tells the walker about the head as it moves.
func (w *Walker) follow(ctx context.Context) {
	after := w.head.Seq
	for {
		err := w.db.Wait(ctx, w.tenant, after)
		var head store.Head
		if err == nil {
			head, err = w.db.Head(ctx, w.tenant)
		}
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return
		}
		if err != nil {
			w.log.LogAttrs(ctx, slog.LevelWarn, "the feed cannot be followed", slog.Any("err", err))
			pause := time.NewTimer(time.Second)
			select {
			case <-pause.C:
			case <-ctx.Done():
				pause.Stop()
				return
			}
			continue
		}
		after = head.Seq
		select {
		case <-w.heads: // replaced by the newer one
		default:
		}
		w.heads <- head
	}
}

// walk is the walker's own goroutine: all decisions are made here, one after another, and nothing here
// waits for a target.
func (w *Walker) walk(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	drain := w.drain
	for {
		if now := time.Now(); !now.Before(w.faultEnd) {
			if err := w.step(ctx, now); err != nil {
				w.fault(ctx, err)
			}
		}
		w.publish()
		if w.draining && w.running == 0 && w.ended(ctx) {
			return
		}
		timer.Reset(max(time.Until(w.alarm()), 0))
		select {
		case h := <-w.heads:
			w.head = h
		case r := <-w.results:
			w.finish(ctx, r)
		case a := <-w.asks:
			a.on(ctx, w)
		case <-w.wake:
			w.woken()
		case <-timer.C:
		case <-drain:
			w.draining, drain = true, nil
		}
	}
}

// step writes what is due to be written, then goes on: not before, so that a store that refuses
// writes stops delivery instead of making it repeat everything after the next restart.
func (w *Walker) step(ctx context.Context, now time.Time) error {
	if w.dirtyRows() && (len(w.links) > 0 || w.refused || now.Sub(w.flushed) >= flushEvery) {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	if w.suspended = !w.draining && !w.o.Allowed(ctx); w.draining || w.suspended {
		return nil
	}
	if err := w.advance(ctx, now); err != nil {
		return err
	}
	w.faultWait = 0
	return nil
}

// advance takes in what is new and gives out what is ready.
func (w *Walker) advance(ctx context.Context, now time.Time) error {
	w.dispatch(now)
	if err := w.fill(ctx); err != nil {
		return err
	}
	if err := w.scan(ctx); err != nil {
		return err
	}
	if w.moreDue || !w.nextDue.IsZero() && !now.Before(w.nextDue) {
		if err := w.loadDue(ctx, now); err != nil {
			return err
		}
	}
	w.dispatch(now)
	w.detourSlow(now)
	return nil
}

// alarm is when the walker has to look again although nothing happens.
func (w *Walker) alarm() time.Time {
	now := time.Now()
	next := now.Add(time.Minute)
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if now.Before(w.faultEnd) {
		return w.faultEnd
	}
	if w.dirtyRows() {
		sooner(w.flushed.Add(flushEvery))
	}
	if w.draining {
		return next
	}
	if w.suspended {
		return now.Add(askAgain)
	}
	if !w.nextDue.IsZero() {
		sooner(w.nextDue)
	}
	if w.circuit.state != Open && w.circuit.state != Disabled && !w.circuit.probing && w.hasReady() {
		sooner(w.circuit.until)
	}
	if l := w.front(); l != nil && l.running && l.row == nil && len(w.window) > 1 {
		sooner(l.started.Add(slow))
	}
	return next
}

// fault notes that the store does not work. Everything is kept and tried again.
func (w *Walker) fault(ctx context.Context, err error) {
	if w.faultWait == 0 {
		w.log.LogAttrs(ctx, slog.LevelWarn, "delivery waits for the store", slog.Any("err", err))
	}
	w.faultWait = min(max(2*w.faultWait, 100*time.Millisecond), 5*time.Second)
	w.faultEnd = time.Now().Add(jitter(w.faultWait, w.random()))
	for _, l := range w.links {
		l.reply <- err
	}
	w.links = nil
}

// ended writes what is left and reports whether the walker may end.
func (w *Walker) ended(ctx context.Context) bool {
	if w.dirtyRows() {
		if err := w.flush(ctx); err != nil {
			// The next start repeats what could not be written.
			w.log.LogAttrs(ctx, slog.LevelWarn, "the last cursor was not written", slog.Any("err", err))
		}
	}
	return true
}
