// Package datadir knows the layout of a hub's data directory and keeps two
// processes from using one at the same time.
//
//	muster.db     the embedded database (with -wal and -shm while it is open), unless the hub's is on a server
//	keyring       what its secrets are sealed with, unless it is kept elsewhere
//	muster.lock   held by the process that has the database open; names its process
//	muster.sock   where a running hub takes commands
//
// The directory is private to its owner (mode 0700). A lock is the operating
// system's and ends with the process that holds it, however it ends; a lock file
// that is left behind means nothing.
package datadir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Dir is a data directory.
type Dir struct{ path string }

// Open returns the data directory at path, creating it if it is not there.
func Open(path string) (Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Dir{}, fmt.Errorf("data directory %s: %w", path, err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return Dir{}, fmt.Errorf("create data directory: %w", err)
	}
	return Dir{path: abs}, nil
}

// Existing returns the data directory at path, which must hold a hub already.
func Existing(path string) (Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Dir{}, fmt.Errorf("data directory %s: %w", path, err)
	}
	d := Dir{path: abs}
	_, err = os.Stat(d.Database())
	if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Stat(d.lock()) // of a hub whose database is elsewhere
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Dir{}, fmt.Errorf("%s holds no hub: start one with \"muster serve --data %s\", or name another directory with --data", d.path, path)
	} else if err != nil {
		return Dir{}, fmt.Errorf("data directory: %w", err)
	}
	return d, nil
}

// Path returns the absolute path of the directory.
func (d Dir) Path() string { return d.path }

// Database returns the path of the embedded database.
func (d Dir) Database() string { return filepath.Join(d.path, "muster.db") }

func (d Dir) lock() string { return filepath.Join(d.path, "muster.lock") }

// Keyring returns the path of the keyring, unless the operator keeps it elsewhere, which is better.
func (d Dir) Keyring() string { return filepath.Join(d.path, "keyring") }

// maxSocketPath is the longest path that every supported system takes for a
// socket (104 bytes on macOS and the BSDs, 108 on Linux, the ending NUL included).
const maxSocketPath = 103

// Socket returns the path of the command socket: in the directory, or, where that
// path is too long for a socket, in a private folder below the system's temporary directory.
func (d Dir) Socket() string {
	if p := filepath.Join(d.path, "muster.sock"); len(p) <= maxSocketPath {
		return p
	}
	sum := sha256.Sum256([]byte(d.path))
	return filepath.Join(os.TempDir(), "muster-"+strconv.Itoa(os.Getuid())+"-"+hex.EncodeToString(sum[:8]), "muster.sock")
}

// PrepareSocket makes the socket's path ready for listening: its folder exists and
// is private, and what an earlier process left there is gone. Only the holder of the lock may call it.
func (d Dir) PrepareSocket() (string, error) {
	p := d.Socket()
	dir := filepath.Dir(p)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("folder of the command socket: %w", err)
	}
	if dir != d.path {
		// Somebody else's folder under that name would let its owner answer our commands.
		if err := checkOwner(dir); err != nil {
			return "", err
		}
	}
	if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("remove the old command socket: %w", err)
	}
	return p, nil
}

// InUseError says that another process has the directory.
type InUseError struct {
	Path  string
	Owner string // what the other process wrote about itself; may be empty
}

// Error says who holds the directory and what to do.
func (e *InUseError) Error() string {
	owner := "another process"
	if e.Owner != "" {
		owner += " (" + e.Owner + ")"
	}
	return fmt.Sprintf("data directory %s is in use by %s: stop it first, or choose another directory with --data", e.Path, owner)
}

// Lock takes the directory for this process. The returned function gives it back.
// If another process has it, the error is an *InUseError.
func (d Dir) Lock() (release func() error, err error) {
	f, err := os.OpenFile(d.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	held, err := tryLock(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory: %w", err), f.Close())
	}
	if !held {
		owner := make([]byte, 128)
		n, _ := f.ReadAt(owner, 0) // what can be read is all we can say
		return nil, errors.Join(&InUseError{Path: d.path, Owner: strings.TrimSpace(string(owner[:n]))}, f.Close())
	}
	if err := writeOwner(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory: %w", err), f.Close())
	}
	return f.Close, nil
}

func writeOwner(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte("process "+strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}
