package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// exitWithParent ends this process when the one that started it is gone, even
// by kill -9. The parent holds the other end of our stdin: when it dies, the
// kernel closes it. Only where asked for, since kubectl and the judge read
// their input from stdin.
func exitWithParent(name string) {
	if os.Getenv("MESH_CLUSTER_STDIN") != "parent" || name == "hold" {
		return
	}
	go func() {
		waitForParentToDie()
		// The data is for one test run and nothing follows: no need for grace.
		removeAfterDeath()
		os.Exit(1)
	}()
}

func waitForParentToDie() {
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// removeAfterDeath removes the cluster's folder for a parent that no longer
// can. The other processes end at the same moment and may still be writing,
// hence the attempts.
func removeAfterDeath() {
	dir := os.Getenv("MESH_CLUSTER_REMOVE")
	if dir == "" {
		return
	}
	for range 20 {
		time.Sleep(50 * time.Millisecond)
		if os.RemoveAll(dir) == nil {
			if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
				return
			}
		}
	}
}

// runHold gives a foreign binary (an etcd or kube-apiserver of the user's own)
// the same promise: it ends when our stdin does.
func runHold(args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: mesh-cluster hold PROGRAM [ARGUMENT...]")
		return 2
	}
	child := exec.Command(args[0], args[1:]...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	// The pipe is ours, not the child's: one of our own binaries would take
	// its empty stdin for our death.
	child.Env = append(os.Environ(), "MESH_CLUSTER_STDIN=", "MESH_CLUSTER_REMOVE=")
	// A death signal follows the thread that forked, so this one must stay.
	runtime.LockOSThread()
	dieWithParent(child)
	if err := child.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "hold: %v\n", err)
		return 1
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for s := range signals {
			_ = child.Process.Signal(s)
		}
	}()
	go func() {
		waitForParentToDie()
		_ = child.Process.Kill()
	}()
	if err := child.Wait(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() >= 0 {
			return exit.ExitCode()
		}
		return 1
	}
	return 0
}
