package sqlite

import "syscall"

// kindOf returns the magic number of the file system that a file is on.
func kindOf(path string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, err
	}
	return int64(s.Type), nil //nolint:unconvert // it is 32 bits wide on other processors
}
