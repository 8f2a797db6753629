package webhook

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/scim/schema"
)

// maxBody is the size from which on a message goes without its resource (WH-03).
const maxBody = 20_000

// timeFormat has milliseconds always, which is what the store keeps.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// payload is the body of a message.
type payload struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      data   `json:"data"`
}

type data struct {
	Tenant       string         `json:"tenant,omitzero"`
	Position     string         `json:"position"`
	Sequence     int64          `json:"sequence"`
	ResourceType string         `json:"resourceType"`
	ID           string         `json:"id"`
	Person       string         `json:"person,omitzero"`
	ExternalID   string         `json:"externalId,omitzero"`
	Version      int64          `json:"version"`
	Changed      []string       `json:"changed,omitempty"`
	Member       *member        `json:"member,omitzero"`
	Location     string         `json:"location,omitzero"`
	Resource     jsontext.Value `json:"resource,omitzero"`
	Truncated    bool           `json:"truncated,omitzero"`
	Source       string         `json:"source,omitzero"`
	RequestID    string         `json:"requestId,omitzero"`
}

type member struct {
	ID   string `json:"id"`
	Type string `json:"type,omitzero"`
}

// meta is the common attribute of RFC 7643 §3.1, as far as a change knows it.
type meta struct {
	ResourceType string `json:"resourceType"`
	LastModified string `json:"lastModified"`
	Location     string `json:"location,omitzero"`
	Version      string `json:"version"`
}

// messages makes the bodies of a webhook's messages.
type messages struct {
	tenant, base string
	schemas      func() *schema.Set
}

// message is what the events of one change have in common.
type message struct {
	timestamp string
	data      data
	changed   []string
}

func (m *messages) of(c *feed.Change) (*message, error) {
	changed, err := c.Changed()
	if err != nil {
		return nil, err
	}
	msg := &message{timestamp: c.At.UTC().Format(timeFormat), changed: changed, data: data{
		Tenant: m.tenant, Position: c.Position.String(), Sequence: int64(c.Position.Seq),
		ResourceType: c.ResourceType, ID: c.ID, Version: c.Version, Source: c.Source, RequestID: c.RequestID,
	}}
	if c.Person != c.ID {
		msg.data.Person = c.Person
	}
	doc := c.After
	if doc == nil {
		doc = c.Before // a deletion still says who it was
	}
	var known struct {
		ExternalID string `json:"externalId"`
	}
	if doc != nil {
		if err := json.Unmarshal(doc, &known); err != nil {
			return nil, fmt.Errorf("read the document of change %s: %w", c.Position, err)
		}
		msg.data.ExternalID = known.ExternalID
	}
	if c.After == nil {
		return msg, nil
	}
	if t := m.schemas().Type(c.ResourceType); t != nil {
		msg.data.Location = m.base + t.Endpoint + "/" + c.ID
	}
	if msg.data.Resource, err = resource(c, msg.data.Location, msg.timestamp); err != nil {
		return nil, fmt.Errorf("complete the document of change %s: %w", c.Position, err)
	}
	return msg, nil
}

// body returns the body of one event's message.
func (m *message) body(e feed.Event) ([]byte, error) {
	p := payload{Type: e.Type, Timestamp: m.timestamp, Data: m.data}
	if e.Member != nil {
		p.Data.Member = &member{ID: e.Member.ID, Type: e.Member.Type}
	} else {
		p.Data.Changed = m.changed
	}
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("write event %s: %w", e.ID, err)
	}
	if len(body) < maxBody {
		return body, nil
	}
	p.Data.Resource, p.Data.Truncated = nil, true
	if body, err = json.Marshal(p); err != nil {
		return nil, fmt.Errorf("write event %s: %w", e.ID, err)
	}
	return body, nil
}

// resource adds id and meta to the document after a change, which has neither.
func resource(c *feed.Change, location, modified string) (jsontext.Value, error) {
	doc := c.After
	if doc.Kind() != '{' || len(doc) < 2 {
		return nil, fmt.Errorf("the document is no object")
	}
	m, err := json.Marshal(meta{
		ResourceType: c.ResourceType, LastModified: modified, Location: location,
		Version: `W/"` + strconv.FormatInt(c.Version, 10) + `"`,
	})
	if err != nil {
		return nil, err
	}
	id, err := json.Marshal(c.ID)
	if err != nil {
		return nil, err
	}
	out := make(jsontext.Value, 0, len(doc)+len(id)+len(m)+32)
	out = append(out, doc[:len(doc)-1]...)
	if len(doc) > 2 { // canonical JSON: an empty object is {}
		out = append(out, ',')
	}
	out = append(out, `"id":`...)
	out = append(out, id...)
	out = append(out, `,"meta":`...)
	out = append(out, m...)
	return append(out, '}'), nil
}
