package main

import (
	"context"
	_ "embed"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

//go:embed service-config.json
var serviceConfig string

// connect opens a channel with TLS, a token in each call, retries where they are safe, and pings that notice a dead
// connection under a watch.
func connect(endpoint, caFile, tokenFile string) (*grpc.ClientConn, error) {
	tls, err := credentials.NewClientTLSFromFile(caFile, "")
	if err != nil {
		return nil, err
	}
	return grpc.NewClient("dns:///"+endpoint,
		grpc.WithTransportCredentials(tls),
		grpc.WithPerRPCCredentials(token(tokenFile)),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: time.Minute, Timeout: 20 * time.Second, PermitWithoutStream: true,
		}),
	)
}

// token is a file that holds a token; it is read for each call, since whoever renews it replaces the file.
type token string

func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	content, err := os.ReadFile(string(t))
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + strings.TrimSpace(string(content))}, nil
}

func (token) RequireTransportSecurity() bool { return true }
