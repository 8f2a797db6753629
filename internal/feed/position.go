package feed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/muster-id/muster/internal/store"
)

// The errors of positions.
var (
	// ErrPosition: the text is no position.
	ErrPosition = errors.New("not a position of the feed")
	// ErrHistory: the position belongs to a history that a restore has replaced. Read a snapshot and go
	// on from its position.
	ErrHistory = errors.New("the position is of another history: read everything again")
)

// Position is a place in a tenant's feed: everything up to and including Seq has been read. The zero Position
// is the beginning, of whatever history.
type Position struct {
	Epoch int64
	Seq   store.Seq
}

// String returns the position as the text that leaves the process. Other programs keep it and hand it back; to
// them it is opaque, so it may not change its form.
func (p Position) String() string { return fmt.Sprintf("%d-%d", p.Epoch, p.Seq) }

// Parse reads what String wrote; "" is the beginning.
func Parse(s string) (Position, error) {
	if s == "" {
		return Position{}, nil
	}
	epoch, seq, ok := strings.Cut(s, "-")
	if !ok {
		return Position{}, ErrPosition
	}
	e, err := parseNumber(epoch)
	if err != nil {
		return Position{}, err
	}
	n, err := parseNumber(seq)
	if err != nil {
		return Position{}, err
	}
	return Position{Epoch: e, Seq: store.Seq(n)}, nil
}

// parseNumber takes one spelling for each number, so that equal positions are equal texts.
func parseNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, ErrPosition
	}
	return n, nil
}
