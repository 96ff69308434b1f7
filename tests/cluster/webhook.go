package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/webhooks/validation/server"
)

// runWebhook serves istiod's own validation of configuration, alone. It takes
// any free port and prints the URL as its first line once it listens.
func runWebhook(args []string) int {
	flags := flag.NewFlagSet("istio-webhook", flag.ContinueOnError)
	cert := flags.String("tls-cert-file", "", "certificate for 127.0.0.1")
	key := flags.String("tls-private-key-file", "", "its key")
	port := flags.Int("port", 0, "port on 127.0.0.1; 0 takes a free one")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := serveWebhook(*cert, *key, *port); err != nil {
		fmt.Fprintf(os.Stderr, "istio-webhook: %v\n", err)
		return 1
	}
	return 0
}

func serveWebhook(cert, key string, port int) error {
	mux := http.NewServeMux()
	// The schemas that istiod itself registers when the Gateway API is on.
	if _, err := server.New(server.Options{
		Schemas:      collections.PilotGatewayAPI(),
		DomainSuffix: "cluster.local",
		Mux:          mux,
	}); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	fmt.Printf("https://%s/validate\n", listener.Addr())

	webhook := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stopped, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	go func() {
		<-stopped.Done()
		_ = webhook.Close()
	}()
	if err := webhook.ServeTLS(listener, cert, key); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
