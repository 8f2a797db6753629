package client

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Feature is something that a server may know or not know.
type Feature string

// The features that the client can do without.
const (
	FeaturePatch  Feature = "patch"  // PATCH; else PUT
	FeatureBulk   Feature = "bulk"   // POST /Bulk; else one request for each operation
	FeatureSearch Feature = "search" // POST /.search; else GET
	FeatureCursor Feature = "cursor" // cursor paging; else by index
)

// believed is how long it is believed what a peer has said, or shown, that it cannot do: it may learn.
const believed = time.Hour

// peer is what was learned about the server.
type peer struct {
	mu      sync.Mutex // guards what follows
	config  Config
	read    time.Time               // when config was read; zero: never
	refused map[Feature]time.Time   // what was refused, and when
	types   map[string]ResourceType // by the name in small letters; nil: not read
	bulk    int                     // operations of a bulk request that were not too many; 0: as the configuration says
}

// Can reports whether it is worth trying a feature: what the server has shown counts, then what it has said, as far as
// [Client.Config] was read within the last hour. Where nothing is known, it is worth trying.
func (c *Client) Can(f Feature) bool {
	c.peer.mu.Lock()
	defer c.peer.mu.Unlock()
	now := c.o.Now()
	if at, ok := c.peer.refused[f]; ok {
		if now.Sub(at) < believed {
			return false
		}
		delete(c.peer.refused, f)
	}
	if c.peer.read.IsZero() || now.Sub(c.peer.read) >= believed || !c.peer.config.Known {
		return true
	}
	switch f {
	case FeaturePatch:
		return c.peer.config.Patch
	case FeatureBulk:
		return c.peer.config.Bulk
	case FeatureCursor:
		return c.peer.config.Cursor
	case FeatureSearch: // nobody says
	}
	return true
}

// learn takes in whether a feature was refused.
func (c *Client) learn(f Feature, err error) {
	if errors.Is(err, ErrUnsupported) {
		c.refuse(f)
	}
}

// refuse takes in that a feature was refused.
func (c *Client) refuse(f Feature) {
	c.peer.mu.Lock()
	defer c.peer.mu.Unlock()
	if c.peer.refused == nil {
		c.peer.refused = make(map[Feature]time.Time)
	}
	c.peer.refused[f] = c.o.Now()
}

// configuration returns the configuration, read within the last hour or now. Any error is that of a peer
// of which nothing is known.
func (c *Client) configuration(ctx context.Context) Config {
	c.peer.mu.Lock()
	config, at := c.peer.config, c.peer.read
	c.peer.mu.Unlock()
	if !at.IsZero() && c.o.Now().Sub(at) < believed {
		return config
	}
	config, err := c.Config(ctx)
	if err != nil {
		c.remember(config) // not with every call
	}
	return config
}

// remember keeps a configuration.
func (c *Client) remember(config Config) {
	c.peer.mu.Lock()
	defer c.peer.mu.Unlock()
	c.peer.config, c.peer.read = config, c.o.Now()
}
