package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"istio.io/istio/manifests"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// The Gateway API's module embeds nothing itself; build.sh copies its standard
// channel here from the module that go.mod names.
//
//go:embed bin/gateway-api/*.yaml
var gatewayAPI embed.FS

// runCRDs writes one file per CRD, named for it, ready for a server-side apply
// of the file as it is.
func runCRDs(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: mesh-cluster crds DIR")
		return 2
	}
	if err := writeCRDs(args[0]); err != nil {
		fmt.Fprintf(os.Stderr, "crds: %v\n", err)
		return 1
	}
	return 0
}

func writeCRDs(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	istio, err := manifests.FS.ReadFile("charts/base/files/crd-all.gen.yaml")
	if err != nil {
		return err
	}
	sources := [][]byte{istio}
	names, err := fs.Glob(gatewayAPI, "bin/gateway-api/*.yaml")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := gatewayAPI.ReadFile(name)
		if err != nil {
			return err
		}
		sources = append(sources, text)
	}
	for _, text := range sources {
		if err := splitCRDs(dir, text); err != nil {
			return err
		}
	}
	return nil
}

func splitCRDs(dir string, text []byte) error {
	documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(text)))
	defer documents.Close()
	buffer := make([]byte, len(text)+1)
	for {
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var crd apiextensions.CustomResourceDefinition
		if err := sigsyaml.Unmarshal(buffer[:n], &crd); err != nil {
			return err
		}
		// The Gateway API's folder also holds an admission policy that guards
		// upgrades; a test cluster has none.
		if crd.Kind != "CustomResourceDefinition" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, crd.Name+".yaml"), buffer[:n], 0o644); err != nil {
			return err
		}
	}
}
