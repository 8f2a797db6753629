package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/term"
)

// Format is how log records are written.
type Format string

// The formats.
const (
	Auto Format = "auto" // Text on a terminal, JSON elsewhere
	Text Format = "text"
	JSON Format = "json"
)

// Logger returns a logger that writes to w. Values under keys that name secrets, and
// texts that have the form of one, are replaced, whoever logs them.
func Logger(w io.Writer, f Format, level slog.Leveler) *slog.Logger {
	terminal := isTerminal(w)
	if f == Text || f == Auto && terminal {
		colour := terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		return slog.New(withRequest{&textHandler{out: &lockedWriter{w: w}, level: level, colour: colour}})
	}
	return slog.New(withRequest{slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			a = redact(a)
			switch a.Value.Kind() {
			case slog.KindDuration: // seconds, as in the metrics; slog's own would be nanoseconds
				a.Value = slog.Float64Value(a.Value.Duration().Seconds())
			case slog.KindString:
				a.Value = slog.StringValue(spell(a.Value.String()))
			default:
				// Numbers and times cannot do harm.
			}
			return a
		},
	})})
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// withRequest adds the id of the request that the context serves.
type withRequest struct{ slog.Handler }

// Handle adds the request id and passes the record on.
func (h withRequest) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the request id for derived loggers.
func (h withRequest) WithAttrs(as []slog.Attr) slog.Handler {
	return withRequest{h.Handler.WithAttrs(as)}
}

// WithGroup keeps the request id for derived loggers.
func (h withRequest) WithGroup(name string) slog.Handler {
	return withRequest{h.Handler.WithGroup(name)}
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// textHandler writes one line a record for people: time, level, phrase, facts.
type textHandler struct {
	out    io.Writer
	level  slog.Leveler
	colour bool
	prefix string // of keys, from groups
	fixed  string // attributes that every record has, already written
}

// Enabled reports whether records of the level are written.
func (h *textHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle writes one line.
func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(h.paint("2", r.Time.Format("15:04:05.000")))
	b.WriteByte(' ')
	b.WriteString(h.levelName(r.Level))
	b.WriteByte(' ')
	b.WriteString(plain(scrub(r.Message)))
	b.WriteString(h.fixed)
	r.Attrs(func(a slog.Attr) bool {
		h.attr(&b, h.prefix, a)
		return true
	})
	b.WriteByte('\n')
	_, err := io.WriteString(h.out, b.String())
	return err
}

// WithAttrs returns a handler that adds the attributes to every record.
func (h *textHandler) WithAttrs(as []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, a := range as {
		h.attr(&b, h.prefix, a)
	}
	c := *h
	c.fixed += b.String()
	return &c
}

// WithGroup returns a handler that puts the name before later keys.
func (h *textHandler) WithGroup(name string) slog.Handler {
	c := *h
	c.prefix += name + "."
	return &c
}

func (h *textHandler) attr(b *strings.Builder, prefix string, a slog.Attr) {
	a = redact(a)
	v := a.Value
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, sub := range v.Group() {
			h.attr(b, prefix, sub)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	b.WriteByte(' ')
	b.WriteString(h.paint("2", plain(prefix+a.Key)+"="))
	s := v.String()
	if v.Kind() == slog.KindTime {
		s = v.Time().Format(time.RFC3339)
	}
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || r == '"' || r == '=' || !unicode.IsPrint(r) }) {
		s = strconv.Quote(s) // control characters and terminal escapes are spelled out (C15)
	}
	b.WriteString(s)
}

func (h *textHandler) levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return h.paint("1;31", "ERROR")
	case l >= slog.LevelWarn:
		return h.paint("33", "WARN ")
	case l >= slog.LevelInfo:
		return h.paint("32", "INFO ")
	}
	return h.paint("2", "DEBUG")
}

func (h *textHandler) paint(code, s string) string {
	if !h.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// plain spells out what a terminal would act on.
func plain(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}
