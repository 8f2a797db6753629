// Package assert is the vocabulary of Muster's tests: a few checks over go-cmp
// that end the test with a message showing got and want.
//
// It is on purpose not a framework. There is one function per question, the
// order of arguments is always got, want, and there is no second way to ask
// the same thing. A check that needs more than these is clearer as an if
// statement and t.Fatalf.
//
// A failed check ends the test, so call these from the goroutine that runs it,
// as testing.TB.FailNow demands; from another goroutine send the value to the
// test and check it there.
//
// Only tests import it: it may be used by _test.go files and by the packages
// that exist to test others (internal/store/storetest, internal/testenv).
package assert

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Option changes how a check compares or what it says when it fails.
type Option func(*settings)

type settings struct {
	note string
	cmp  []cmp.Option
}

// Sprintf adds a note to the failure: which round, which row, which input.
func Sprintf(format string, args ...any) Option {
	note := fmt.Sprintf(format, args...)
	return func(s *settings) { s.note = note }
}

// Cmp hands options to go-cmp, such as cmpopts.EquateEmpty or
// cmp.AllowUnexported.
func Cmp(options ...cmp.Option) Option {
	return func(s *settings) { s.cmp = append(s.cmp, options...) }
}

// Equal checks that got and want are equal as cmp.Equal sees it.
func Equal[T any](tb testing.TB, got, want T, options ...Option) {
	tb.Helper()
	s := apply(options)
	if diff := cmp.Diff(want, got, s.cmp...); diff != "" {
		s.fail(tb, "not equal (-want +got):\n%s", diff)
	}
}

// NotEqual checks that got differs from what it must not be.
func NotEqual[T any](tb testing.TB, got, unwanted T, options ...Option) {
	tb.Helper()
	s := apply(options)
	if cmp.Equal(unwanted, got, s.cmp...) {
		s.fail(tb, "got %v, want anything else", got)
	}
}

// True checks that a condition holds. Prefer a check that can show values.
func True(tb testing.TB, got bool, options ...Option) {
	tb.Helper()
	if !got {
		apply(options).fail(tb, "got false, want true")
	}
}

// False checks that a condition does not hold.
func False(tb testing.TB, got bool, options ...Option) {
	tb.Helper()
	if got {
		apply(options).fail(tb, "got true, want false")
	}
}

// Nil checks for a nil pointer, interface, map, slice, channel or function,
// also one inside an interface. For errors, NoError says more.
func Nil(tb testing.TB, got any, options ...Option) {
	tb.Helper()
	if !isNil(got) {
		apply(options).fail(tb, "got %#v, want nil", got)
	}
}

// NotNil is the opposite of Nil.
func NotNil(tb testing.TB, got any, options ...Option) {
	tb.Helper()
	if isNil(got) {
		apply(options).fail(tb, "got nil %T", got)
	}
}

// Zero checks that a value is the zero value of its type.
func Zero[T any](tb testing.TB, got T, options ...Option) {
	tb.Helper()
	if !reflect.ValueOf(&got).Elem().IsZero() {
		apply(options).fail(tb, "got %v, want the zero %T", got, got)
	}
}

// Contains checks that a text has a part.
func Contains(tb testing.TB, got, part string, options ...Option) {
	tb.Helper()
	if !strings.Contains(got, part) {
		apply(options).fail(tb, "not found: %q\nin:        %q", part, got)
	}
}

// NotContains checks that a text lacks a part, such as a secret.
func NotContains(tb testing.TB, got, part string, options ...Option) {
	tb.Helper()
	if strings.Contains(got, part) {
		apply(options).fail(tb, "must not be there: %q\nin:                %q", part, got)
	}
}

// NoError checks that an operation succeeded.
func NoError(tb testing.TB, err error, options ...Option) {
	tb.Helper()
	if err != nil {
		apply(options).fail(tb, "unexpected error: %v", err)
	}
}

// ErrorIs checks that err is, or wraps, want.
func ErrorIs(tb testing.TB, err, want error, options ...Option) {
	tb.Helper()
	if !errors.Is(err, want) {
		apply(options).fail(tb, "got error: %v\nwant:      %v", err, want)
	}
}

// ErrorAs checks that err is, or wraps, an E, and returns it.
func ErrorAs[E error](tb testing.TB, err error, options ...Option) E {
	tb.Helper()
	target, ok := errors.AsType[E](err)
	if !ok {
		apply(options).fail(tb, "got error: %v (%T)\nwant one of type %v", err, err, reflect.TypeFor[E]())
	}
	return target
}

// ErrorContains checks that err is there and its text has a part. It is for
// what people read; decisions are made, and tested, with ErrorIs and ErrorAs.
func ErrorContains(tb testing.TB, err error, part string, options ...Option) {
	tb.Helper()
	if err == nil {
		apply(options).fail(tb, "got no error, want one containing %q", part)
		return
	}
	Contains(tb, err.Error(), part, options...)
}

func apply(options []Option) *settings {
	s := &settings{}
	for _, o := range options {
		o(s)
	}
	return s
}

func (s *settings) fail(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if s.note != "" {
		format, args = "%s: "+format, append([]any{s.note}, args...)
	}
	tb.Fatalf(format, args...)
}

func isNil(value any) bool {
	if value == nil {
		return true
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
		return v.IsNil()
	default:
		return false
	}
}
