package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// atOnce streams are opened at a time: gRPC's core drops calls where a thousand wait to be taken in.
const atOnce = 200

// patience is how long a round waits for its last message.
const patience = 60 * time.Second

// round is what is printed about one, as JSON. Times are seconds since 1970, so that whoever made the change can tell
// how long it took to arrive.
type round struct {
	Arrived int     `json:"arrived"`
	Median  float64 `json:"median"`
	Last    float64 `json:"last"`
	Error   string  `json:"error,omitempty"`
}

// arrival is a stream's first message with the mark, or the stream's end.
type arrival struct {
	at  time.Time
	err error
}

// watchers is one open stream for each request. Each message is looked for the mark of the round under way.
type watchers struct {
	lock     sync.Mutex
	mark     []byte
	arrivals chan arrival
}

// watch opens the streams, prints how many have answered, and then, for each line of input, a mark, prints "ready",
// waits until every stream has brought a message that holds it, and prints the round.
func watch(o options, requests [][]byte, connections []*grpc.ClientConn) error {
	w := &watchers{arrivals: make(chan arrival, len(requests))}
	if err := w.open(o, requests, connections); err != nil {
		return err
	}
	fmt.Printf("%d\n", len(requests))
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		w.begin(input.Text())
		fmt.Println("ready")
		if err := json.NewEncoder(os.Stdout).Encode(w.round(len(requests))); err != nil {
			return err
		}
	}
	return nil
}

func (w *watchers) open(o options, requests [][]byte, connections []*grpc.ClientConn) error {
	ctx := metadata.NewOutgoingContext(context.Background(), headers(o.headers))
	opened := make(chan error, len(requests))
	places := make(chan struct{}, atOnce)
	for i, request := range requests {
		places <- struct{}{}
		go func() {
			stream, err := stream(ctx, connections[i%len(connections)], o.method, request)
			if err == nil {
				var first []byte
				err = stream.RecvMsg(&first)
			}
			<-places
			opened <- err
			if err == nil {
				w.receive(stream)
			}
		}()
	}
	for range requests {
		if err := <-opened; err != nil {
			return fmt.Errorf("a watch was not opened: %w", err)
		}
	}
	return nil
}

func stream(ctx context.Context, connection *grpc.ClientConn, method string, request []byte) (grpc.ClientStream, error) {
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(request); err != nil && err != io.EOF {
		return nil, err
	}
	return stream, stream.CloseSend()
}

// receive tells of each message with the mark, once a round, and of the stream's end, which should not come.
func (w *watchers) receive(stream grpc.ClientStream) {
	var told []byte
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err != nil {
			w.arrivals <- arrival{err: fmt.Errorf("a watch ended: %s %w", status.Code(err), err)}
			return
		}
		at := time.Now()
		w.lock.Lock()
		mark := w.mark
		w.lock.Unlock()
		if len(mark) > 0 && !bytes.Equal(told, mark) && bytes.Contains(message, mark) {
			told = mark
			w.arrivals <- arrival{at: at}
		}
	}
}

func (w *watchers) begin(mark string) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.mark = []byte(mark)
}

func (w *watchers) round(count int) round {
	late := time.After(patience)
	var times []float64
	for len(times) < count {
		select {
		case a := <-w.arrivals:
			if a.err != nil {
				return round{Arrived: len(times), Error: a.err.Error()}
			}
			times = append(times, float64(a.at.UnixNano())/1e9)
		case <-late:
			return round{Arrived: len(times), Error: fmt.Sprintf("%d watches missed it", count-len(times))}
		}
	}
	sort.Float64s(times)
	return round{Arrived: count, Median: times[count/2], Last: times[count-1]}
}
