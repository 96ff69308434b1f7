package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// runIdentities makes a mesh's certificates: an authority, a server, and a
// client for each SPIFFE URI on stdin. DIR then holds ca.crt, server.crt and
// server.key, and 0.pem, 1.pem, ... with certificate and key, in the order of
// the URIs.
func runIdentities(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: mesh-cluster identities DIR <SPIFFE-URIS")
		return 2
	}
	if err := writeIdentities(args[0], os.Stdin); err != nil {
		fmt.Fprintf(os.Stderr, "identities: %v\n", err)
		return 1
	}
	return 0
}

func writeIdentities(dir string, uris io.Reader) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// One key for all: who has the folder has every key anyway.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	authority := certificate("authority")
	authority.IsCA = true
	authority.KeyUsage = x509.KeyUsageCertSign
	sign := func(template *x509.Certificate) ([]byte, error) {
		template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
		if err != nil {
			return nil, err
		}
		der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), key)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
	}
	write := func(name string, parts ...[]byte) error {
		var content []byte
		for _, part := range parts {
			content = append(content, part...)
		}
		return os.WriteFile(filepath.Join(dir, name), content, 0o600)
	}

	signed, err := sign(authority)
	if err != nil {
		return err
	}
	if err := write("ca.crt", signed); err != nil {
		return err
	}
	server := certificate("server")
	server.DNSNames = []string{"server"}
	if signed, err = sign(server); err != nil {
		return err
	}
	if err := write("server.crt", signed); err != nil {
		return err
	}
	if err := write("server.key", keyPEM); err != nil {
		return err
	}
	lines := bufio.NewScanner(uris)
	for i := 0; lines.Scan(); i++ {
		uri, err := url.Parse(strings.TrimSpace(lines.Text()))
		if err != nil {
			return err
		}
		client := certificate("")
		client.URIs = []*url.URL{uri}
		if signed, err = sign(client); err != nil {
			return err
		}
		if err := write(fmt.Sprintf("%d.pem", i), signed, keyPEM); err != nil {
			return err
		}
	}
	return lines.Err()
}

func certificate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name},
		// An hour back: a container's clock may lag behind its host's.
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(7 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
}
