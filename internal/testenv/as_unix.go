//go:build unix

package testenv

import (
	"os/exec"
	"syscall"
)

// as lets a command run as whoever runs the server.
func as(c *exec.Cmd) error {
	id, err := runner()
	if err != nil {
		return err
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if id != nil {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(id.uid), Gid: uint32(id.gid)}
	}
	c.Dir = "/"
	return nil
}
