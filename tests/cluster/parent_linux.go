package main

import (
	"os/exec"
	"syscall"
)

// dieWithParent covers the one case that a closed stdin cannot: `hold` itself
// killed with -9.
func dieWithParent(child *exec.Cmd) {
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
