package main

import (
	"context"
	"errors"
	"io"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// ok is the status of a call that ended well, over gRPC and over HTTP.
const ok = "OK"

// send makes one call and answers its status.
type send func(ctx context.Context, request []byte) (string, error)

// overGRPC sends a request's bytes to the method.
func overGRPC(o options, connection *grpc.ClientConn) send {
	outgoing, ask := headers(o.headers), connection.Invoke
	if o.first {
		ask = first(connection)
	}
	return func(ctx context.Context, request []byte) (string, error) {
		var answer []byte
		err := ask(metadata.NewOutgoingContext(ctx, outgoing), o.method, request, &answer)
		return status.Code(err).String(), err
	}
}

// first reads a stream's first message; whoever ends the context leaves the stream.
func first(connection *grpc.ClientConn) func(context.Context, string, any, any, ...grpc.CallOption) error {
	return func(ctx context.Context, method string, request, answer any, options ...grpc.CallOption) error {
		stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, options...)
		if err != nil {
			return err
		}
		if err := stream.SendMsg(request); err != nil {
			return err
		}
		if err := stream.CloseSend(); err != nil {
			return err
		}
		return stream.RecvMsg(answer)
	}
}

// overHTTP asks for the path that a request is, by the method `GET` say, over one connection that is kept. Every status
// but 200 is an error, and the answer is read to its end.
func overHTTP(o options) send {
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}}
	sent := http.Header{}
	for key, values := range headers(o.headers) {
		sent[http.CanonicalHeaderKey(key)] = values
	}
	return func(ctx context.Context, path []byte) (string, error) {
		request, err := http.NewRequestWithContext(ctx, o.method, o.target+string(path), nil)
		if err != nil {
			return "no request", err
		}
		request.Header = sent
		answer, err := client.Do(request)
		if err != nil {
			return "no answer", err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return "half an answer", err
		}
		if answer.StatusCode != http.StatusOK {
			return answer.Status, errors.New(string(body))
		}
		return ok, nil
	}
}
