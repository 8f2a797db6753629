package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// TestRel_R01_KillMinusNine kills the hub at random moments under load, starts it again and
// holds what it has against what it acknowledged: nothing acknowledged is lost, nothing is
// half there, each change has exactly one audit record, the webhook receiver gets every change in order per resource, and the SCIM
// application converges. MUSTER_CRASH_ROUNDS sets the number of rounds, MUSTER_CRASH_SEED the seed.
func TestRel_R01_KillMinusNine(t *testing.T) {
	rounds := number(t, "MUSTER_CRASH_ROUNDS", 3)
	seed := uint64(number(t, "MUSTER_CRASH_SEED", int(time.Now().UnixNano()&0xffffff)))
	t.Logf("%d rounds, seed %d", rounds, seed)
	rnd := rand.New(rand.NewPCG(seed, 0))

	app := startHub(t, t.TempDir())
	recv := newReceiver(t)
	dir, config := t.TempDir(), targets(t, recv, app)
	first := startHub(t, dir, "--config", config)
	unguarded(first)
	token := first.token
	_, v := first.call(http.MethodPost, "/Groups", map[string]any{"schemas": []string{groupSchema}, "displayName": "everybody"})
	group := v.(map[string]any)["id"].(string)
	first.kill()

	writers := make([]*writer, 8)
	for i := range writers {
		writers[i] = &writer{name: fmt.Sprintf("w%d", i), group: group, rnd: rand.New(rand.NewPCG(seed, uint64(i+1)))}
	}
	var feed []change // read on from round to round
	for round := range rounds {
		h := startHub(t, dir, "--config", config)
		h.token = token
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, w := range writers {
			wg.Go(func() { w.run(ctx, h) })
		}
		time.Sleep(time.Duration(50+rnd.IntN(1950)) * time.Millisecond) //nolint:forbidigo // the random moment is the test
		h.kill()
		cancel()
		wg.Wait()

		h = startHub(t, dir, "--config", config)
		h.token = token
		position := ""
		if len(feed) > 0 {
			position = feed[len(feed)-1].Position
		}
		feed = append(feed, changesAfter(t, h, position)...)
		members := members(h, group)
		for _, w := range writers {
			for _, wrong := range w.check(h, feed, members) {
				t.Errorf("round %d, %s: %s", round, w.name, wrong)
			}
		}
		for _, wrong := range hasRecords(t, h, feed) {
			t.Errorf("round %d: %s", round, wrong)
		}
		for i, c := range feed {
			if c.Seq != int64(i+1) {
				t.Fatalf("round %d: change %d of the feed has number %d", round, i+1, c.Seq)
			}
		}
		if t.Failed() {
			t.Fatalf("round %d\n%s", round, h.log)
		}
		if round == rounds-1 {
			sameAsHub(t, h, app)
			recv.hasAll(t, h)
			if all := changes(t, h); !slices.EqualFunc(all, feed, func(a, b change) bool { return a.Position == b.Position && a.ID == b.ID }) {
				t.Errorf("the feed has %d changes, but %d were read from round to round, or others", len(all), len(feed))
			}
			t.Logf("%d changes survived", len(feed))
		}
		h.kill()
	}
}

const (
	userSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group"
	patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	s := os.Getenv(env)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}

// writer changes people that nobody else touches, so that it knows what they must be. Of each it
// counts what was acknowledged, and knows when the outcome of the last request is open.
type writer struct {
	name   string
	group  string
	rnd    *rand.Rand
	people []*person
	made   int    // names given out so far
	lost   string // userName of a create whose outcome is open
}

type person struct {
	id        string
	title     int  // the person's title is this number, raised by one with each change
	titleMay  bool // the next title may have been stored
	member    bool
	memberMay bool // membership may have changed over
}

// run writes until the hub is gone.
func (w *writer) run(ctx context.Context, h *hub) {
	for {
		var ok bool
		switch n := w.rnd.IntN(10); {
		case len(w.people) == 0 || n < 2 && len(w.people) < 40:
			ok = w.create(ctx, h)
		case n < 7:
			ok = w.retitle(ctx, h, w.people[w.rnd.IntN(len(w.people))])
		default:
			ok = w.toggle(ctx, h, w.people[w.rnd.IntN(len(w.people))])
		}
		if !ok {
			return
		}
	}
}

func (w *writer) create(ctx context.Context, h *hub) bool {
	w.made++
	w.lost = fmt.Sprintf("%s-%d@crash.test", w.name, w.made)
	status, _, body, err := h.send(ctx, http.MethodPost, "/Users", map[string]any{
		"schemas": []string{userSchema}, "userName": w.lost, "title": "0", "active": true,
	})
	if err != nil || status != http.StatusCreated {
		return false
	}
	var r struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return false
	}
	w.people = append(w.people, &person{id: r.ID})
	w.lost = ""
	return true
}

func (w *writer) retitle(ctx context.Context, h *hub, p *person) bool {
	p.titleMay = true
	status, _, _, err := h.send(ctx, http.MethodPatch, "/Users/"+p.id, map[string]any{
		"schemas": []string{patchSchema}, "Operations": []any{map[string]any{"op": "replace", "path": "title", "value": strconv.Itoa(p.title + 1)}},
	})
	if err != nil || status != http.StatusOK {
		return false
	}
	p.title++
	p.titleMay = false
	return true
}

func (w *writer) toggle(ctx context.Context, h *hub, p *person) bool {
	p.memberMay = true
	op := map[string]any{"op": "add", "path": "members", "value": []any{map[string]any{"value": p.id}}}
	if p.member {
		op = map[string]any{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", p.id)}
	}
	status, _, _, err := h.send(ctx, http.MethodPatch, "/Groups/"+w.group, map[string]any{"schemas": []string{patchSchema}, "Operations": []any{op}})
	if err != nil || status != http.StatusNoContent {
		return false
	}
	p.member = !p.member
	p.memberMay = false
	return true
}

// check compares the hub with what the writer knows, and settles what was open.
func (w *writer) check(h *hub, feed []change, members []string) (wrong []string) {
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if w.lost != "" {
		_, v := h.call(http.MethodGet, "/Users?filter="+escape(fmt.Sprintf("userName eq %q", w.lost)), nil)
		for _, r := range v.(map[string]any)["Resources"].([]any) {
			w.people = append(w.people, &person{id: r.(map[string]any)["id"].(string)})
		}
		w.lost = ""
	}
	updates := map[string]int{}
	for _, c := range feed {
		for _, e := range c.Events {
			if e.Type == "user.updated" {
				updates[c.ID]++
			}
		}
	}
	for _, p := range w.people {
		status, v := h.call(http.MethodGet, "/Users/"+p.id, nil)
		if status != http.StatusOK {
			complain("user %s was acknowledged and is gone: %d", p.id, status)
			continue
		}
		title, _ := strconv.Atoi(fmt.Sprint(v.(map[string]any)["title"]))
		if title != p.title && !(p.titleMay && title == p.title+1) {
			complain("user %s has title %d, acknowledged was %d", p.id, title, p.title)
		}
		p.title, p.titleMay = title, false
		if updates[p.id] != title {
			complain("user %s has title %d but %d changes in the feed", p.id, title, updates[p.id])
		}
		member := slices.Contains(members, p.id)
		if member != p.member && !p.memberMay {
			complain("user %s is a member: %v, acknowledged was %v", p.id, member, p.member)
		}
		p.member, p.memberMay = member, false
	}
	return wrong
}

func members(h *hub, group string) (ids []string) {
	_, v := h.call(http.MethodGet, "/Groups/"+group, nil)
	list, _ := v.(map[string]any)["members"].([]any)
	for _, m := range list {
		ids = append(ids, m.(map[string]any)["value"].(string))
	}
	return ids
}
