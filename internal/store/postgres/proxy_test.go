package postgres

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muster-id/muster/internal/assert"
)

// proxy stands between a store and its server and breaks connections.
type proxy struct {
	listener net.Listener
	socket   string
	wait     sync.WaitGroup

	// cut says what happens to the connection that sends the next COMMIT.
	cut atomic.Int32
}

const (
	cutNothing   int32 = iota
	cutBefore          // the server never sees the COMMIT
	cutAfter           // the server commits, its answer is lost
	cutAtAnyTime       // who is faster decides
)

// through returns a proxy and the URL that leads through it.
func through(t *testing.T, server string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(server)
	assert.NoError(t, err)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	p := &proxy{listener: l, socket: u.Query().Get("host") + "/.s.PGSQL.5432"}
	p.wait.Go(p.run)
	t.Cleanup(func() {
		_ = l.Close()
		p.wait.Wait()
	})
	u.Host = l.Addr().String()
	// With this mode the text of a statement travels with every use of it.
	u.RawQuery = "sslmode=disable&default_query_exec_mode=exec"
	return p, u.String()
}

func (p *proxy) run() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := (&net.Dialer{}).Dial("unix", p.socket)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.wait.Go(func() { p.serve(client, server) })
	}
}

func (p *proxy) serve(client, server net.Conn) {
	var deaf atomic.Bool // the client hears nothing any more
	done := make(chan struct{})
	p.wait.Go(func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, err := server.Read(buf)
			if err != nil || deaf.Load() {
				break
			}
			if _, err := client.Write(buf[:n]); err != nil {
				break
			}
		}
		_ = client.Close()
		_ = server.Close()
	})
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			break
		}
		if mode := p.cut.Load(); mode != cutNothing && bytes.Contains(buf[:n], []byte("COMMIT\x00")) && p.cut.CompareAndSwap(mode, cutNothing) {
			if mode == cutBefore {
				break
			}
			deaf.Store(mode == cutAfter)
			_, _ = server.Write(buf[:n])
			if mode == cutAfter {
				<-done // with its first answer
			}
			break
		}
		if _, err := server.Write(buf[:n]); err != nil {
			break
		}
	}
	_ = client.Close()
	_ = server.Close()
	_, _ = io.Copy(io.Discard, server)
}
