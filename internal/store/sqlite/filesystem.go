package sqlite

import "fmt"

// networked are file systems of which another machine has the disk, by their magic numbers (statfs(2)). They take a write-ahead
// log as long as one machine uses it, so that SQLite does not complain. But locks and the log's shared memory mean nothing to the
// other machines, and what is confirmed need not be on a disk: two hubs, or one cut line, damage the database.
var networked = map[int64]string{
	0x6969:     "NFS",
	0x517b:     "SMB",
	0xff534d42: "CIFS",
	0xfe534d42: "SMB",
	0x5346414f: "AFS",
	0x6b414653: "AFS",
	0x00c36400: "CephFS",
	0x0bd00bd0: "Lustre",
	0x47504653: "GPFS",
	0x73757245: "Coda",
	0x564c:     "NCP",
}

// checkFileSystem refuses a database on a network file system (R16).
func checkFileSystem(path string, kind func(string) (int64, error)) error {
	magic, err := kind(path)
	if err != nil {
		return fmt.Errorf("file system of %s: %w", path, err)
	}
	// Some architectures sign-extend what is 32 bits wide.
	if name := networked[magic&0xffffffff]; name != "" {
		return fmt.Errorf("%s is on a network file system (%s), which cannot keep an embedded database: use a local disk, or PostgreSQL (database.url)", path, name)
	}
	return nil
}
