package sqlite

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestRel_R16_NetworkFileSystemIsRefused(t *testing.T) {
	for magic, name := range map[int64]string{0x6969: "NFS", 0xff534d42: "CIFS", -0xacb2be: "CIFS", 0xfe534d42: "SMB", 0x00c36400: "CephFS"} {
		err := checkFileSystem("/mnt/muster.db", func(string) (int64, error) { return magic, nil })
		if err == nil || !strings.Contains(err.Error(), "network file system ("+name+")") || !strings.Contains(err.Error(), "local disk") {
			t.Errorf("%x: %v, want a refusal that names %s and says what to do", magic, err, name)
		}
	}
	// ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS.
	for _, magic := range []int64{0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1} {
		if err := checkFileSystem("/data/muster.db", func(string) (int64, error) { return magic, nil }); err != nil {
			t.Errorf("%x: %v", magic, err)
		}
	}
	gone := errors.New("gone")
	if err := checkFileSystem("/data/muster.db", func(string) (int64, error) { return 0, gone }); !errors.Is(err, gone) {
		t.Errorf("%v, want %v", err, gone)
	}
}

// TestForeignFilesAreRefused: what is not a database of Muster stays as it is.
func TestForeignFilesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "muster.db")
	c, err := connect(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Do("CREATE TABLE song (name TEXT) STRICT"); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), path, Options{})
	if err == nil {
		t.Fatal(errors.Join(errors.New("opened the database of somebody else"), db.Close()))
	}
	if !strings.Contains(err.Error(), "is not a database of Muster") {
		t.Errorf("%v, want one that says so", err)
	}
}
