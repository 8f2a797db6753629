package server

import "iter"

// Decide checks the condition of an edit and applies it to the resource as it is: cur itself means that nothing
// changes. It leaves Links to the store.
func (e *Edit) Decide(cur *Resource) (*Resource, error) {
	if err := e.If.Check(cur.Version); err != nil {
		return nil, err
	}
	return e.Apply(cur)
}

// Rows makes of a cursor, such as *sql.Rows, what Query.Scan takes: read is called for each row, and what the cursor
// failed with comes last. Whoever opened the cursor closes it.
func Rows(cursor interface {
	Next() bool
	Err() error
}, read func() (*Resource, error),
) iter.Seq2[*Resource, error] {
	return func(yield func(*Resource, error) bool) {
		for cursor.Next() {
			if !yield(read()) {
				return
			}
		}
		if err := cursor.Err(); err != nil {
			yield(nil, err)
		}
	}
}
