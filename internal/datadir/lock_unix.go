//go:build unix

package datadir

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// tryLock takes an exclusive lock that the kernel drops when the file is closed or
// its process ends. It reports false if somebody else has it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// checkOwner refuses a folder that is not ours alone.
func checkOwner(dir string) error {
	fi, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("folder of the command socket: %w", err)
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !fi.IsDir() || fi.Mode().Perm()&0o077 != 0 || !ok || int(st.Uid) != os.Getuid() {
		return fmt.Errorf("folder of the command socket %s belongs to somebody else: remove it, or use a shorter data directory path", dir)
	}
	return nil
}
