// mesh-cluster is one binary that plays every part of a small Kubernetes API
// server: the server, its store, its command line, and Istio's own judgement
// on what is written to it. Tests start it through start.mjs.
//
// Which part to play is the first argument or the name it is called by, so
// that a link named `kube-apiserver` behaves like one.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

type part struct {
	name string
	does string
	run  func(args []string) int
}

var parts = []part{
	{"apiserver", "kube-apiserver", runAPIServer},
	{"etcd", "etcd", runEtcd},
	{"kubectl", "kubectl", runKubectl},
	{"istio-webhook", "Istio's validation webhook, TLS on 127.0.0.1", runWebhook},
	{"istio-judge", "policies on stdin, Istio's verdict and Envoy's RBAC filters on stdout", runJudge},
	{"crds", "write the CRDs of Istio and the Gateway API into a folder", runCRDs},
	{"certs", "write a self-signed certificate for 127.0.0.1 into a folder", runCerts},
	{"identities", "write certificates for SPIFFE URIs on stdin into a folder", runIdentities},
	{"hold", "run another program that must not outlive the caller", runHold},
}

var linkNames = map[string]string{
	"kube-apiserver": "apiserver",
	"etcd":           "etcd",
	"kubectl":        "kubectl",
}

func main() {
	args := os.Args[1:]
	name, linked := linkNames[filepath.Base(os.Args[0])]
	if !linked {
		if len(args) == 0 {
			usage()
			os.Exit(2)
		}
		name, args = args[0], args[1:]
	}
	for _, p := range parts {
		if p.name == name {
			exitWithParent(p.name)
			os.Exit(p.run(args))
		}
	}
	fmt.Fprintf(os.Stderr, "mesh-cluster: no part is named `%s`\n\n", name)
	usage()
	os.Exit(2)
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: mesh-cluster PART [ARGUMENT...]")
	for _, p := range parts {
		fmt.Fprintf(os.Stderr, "    %-14s %s\n", p.name, p.does)
	}
}
