package sqlite

// snapshot is the read transaction that a reading connection keeps between two reads
// while nothing is committed: to begin and to end one is a third of what finding one row costs.
//
// A connection may keep it only as long as it shows all there is. The writer counts commits before it answers
// anybody, so whoever has been answered reads on a connection that has noticed; and it ends what idle connections keep,
// for a transaction of the past keeps the log from starting over.
type snapshot struct {
	open    bool
	commits uint64 // how many there were at the last read
}

const (
	beginSnapshot = "BEGIN"
	endSnapshot   = "COMMIT"
)

// refresh readies a connection for a read after so many commits. The first read after one is without a transaction of
// its own: where writes come between any two reads, keeping one would be in vain.
func (c *conn) refresh(commits uint64) error {
	if c.snap.open && c.snap.commits != commits {
		if err := c.forget(); err != nil {
			return err
		}
	} else if !c.snap.open && c.snap.commits == commits {
		if _, err := c.Exec(beginSnapshot); err != nil {
			return err
		}
		c.snap.open = true
	}
	c.snap.commits = commits
	return nil
}

// forget ends the transaction that the connection keeps, if it keeps one.
func (c *conn) forget() error {
	if !c.snap.open {
		return nil
	}
	c.snap.open = false
	_, err := c.Exec(endSnapshot)
	return err
}

// Together implements relational.Conn.
func (c *conn) Together(f func() error) (err error) {
	if c.snap.open {
		return f()
	}
	if _, err := c.Exec(beginSnapshot); err != nil {
		return err
	}
	defer func() {
		if _, e := c.Exec(endSnapshot); err == nil {
			err = e
		}
	}()
	return f()
}

// committed counts a commit, or what may have been one, and ends the transactions that idle readers keep; a new one
// also reads past a log that was copied to its end.
func (e *engine) committed() {
	e.commits.Add(1)
	e.readers.forget()
}
