package directory

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/server"
)

// Do carries out a slice of a bulk request: server.Service.Do. The operations go into the store's queue
// together and in order, so that they share commits with each other and with everybody's writes.
//
// None overtakes another. An operation whose decision misses a key (see write.go) holds up those
// behind it: they are decided for what they miss themselves, but their result is thrown away, and all
// are asked again. So each sees what those before it did, as if they had been sent one by one.
//
// What has begun is carried out even if ctx ends: a slice is short, and half of one would have
// to be explained. A fault of the database, which is no decision, is not known to those behind in the slice.
func (d *Directory) Do(ctx context.Context, c Caller, ops []server.Op) []server.Result {
	ctx = context.WithoutCancel(ctx)
	results := make([]server.Result, len(ops))
	open := make([]*step, len(ops))
	for i := range ops {
		open[i] = d.newStep(ctx, c, &ops[i])
		open[i].result = &results[i]
	}
	for tries := 0; len(open) > 0; {
		first := open[0]
		if tries++; tries > rounds {
			first.plan = refusal(unsettled())
		}
		if open = d.round(ctx, c, open); len(open) > 0 && open[0] != first {
			tries = 0
		}
	}
	return results
}

// step is one operation of a slice on its way.
type step struct {
	*plan
	op     *server.Op
	load   load
	missed load // by the last run of the decision
	waits  bool // it or one before it missed keys
	result *server.Result
}

func (d *Directory) newStep(ctx context.Context, c Caller, op *server.Op) *step {
	p, err := d.plan(ctx, c, op)
	if err != nil {
		p = refusal(err)
	}
	return &step{plan: p, op: op, load: load{Keys: p.keys, heavy: p.big}}
}

// plan makes of an operation what is to be decided.
func (d *Directory) plan(ctx context.Context, c Caller, op *server.Op) (*plan, error) {
	s := &resources{Caller: c, d: d, kind: d.kind(op.Type)}
	switch {
	case s.kind == nil:
		return nil, errors.New("an operation on resources of the unknown type " + op.Type)
	case op.Create != nil:
		return s.planCreate(ctx, op.Create, op.Dialect, op.Promised)
	case op.Edit != nil:
		return s.planUpdate(ctx, op.ID, op.Edit, op.Promised)
	case op.Delete != nil:
		return s.planDelete(ctx, op.ID, *op.Delete), nil
	}
	return nil, errors.New("an operation that does nothing")
}

// refusal is a plan that ends with an error. It takes its turn as others do, because those
// before it may end the request first.
func refusal(err error) *plan {
	return &plan{decide: func(*view) (*store.Rows, error) { return nil, err }}
}

// round lets all open steps decide once and returns those that have to do so again.
func (d *Directory) round(ctx context.Context, c Caller, open []*step) []*step {
	ops := make([]*store.Op, len(open))
	for i, s := range open {
		s.waits, s.missed = false, load{}
		ops[i] = &store.Op{Source: c.Source, Gen: d.schemas.Gen, Load: s.load.Keys, Heavy: s.load.heavy, Decide: func(v store.View) (*store.Rows, error) {
			return s.run(v, slices.ContainsFunc(open[:i], func(before *step) bool { return before.waits }))
		}}
	}
	var again []*step
	for i, err := range d.store.WriteAll(ctx, c.Tenant, ops) {
		s := open[i]
		if errors.Is(err, errMissed) {
			s.load = s.load.with(s.missed, d.opts.MaxEdges)
			again = append(again, s)
			continue
		}
		s.end(ctx, d, c, translate(err))
	}
	return again
}

// run is the decision of a step.
func (s *step) run(loaded store.View, behind bool) (*store.Rows, error) {
	if !behind && s.op.Proceed != nil {
		if err := s.op.Proceed(); err != nil {
			return nil, s.decided(err)
		}
	}
	v := &view{View: loaded, load: &s.load}
	rows, err := s.decide(v)
	s.missed = v.missed
	if s.waits = behind || !v.missed.empty(); s.waits {
		return nil, errMissed
	}
	return rows, s.decided(err)
}

func (s *step) decided(err error) error {
	s.waits = false
	if s.op.Decided != nil {
		s.op.Decided(err)
	}
	return err
}

// end notes what became of a step.
func (s *step) end(ctx context.Context, d *Directory, c Caller, err error) {
	if err != nil {
		s.result.Err = err
		return
	}
	row := s.out.row
	if row == nil {
		return
	}
	s.result.Resource = &server.Resource{ID: row.ID, Version: version(row), Created: row.Created, Modified: row.Modified}
	s.out.warn(ctx, d.opts.Log, c)
}

// warn tells the log what was coped with.
func (o *outcome) warn(ctx context.Context, log *slog.Logger, c Caller) {
	if o.unknown > 0 {
		log.LogAttrs(ctx, slog.LevelWarn, "unknown members remembered",
			slog.Int64("tenant", int64(c.Tenant)), slog.String("resource", o.row.ID), slog.Int("members", o.unknown))
	}
}
