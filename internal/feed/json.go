package feed

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var _ json.MarshalerTo = (*Change)(nil)

// MarshalJSONTo writes the change as `muster changes --json` and the admin API show it:
//
//	{"position": "1-42", "seq": 42, "at": "…", "resourceType": "User", "id": "…", "person": "…", "kind": "updated",
//	 "version": 3, "events": [{"id": "…", "type": "group.member_added", "member": {"id": "…", "type": "User"}}],
//	 "changed": ["active"], "before": {…}, "after": {…}, "source": "default", "actor": "…", "requestId": "…"}
//
// What is empty is left out, and so is person where it is the id. Events are written one by one.
func (c *Change) MarshalJSONTo(e *jsontext.Encoder) error {
	changed, err := c.Changed()
	if err != nil {
		return err
	}
	w := writer{e: e}
	w.token(jsontext.BeginObject)
	w.text("position", c.Position.String())
	w.number("seq", int64(c.Position.Seq))
	w.text("at", c.At.UTC().Format(time.RFC3339Nano))
	w.text("resourceType", c.ResourceType)
	w.text("id", c.ID)
	if c.Person != c.ID {
		w.text("person", c.Person)
	}
	w.text("kind", string(c.Kind))
	w.number("version", c.Version)
	w.token(jsontext.String("events"))
	w.token(jsontext.BeginArray)
	for event := range c.Events() {
		w.event(event)
	}
	w.token(jsontext.EndArray)
	if len(changed) > 0 {
		w.token(jsontext.String("changed"))
		w.token(jsontext.BeginArray)
		for _, name := range changed {
			w.token(jsontext.String(name))
		}
		w.token(jsontext.EndArray)
	}
	w.value("before", c.Before)
	w.value("after", c.After)
	w.text("source", c.Source)
	w.text("actor", c.Actor)
	w.text("requestId", c.RequestID)
	if c.Hold != 0 {
		w.token(jsontext.String("hold"))
		w.token(jsontext.BeginObject)
		w.token(jsontext.String("id"))
		w.token(jsontext.Int(c.Hold))
		w.text("state", c.HoldState)
		w.token(jsontext.EndObject)
	}
	w.token(jsontext.EndObject)
	if w.err != nil {
		return fmt.Errorf("write change %s: %w", c.Position, w.err)
	}
	return nil
}

// writer writes members of an object until the first error.
type writer struct {
	e   *jsontext.Encoder
	err error
}

func (w *writer) token(t jsontext.Token) {
	if w.err == nil {
		w.err = w.e.WriteToken(t)
	}
}

func (w *writer) text(name, value string) {
	if value == "" {
		return
	}
	w.token(jsontext.String(name))
	w.token(jsontext.String(value))
}

func (w *writer) number(name string, value int64) {
	w.token(jsontext.String(name))
	w.token(jsontext.Int(value))
}

func (w *writer) value(name string, value jsontext.Value) {
	if value == nil {
		return
	}
	w.token(jsontext.String(name))
	if w.err == nil {
		w.err = w.e.WriteValue(value)
	}
}

func (w *writer) event(e Event) {
	w.token(jsontext.BeginObject)
	w.text("id", e.ID)
	w.text("type", e.Type)
	if e.Member != nil {
		w.token(jsontext.String("member"))
		w.token(jsontext.BeginObject)
		w.text("id", e.Member.ID)
		w.text("type", e.Member.Type)
		w.token(jsontext.EndObject)
	}
	w.token(jsontext.EndObject)
}
