// Package gateway says where the gateway is, who calls, and what is to be done, as the environment and the arguments
// tell it.
package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"cloud.google.com/go/auth"
)

// [move]

// TokenFile is a file that holds a token; it is read for each call, since whoever renews it replaces the file.
type TokenFile string

// Token makes it a TokenProvider, the one source of tokens that Google's clients for Go need.
func (f TokenFile) Token(context.Context) (*auth.Token, error) {
	content, err := os.ReadFile(string(f))
	if err != nil {
		return nil, err
	}
	return &auth.Token{Value: strings.TrimSpace(string(content)), Type: "Bearer"}, nil
}

// Credentials are what every client takes.
func Credentials() *auth.Credentials {
	return auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: TokenFile(os.Getenv("BATCHJOBS_TOKEN_FILE"))})
}

// TLS trusts the company's own certificate authority; without it the machine's are trusted.
func TLS() (*tls.Config, error) {
	certificates, err := os.ReadFile(os.Getenv("BATCHJOBS_CA_FILE"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(certificates) {
		return nil, errors.New("there is no certificate in the file")
	}
	return &tls.Config{RootCAs: pool}, nil
}

// [/move]

// Refused is what a program ends with when the gateway refuses.
const Refused = 3

// Task is one run of a program.
type Task struct{ Action, Source, Destination, Name string }

// ReadTask reads the arguments.
func ReadTask() Task {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: PROGRAM run|repeat|cancel|list|delete SOURCE DESTINATION NAME")
		os.Exit(2)
	}
	return Task{os.Args[1], os.Args[2], os.Args[3], os.Args[4]}
}

// BigQuery tells whether source and destination are tables; else they are objects of Cloud Storage.
func (t Task) BigQuery() bool { return strings.HasPrefix(t.Source, "bq://") }

// Filter finds the batch jobs of this run.
func (t Task) Filter() string { return fmt.Sprintf("display_name=%q", t.Name) }
