package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/demo"
	"github.com/muster-id/muster/internal/feed"
)

func newDemo() *cobra.Command {
	var fast bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play one employee's life through a hub, on this machine only",
		Long: `Demo starts a hub, a second Muster as the application behind it, and a webhook receiver, all on loopback and in a
temporary directory, and plays one employee's life: hired, joins two groups, changes department, leaves, comes back. It tells what
the identity provider sent, what was stored, and what arrived where after how many milliseconds.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := demo.Options{Pause: 1500 * time.Millisecond}
			if fast {
				o.Pause = 0
			}
			t := &teller{w: cmd.OutOrStdout()}
			if err := demo.Run(cmd.Context(), t, o); err != nil {
				return err
			}
			return t.err
		},
	}
	cmd.Flags().BoolVar(&fast, "fast", false, "do not pause for the reader")
	return cmd
}

// teller tells the demo on a terminal, 100 columns wide at most.
type teller struct {
	w   io.Writer
	err error
}

func (t *teller) print(lines ...string) {
	if t.err == nil {
		_, t.err = lipgloss.Fprintln(t.w, strings.Join(lines, "\n"))
	}
}

// The columns: who, what, after how long.
const (
	whoWidth  = 19
	whatWidth = 58
	rule      = "─"
)

func columns(who, what, when string) string {
	return strings.TrimRight("  "+pad(who, whoWidth)+pad(what, whatWidth)+when, " ")
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-lipgloss.Width(s), 1))
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%5.1f ms", float64(d.Microseconds())/1000)
}

// Begin introduces the cast.
func (t *teller) Begin(hub, application, receiver string) {
	t.print("",
		"  "+bold.Render("Muster")+faint.Render("  one employee's life, on this machine only"),
		"",
		columns(faint.Render("hub"), cyan.Render(hub), ""),
		columns(faint.Render("application"), cyan.Render(application), faint.Render("kept equal over SCIM")),
		columns(faint.Render("webhook"), cyan.Render(receiver), faint.Render("every change, signed")),
	)
}

// Chapter opens a chapter.
func (t *teller) Chapter(number, of int, title, why string) {
	head := fmt.Sprintf("%d/%d  %s ", number, of, title)
	t.print("",
		"  "+bold.Render(head)+faint.Render(strings.Repeat(rule, max(whoWidth+whatWidth+8-len(head), 1))),
		"  "+faint.Render(why),
		"")
}

// Sent shows a request of the identity provider.
func (t *teller) Sent(r demo.Request) {
	path := r.Path
	if endpoint, id, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/"); ok && len(id) > 8 {
		path = "/" + endpoint + "/" + id[:8] + "…"
	}
	t.print(columns("identity provider", bold.Render(r.Method)+" "+path+faint.Render(" → ")+green.Render(fmt.Sprint(r.Status)), ms(r.Took)))
	t.print(body(r.Body)...)
}

// Stored shows a change in the hub's feed.
func (t *teller) Stored(c *feed.Change) {
	var events []string
	for e := range c.Events() {
		events = append(events, e.Type)
	}
	t.print(columns("hub", fmt.Sprintf("stored as change %d: %s", c.Position.Seq, strings.Join(events, ", ")), ""))
}

// Arrived shows an arrival.
func (t *teller) Arrived(where demo.Place, what string, after time.Duration) {
	t.print(columns(string(where), green.Render("✓ ")+what, yellow.Render(ms(after))))
}

// End sums up.
func (t *teller) End(s demo.Summary) {
	t.print("",
		"  "+faint.Render(strings.Repeat(rule, whoWidth+whatWidth+8)),
		fmt.Sprintf("  %d requests, %d changes, %d events. Slowest way from the request to the webhook receiver %s, to the application %s.",
			s.Requests, s.Changes, s.Events,
			strings.TrimSpace(ms(s.Slowest[demo.Receiver])), strings.TrimSpace(ms(s.Slowest[demo.Application]))),
		"",
		"  Now your own:  "+bold.Render("muster serve")+faint.Render("   and point an identity provider at it."),
		"")
}

// body shows what was sent, without the schemas, wrapped to the width of the page.
func body(text string) []string {
	var v jsontext.Value = []byte(text)
	const indent = "                     "
	s := string(v)
	if i := strings.Index(s, `],"`); strings.HasPrefix(s, `{"schemas":[`) && i > 0 {
		s = "{" + s[i+2:]
	}
	s = strings.ReplaceAll(s, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "urn:…enterprise:2.0:User")
	var lines []string
	line := ""
	for part := range strings.SplitAfterSeq(s, ",") {
		if len(line)+len(part) > 76 && line != "" {
			lines = append(lines, indent+faint.Render(line))
			line = ""
		}
		line += part
	}
	return append(lines, indent+faint.Render(line))
}
