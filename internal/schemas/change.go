package schemas

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// attempts is how often a change looks again at what was written while it was decided, before it makes writers wait.
// Each look is shorter than the one before.
const attempts = 5

// Mode says how far a change goes.
type Mode struct {
	DryRun bool // only say what would be
	Force  bool // ignore values that stand against it
}

// Result is what a change comes to.
type Result struct {
	Generation int      // in force afterwards
	Changes    []string // what is different, a line each; none: nothing
	Indexing   []string // attributes whose index is made in the background
}

// Add adds definitions to those of a tenant, or replaces those with the same URIs and names. An error that is no
// *RefusedError says what is wrong with the definitions.
func (r *Registry) Add(ctx context.Context, t store.Tenant, defs *schema.Definitions, m Mode) (*Result, error) {
	return r.change(ctx, t, m, func(d *schema.Definitions) error {
		if err := merge(d, defs); err != nil {
			return err
		}
		return checkIDs(defs, d)
	})
}

// Remove takes schemas away, by their URIs: extensions from all types, and the resource types whose schema they are.
func (r *Registry) Remove(ctx context.Context, t store.Tenant, urns []string, m Mode) (*Result, error) {
	return r.change(ctx, t, m, func(d *schema.Definitions) error { return remove(d, urns) })
}

func (r *Registry) change(ctx context.Context, number store.Tenant, m Mode, edit func(*schema.Definitions) error) (*Result, error) {
	t, err := r.tenant(ctx, number)
	if err != nil {
		return nil, err
	}
	t.changes.Lock()
	defer t.changes.Unlock()
	cur := t.now.Load()
	defs, _, err := schema.Load(cur.defs.JSON())
	if err != nil {
		return nil, fmt.Errorf("copy the definitions in force: %w", err)
	}
	if err := edit(defs); err != nil {
		return nil, err
	}
	if string(defs.JSON()) == string(cur.defs.JSON()) {
		return &Result{Generation: cur.number}, nil
	}
	c := &change{Registry: r, t: t, cur: cur, mode: m, next: &generation{number: cur.number + 1, at: r.opts.Now().UTC(), defs: defs}}
	return c.run(ctx)
}

// change is one change of a tenant's definitions.
type change struct {
	*Registry
	t         *tenant
	cur, next *generation
	mode      Mode
	list      []*difference
}

func (c *change) run(ctx context.Context) (*Result, error) {
	set, err := newSet(c.next.defs)
	if err != nil {
		return nil, err
	}
	old, err := newSet(c.cur.defs) // with the indexes that are still being made
	if err != nil {
		return nil, err
	}
	c.list = compare(old, set, c.cur.dropped)

	head, err := c.store.Head(ctx, c.t.number)
	if err != nil {
		return nil, fmt.Errorf("read the head of the feed: %w", err)
	}
	seen := head.Seq
	scan := newScan(c.store, c.t.number, c.cur.dir, set, c.list)
	if err := scan.all(ctx); err != nil {
		return nil, err
	}
	if err := refusal(c.list, c.mode.Force); err != nil {
		return nil, err
	}
	if err := c.complete(); err != nil {
		return nil, err
	}
	result := c.result()
	if c.mode.DryRun {
		result.Generation = c.cur.number
		return result, nil
	}
	if err := c.settle(ctx, scan, seen); err != nil {
		return nil, err
	}
	result.Generation = c.next.number
	c.opts.Log.InfoContext(ctx, "schemas changed", "tenant", int64(c.t.number), "generation", c.next.number, "changes", len(result.Changes))
	if err := c.claim(ctx); err != nil {
		return nil, err
	}
	c.poke()
	return result, nil
}

// settle commits the change once nobody has written what it would not have allowed. On a hub that is busy all the time
// it fences.
func (c *change) settle(ctx context.Context, scan *scan, seen store.Seq) error {
	for range attempts {
		err := c.commit(ctx, &seen)
		if !errors.Is(err, store.ErrMoved) {
			return err
		}
		if seen, err = scan.since(ctx, seen); err != nil {
			return err
		}
		if err := refusal(c.list, c.mode.Force); err != nil {
			return err
		}
	}
	return c.fence(ctx, scan, seen)
}

// fence keeps everybody from writing for as long as the last look takes: it puts a generation with the old definitions
// into force of which only this change knows, so that the writes of all others are refused (503, try again).
func (c *change) fence(ctx context.Context, scan *scan, seen store.Seq) (err error) {
	ctx = context.WithoutCancel(ctx) // nobody may go away in between
	body, err := c.cur.encode()
	if err != nil {
		return fmt.Errorf("write definitions: %w", err)
	}
	fenced := *c.cur
	fenced.number, fenced.at = c.cur.number+1, c.next.at
	if err := fenced.build(c.cur.dir); err != nil {
		return err
	}
	if err := c.write(ctx, &store.NewSchema{Schema: store.Schema{Gen: fenced.number, At: fenced.at, Body: body, Work: fenced.work}}); err != nil {
		return err
	}
	c.cur = &fenced
	defer func() {
		if err != nil && c.t.now.Load().number < fenced.number {
			c.t.now.Store(&fenced)
		}
	}()
	c.next.number++
	if err := c.next.build(c.cur.dir); err != nil {
		return err
	}
	if _, err := scan.since(ctx, seen); err != nil {
		return err
	}
	if err := refusal(c.list, c.mode.Force); err != nil {
		return err
	}
	return c.commit(ctx, nil)
}

// complete fills in what follows from the differences, and builds the generation.
func (c *change) complete() error {
	c.next.dropped = slices.Clone(c.cur.dropped)
	c.next.work = slices.Clone(c.cur.work) // what is gone is left out below
	for _, d := range c.list {
		// With force nobody looks again at what is written meanwhile: it may have values of it too.
		if d.drop != nil && (d.count > 0 || c.mode.Force) {
			d.drop.Before = c.next.number
			c.next.dropped = append(c.next.dropped, *d.drop)
		}
		if d.work != nil && !slices.Contains(c.next.work, *d.work) {
			c.next.work = append(c.next.work, *d.work)
		}
	}
	set, err := newSet(c.next.defs)
	if err != nil {
		return err
	}
	c.next.work = slices.DeleteFunc(c.next.work, func(w store.Work) bool {
		p, ok := find(set, w)
		return !ok || w.Unique && !unique(p.Leaf()) || !w.Unique && !p.Leaf().Indexed
	})
	return c.next.build(c.cur.dir)
}

func (c *change) result() *Result {
	r := &Result{Generation: c.next.number}
	for _, d := range c.list {
		text := d.text
		if d.count > 0 {
			text += fmt.Sprintf("; there %s %s: %s", resources(d.count), d.why, d.force)
		}
		if text != "" && !slices.Contains(r.Changes, text) {
			r.Changes = append(r.Changes, text)
		}
	}
	if len(r.Changes) == 0 {
		r.Changes = []string{"definitions that no resource type uses"}
	}
	for _, w := range c.next.work {
		if !w.Unique {
			r.Indexing = append(r.Indexing, w.Attr)
		}
	}
	return r
}

// commit writes the generation and puts it into force, unless resources were changed after seen, which nobody has
// looked at.
func (c *change) commit(ctx context.Context, seen *store.Seq) error {
	body, err := c.next.encode()
	if err != nil {
		return fmt.Errorf("write definitions: %w", err)
	}
	s := &store.NewSchema{Schema: store.Schema{Gen: c.next.number, At: c.next.at, Body: body, Work: c.next.work}}
	for _, d := range c.list {
		if d.free != "" {
			s.Free = append(s.Free, d.free)
		}
		if d.against != nil && (!c.mode.Force || d.force == "") {
			s.If = seen
		}
	}
	if err := c.write(ctx, s, c.act()); err != nil {
		return err
	}
	c.t.now.Store(c.next)
	return nil
}

// maxActed bounds the differences that the record of a change of schemas spells out.
const maxActed = 20

// act is the record of the change.
func (c *change) act() *store.Act {
	a := &store.Act{
		At: c.next.at, Action: "schema.update", Result: "ok", Actor: store.Operator, Type: "Schema",
		Details: []store.Detail{{Name: "generation", Value: strconv.Itoa(c.next.number)}, {Name: "differences", Value: strconv.Itoa(len(c.list))}},
	}
	for i, d := range c.list[:min(len(c.list), maxActed)] {
		a.Details = append(a.Details, store.Detail{Name: "difference" + strconv.Itoa(i+1), Value: d.text})
	}
	return a
}

// write writes a generation, and the record of it unless it is only a fence.
func (c *change) write(ctx context.Context, s *store.NewSchema, acts ...*store.Act) error {
	// Whoever asked may go away: what was written has to be in force.
	err := c.store.Write(context.WithoutCancel(ctx), c.t.number, &store.Op{
		Source: store.DefaultSource, Heavy: true, Gen: c.cur.number,
		Decide: func(store.View) (*store.Rows, error) { return &store.Rows{Schema: s, Audit: acts}, nil },
	})
	if err == nil {
		return nil
	}
	if !errors.Is(err, store.ErrMoved) {
		// A commit that failed may have come about: what the database has counts.
		if g, readErr := c.read(context.WithoutCancel(ctx), c.t.number); readErr == nil {
			c.t.now.Store(g)
		}
	}
	return fmt.Errorf("write generation %d of the schemas: %w", s.Gen, err)
}

// claim makes the values of attributes that become unique so, before the change is acknowledged.
func (c *change) claim(ctx context.Context) error {
	return c.work(context.WithoutCancel(ctx), c.t, isUnique)
}

// merge adds definitions to others. A schema or type that is there is replaced; what extends a type is added to what
// extended it before.
func merge(d, more *schema.Definitions) error {
	var errs []error
	for _, s := range more.Schemas {
		i := slices.IndexFunc(d.Schemas, func(o *schema.Schema) bool { return strings.EqualFold(o.ID, s.ID) })
		switch {
		case i < 0:
			d.Schemas = append(d.Schemas, s.Clone())
		case d.Schemas[i].ID != s.ID:
			errs = append(errs, fmt.Errorf("schema %s is there as %s; write it alike", s.ID, d.Schemas[i].ID))
		default:
			d.Schemas[i] = s.Clone()
		}
	}
	for _, t := range more.Types {
		i := slices.IndexFunc(d.Types, func(o schema.TypeDefinition) bool { return o.Name == t.Name && extends(o) == extends(t) })
		switch {
		case i < 0:
			t.Extensions = slices.Clone(t.Extensions)
			d.Types = append(d.Types, t)
		case extends(t):
			d.Types[i].Extensions = mergeExtensions(d.Types[i].Extensions, t.Extensions)
		default:
			t.Extensions = slices.Clone(t.Extensions)
			d.Types[i] = t
		}
	}
	return errors.Join(errs...)
}

// extends reports whether a definition adds to a type that is defined elsewhere.
func extends(t schema.TypeDefinition) bool { return t.Schema == "" && t.Endpoint == "" }

func mergeExtensions(list, more []schema.ExtensionDefinition) []schema.ExtensionDefinition {
	for _, e := range more {
		i := slices.IndexFunc(list, func(o schema.ExtensionDefinition) bool { return strings.EqualFold(o.Schema, e.Schema) })
		if i < 0 {
			list = append(list, e)
		} else {
			list[i].Required = e.Required
		}
	}
	return list
}

// remove takes schemas away, and what is nothing without them.
func remove(d *schema.Definitions, urns []string) error {
	var errs []error
	for _, urn := range urns {
		named := func(id string) bool { return strings.EqualFold(id, urn) }
		before := len(d.Schemas)
		d.Schemas = slices.DeleteFunc(d.Schemas, func(s *schema.Schema) bool { return named(s.ID) })
		if len(d.Schemas) == before {
			errs = append(errs, fmt.Errorf("schema %s is not one that was added: see \"muster schema list\"", urn))
			continue
		}
		d.Types = slices.DeleteFunc(d.Types, func(t schema.TypeDefinition) bool { return named(t.Schema) })
		for i := range d.Types {
			t := &d.Types[i]
			t.Extensions = slices.DeleteFunc(t.Extensions, func(e schema.ExtensionDefinition) bool { return named(e.Schema) })
		}
	}
	d.Types = slices.DeleteFunc(d.Types, func(t schema.TypeDefinition) bool { return extends(t) && len(t.Extensions) == 0 })
	// What only extended a type that has gone goes with it.
	d.Types = slices.DeleteFunc(d.Types, func(t schema.TypeDefinition) bool {
		builtIn := t.Name == store.TypeUser || t.Name == store.TypeGroup
		return extends(t) && !builtIn && !slices.ContainsFunc(d.Types, func(o schema.TypeDefinition) bool { return o.Name == t.Name && !extends(o) })
	})
	return errors.Join(errs...)
}

func (r *Registry) poke() {
	select {
	case r.wake <- struct{}{}:
	default: // it is awake
	}
}

// withdraw makes an attribute that cannot be unique one that is not, in a generation of its own.
func (r *Registry) withdraw(ctx context.Context, t *tenant, w store.Work, because error) error {
	cur := t.now.Load()
	defs, _, err := schema.Load(cur.defs.JSON())
	if err != nil {
		return fmt.Errorf("copy the definitions in force: %w", err)
	}
	p, ok := find(cur.dir.Set(), w)
	if !ok {
		return because
	}
	for _, s := range defs.Schemas {
		if a := definitionOf(s, cur.dir.Set().Type(w.Type), p); a != nil {
			a.Uniqueness = schema.UniqueNone
		}
	}
	c := &change{Registry: r, t: t, cur: cur, next: &generation{number: cur.number + 1, at: r.opts.Now().UTC(), defs: defs}, mode: Mode{Force: true}}
	if _, err := c.run(ctx); err != nil {
		return errors.Join(because, fmt.Errorf("take uniqueness of %s back: %w", w.Attr, err))
	}
	r.opts.Log.LogAttrs(ctx, slog.LevelError, "attribute is not unique: resources share a value",
		slog.Int64("tenant", int64(t.number)), slog.String("attribute", w.Attr), slog.Any("err", because))
	return because
}

// definitionOf returns the definition of a path of a type in a schema, or nil if it is in another schema.
func definitionOf(s *schema.Schema, t *schema.ResourceType, p schema.Path) *schema.Attribute {
	in := t.Schema
	if p.Extension != nil {
		in = p.Extension
	}
	if s.ID != in.ID {
		return nil
	}
	list, found := s.Attributes, (*schema.Attribute)(nil)
	for _, a := range []*schema.Attribute{p.Attr, p.Sub} {
		if a == nil {
			break
		}
		i := slices.IndexFunc(list, func(o *schema.Attribute) bool { return o.Name == a.Name })
		if i < 0 {
			return nil
		}
		found, list = list[i], list[i].SubAttributes
	}
	return found
}
