package assert_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/muster-id/muster/internal/assert"
)

// recorder is a testing.TB that remembers a failure instead of ending the
// test.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
}

func TestChecks(t *testing.T) {
	t.Parallel()
	notFound := fmt.Errorf("open: %w", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist})
	var nilMap map[string]int
	var nilError *fs.PathError

	for _, c := range []struct {
		name  string
		check func(testing.TB)
		want  []string // parts of the failure; none: the check passes
	}{
		{"Equal passes", func(t testing.TB) { assert.Equal(t, []int{1}, []int{1}) }, nil},
		{"Equal shows the difference", func(t testing.TB) { assert.Equal(t, 41, 42) }, []string{"-want +got", "41", "42"}},
		{"Equal with go-cmp options", func(t testing.TB) {
			assert.Equal(t, []int{}, nil, assert.Cmp(cmpopts.EquateEmpty()))
		}, nil},
		{"Equal without them", func(t testing.TB) { assert.Equal(t, []int{}, nil) }, []string{"not equal"}},
		{"NotEqual passes", func(t testing.TB) { assert.NotEqual(t, "a", "b") }, nil},
		{"NotEqual fails", func(t testing.TB) { assert.NotEqual(t, "a", "a") }, []string{"got a"}},
		{"True passes", func(t testing.TB) { assert.True(t, true) }, nil},
		{"True fails with a note", func(t testing.TB) { assert.True(t, false, assert.Sprintf("round %d", 7)) }, []string{"round 7: got false"}},
		{"False passes", func(t testing.TB) { assert.False(t, false) }, nil},
		{"False fails", func(t testing.TB) { assert.False(t, true) }, []string{"got true"}},
		{"Nil passes on a nil map", func(t testing.TB) { assert.Nil(t, nilMap) }, nil},
		{"Nil passes on nil", func(t testing.TB) { assert.Nil(t, nil) }, nil},
		{"Nil passes on a typed nil in an interface", func(t testing.TB) { assert.Nil(t, error(nilError)) }, nil},
		{"Nil fails on a value", func(t testing.TB) { assert.Nil(t, 0) }, []string{"got 0"}},
		{"NotNil passes", func(t testing.TB) { assert.NotNil(t, t) }, nil},
		{"NotNil fails", func(t testing.TB) { assert.NotNil(t, nilMap) }, []string{"map[string]int"}},
		{"Zero passes", func(t testing.TB) { assert.Zero(t, struct{ A, B int }{}) }, nil},
		{"Zero fails", func(t testing.TB) { assert.Zero(t, "x") }, []string{"got x", "zero string"}},
		{"Zero passes on a nil error", func(t testing.TB) { assert.Zero[error](t, nil) }, nil},
		{"Contains passes", func(t testing.TB) { assert.Contains(t, "noTarget", "Tar") }, nil},
		{"Contains fails", func(t testing.TB) { assert.Contains(t, "noTarget", "path") }, []string{`"path"`, `"noTarget"`}},
		{"NotContains passes", func(t testing.TB) { assert.NotContains(t, "[redacted]", "secret") }, nil},
		{"NotContains fails", func(t testing.TB) { assert.NotContains(t, "a secret", "secret") }, []string{"must not be there"}},
		{"NoError passes", func(t testing.TB) { assert.NoError(t, nil) }, nil},
		{"NoError fails", func(t testing.TB) { assert.NoError(t, io.EOF) }, []string{"unexpected error: EOF"}},
		{"ErrorIs passes on a wrapped error", func(t testing.TB) { assert.ErrorIs(t, notFound, fs.ErrNotExist) }, nil},
		{"ErrorIs fails on another", func(t testing.TB) { assert.ErrorIs(t, notFound, io.EOF) }, []string{"got error: open", "EOF"}},
		{"ErrorIs fails on none", func(t testing.TB) { assert.ErrorIs(t, nil, io.EOF) }, []string{"<nil>", "EOF"}},
		{"ErrorAs passes", func(t testing.TB) {
			if got := assert.ErrorAs[*fs.PathError](t, notFound); got.Path != "x" {
				t.Fatalf("got path %q, want x", got.Path)
			}
		}, nil},
		{"ErrorAs fails", func(t testing.TB) { assert.ErrorAs[*fs.PathError](t, io.EOF) }, []string{"EOF", "*fs.PathError"}},
		{"ErrorContains passes", func(t testing.TB) { assert.ErrorContains(t, errors.New("line 3: unknown key"), "line 3") }, nil},
		{"ErrorContains fails on another text", func(t testing.TB) { assert.ErrorContains(t, io.EOF, "line 3") }, []string{`"line 3"`, `"EOF"`}},
		{"ErrorContains fails on none", func(t testing.TB) { assert.ErrorContains(t, nil, "line 3") }, []string{"no error"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{TB: t}
			c.check(r)
			if (r.failure != "") != (c.want != nil) {
				t.Fatalf("got failure %q, want one: %v", r.failure, c.want != nil)
			}
			for _, part := range c.want {
				if !strings.Contains(r.failure, part) {
					t.Errorf("got failure %q, want it to contain %q", r.failure, part)
				}
			}
		})
	}
}
