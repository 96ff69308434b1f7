//go:build !linux

package main

import "os/exec"

// dieWithParent does nothing here: only Linux has a death signal. The closed
// stdin remains.
func dieWithParent(*exec.Cmd) {}
