package relational

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/muster-id/muster/internal/store"
)

// The columns of a resource: those of every reader, those of what is shown, then those of the writer. The driver takes
// its time for each, so what is small shares one.
const (
	readColumns = "r.num, r.type, r.id, r.person, r.version, r.created, r.modified, r.gen * 4 + r.deleted * 2 + r.once, r.body"
	// The last one spares most reads of people a statement of their own about groups.
	shownColumns = readColumns + ", NOT EXISTS (SELECT 1 FROM edge e INDEXED BY edge_child WHERE e.tenant = r.tenant AND e.child = r.num)"
	writeColumns = readColumns + ", r.user_name, r.external_id, r.display_name, r.employee_number, r.manager, r.active + 4 * r.source, r.display, r.entries, r.key"
	lightColumns = "r.num, r.type, r.id, r.deleted, r.display"
)

// readResource makes a resource of a row of readColumns.
func readResource(r Row) *store.Resource {
	state := r.Int(7)
	return &store.Resource{
		Num:      store.Num(r.Int(0)),
		Type:     r.Text(1),
		ID:       r.Text(2),
		Person:   r.Text(3),
		Version:  r.Int(4),
		Created:  fromMillis(r.Int(5)),
		Modified: fromMillis(r.Int(6)),
		Gen:      int(state >> 2),
		Deleted:  state&2 != 0,
		Once:     state&1 != 0,
		Body:     r.Blob(8),
	}
}

// readShown makes a resource of a row of shownColumns.
func readShown(r Row) *store.Resource {
	res := readResource(r)
	res.Parentless = r.Bool(9)
	return res
}

// readWhole makes a resource of a row of writeColumns.
func readWhole(r Row) (*store.Resource, error) {
	s := readResource(r)
	entries, err := unpackEntries(r.Blob(16))
	if err != nil {
		return nil, fmt.Errorf("entries of resource %d: %w", s.Num, err)
	}
	s.Key = r.Blob(17)
	s.Source = store.Source(r.Int(14) >> 2)
	s.Index = store.Index{
		UserName:       r.Text(9),
		ExternalID:     r.Text(10),
		DisplayName:    r.Text(11),
		EmployeeNumber: r.Text(12),
		Manager:        r.Text(13),
		Active:         store.Tristate(r.Int(14) & 3),
		Display:        r.Text(15),
		Entries:        entries,
	}
	return s, nil
}

// packEntries writes the entries of a resource as one column: each string after its length.
func packEntries(entries []store.Entry) []byte {
	b := []byte{}
	for _, e := range entries {
		for _, s := range []string{e.Attr, e.Key} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	return b
}

func unpackEntries(b []byte) (entries []store.Entry, err error) {
	next := func() (string, error) {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return "", fmt.Errorf("packed entries are cut off")
		}
		s := string(b[size : size+int(n)])
		b = b[size+int(n):]
		return s, nil
	}
	for len(b) > 0 {
		var e store.Entry
		if e.Attr, err = next(); err != nil {
			return nil, err
		}
		if e.Key, err = next(); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

const getResource = "SELECT " + shownColumns + " FROM resource r INDEXED BY resource_id WHERE r.tenant = ? AND r.id = ?"

// Get implements store.Reader. The context does not reach SQLite: finding one row takes less time than watching for its end.
func (db *DB) Get(ctx context.Context, t store.Tenant, typ, id string) (*store.Resource, error) {
	var res *store.Resource
	err := db.read(ctx, func(c Conn) error {
		_, err := c.One(func(r Row) { res = readShown(r) }, getResource, int64(t), id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if res == nil || res.Deleted || typ != "" && typ != res.Type {
		return nil, store.ErrNotFound
	}
	return res, nil
}

const resourcesByNum = "SELECT " + readColumns + ` FROM numbers(?) k CROSS JOIN resource r INDEXED BY resource_num
	WHERE r.tenant = ? AND r.num = k.value`

// byNumChunk is how many resources a statement reads by number, so that none holds a connection for long.
const byNumChunk = 256

// ByNum implements store.Reader.
func (db *DB) ByNum(ctx context.Context, t store.Tenant, nums []store.Num) ([]*store.Resource, error) {
	var list []*store.Resource
	for len(nums) > 0 {
		chunk := nums[:min(len(nums), byNumChunk)]
		nums = nums[len(chunk):]
		err := db.read(ctx, func(c Conn) error {
			for r, err := range c.Rows(context.Background(), resourcesByNum, chunk, int64(t)) {
				if err != nil {
					return err
				}
				list = append(list, readResource(r))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}
