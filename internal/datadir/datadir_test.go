package datadir_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/datadir"
)

func TestSecondLockIsRefusedWithItsOwner(t *testing.T) {
	d, err := datadir.Open(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	release, err := d.Lock()
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Lock()
	inUse, ok := errors.AsType[*datadir.InUseError](err)
	if !ok {
		t.Fatalf("second lock: %v, want an InUseError", err)
	}
	if want := "process " + strconv.Itoa(os.Getpid()); inUse.Owner != want {
		t.Errorf("owner %q, want %q", inUse.Owner, want)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = d.Lock() // over the file that the first one left
	if err != nil {
		t.Fatalf("lock after release: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func TestSec_F12_DirectoryIsPrivate(t *testing.T) {
	d, err := datadir.Open(filepath.Join(t.TempDir(), "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, want 0700", fi.Mode().Perm())
	}
}

func TestSocketWorksBelowALongPath(t *testing.T) {
	for name, dir := range map[string]string{"short": "d", "long": strings.Repeat("long/", 40)} {
		t.Run(name, func(t *testing.T) {
			d, err := datadir.Open(filepath.Join(t.TempDir(), dir))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time over the file of the first
				p, err := d.PrepareSocket()
				if err != nil {
					t.Fatal(err)
				}
				l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", p)
				if err != nil {
					t.Fatal(err)
				}
				if p != d.Socket() {
					t.Errorf("prepared %s, named %s", p, d.Socket())
				}
				_ = l.Close()
			}
			if filepath.Dir(d.Socket()) != d.Path() {
				_ = os.RemoveAll(filepath.Dir(d.Socket()))
			}
		})
	}
}

func TestExistingNeedsAHub(t *testing.T) {
	dir := t.TempDir()
	if _, err := datadir.Existing(dir); err == nil || !strings.Contains(err.Error(), "muster serve --data") {
		t.Errorf("error %v, want one that says how to start a hub", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "muster.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Existing(dir); err != nil {
		t.Error(err)
	}
}
