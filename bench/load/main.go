// Command load calls one unary gRPC method as fast as it answers and reports what came back. With -watch it opens a
// stream for each request instead, and reports when changes arrive. Where the target is a URL it calls by HTTP, and each
// request is a path.
//
// Requests are bytes that were made before; answers are counted by their status and dropped unread, so that the
// generator costs as little as it can beside the server it measures.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// raw passes bytes through in both directions.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = data; return nil }
func (raw) Name() string                       { return "proto" }

// report is what one run prints, as JSON. Times are in seconds.
type report struct {
	Calls    int            `json:"calls"`
	Seconds  float64        `json:"seconds"`
	Statuses map[string]int `json:"statuses"`
	P50      float64        `json:"p50"`
	P99      float64        `json:"p99"`
	Error    string         `json:"error,omitempty"`
}

type options struct {
	target, method, requests, headers string
	callers, connections              int
	once, watch, first                bool
	warmUp, duration, pause           time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.target, "target", "", "host:port of the server, or http://host:port")
	flag.StringVar(&o.method, "method", "", "/package.Service/Method, or GET say")
	flag.StringVar(&o.requests, "requests", "", "file of requests, each with its length before it in four bytes")
	flag.StringVar(&o.headers, "headers", "", "metadata, or HTTP's headers, as key=value,key=value")
	flag.IntVar(&o.callers, "callers", 32, "how many call at a time")
	flag.IntVar(&o.connections, "connections", 0, "how many connections they share; 0: one each")
	flag.BoolVar(&o.watch, "watch", false, "open a stream for each request, and wait for the marks that are read from the input")
	flag.BoolVar(&o.first, "first", false, "a call is a stream that is left at its first message")
	flag.BoolVar(&o.once, "once", false, "send each request once, in order, and stop when there are none left")
	flag.DurationVar(&o.warmUp, "warm-up", time.Second, "how long to call before counting")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "how long to count")
	flag.DurationVar(&o.pause, "pause", 0, "how long each caller rests between its calls")
	flag.Parse()
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	requests, err := read(o.requests)
	if err != nil {
		return err
	}
	if strings.HasPrefix(o.target, "http://") {
		return tell(call(o, requests, func(int) send { return overHTTP(o) }))
	}
	if o.connections <= 0 {
		o.connections = o.callers
	}
	connections := make([]*grpc.ClientConn, o.connections)
	for i := range connections {
		if connections[i], err = grpc.NewClient(o.target, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}))); err != nil {
			return err
		}
		defer connections[i].Close()
	}
	if o.watch {
		return watch(o, requests, connections)
	}
	return tell(call(o, requests, func(caller int) send { return overGRPC(o, connections[caller%o.connections]) }))
}

func tell(result *report) error {
	return json.NewEncoder(os.Stdout).Encode(result)
}

// call calls as many at a time as there are callers, until the time is over or nothing is left to send.
func call(o options, requests [][]byte, sender func(caller int) send) *report {
	callers := make([]caller, o.callers)
	next := source(requests, o.once)
	begin := time.Now().Add(o.warmUp)
	end := begin.Add(o.duration)
	var done sync.WaitGroup
	for i := range callers {
		callers[i] = caller{statuses: map[string]int{}, send: sender(i), random: rand.New(rand.NewSource(int64(i)))}
		done.Add(1)
		go func() {
			defer done.Done()
			callers[i].call(o, next, begin, end)
		}()
	}
	done.Wait()
	return sum(callers, o.duration, begin)
}

type caller struct {
	send     send
	random   *rand.Rand
	statuses map[string]int
	took     []float64
	last     time.Time
	err      string
}

// call calls until the end and keeps what ended between begin and end.
func (c *caller) call(o options, next func(*rand.Rand) []byte, begin, end time.Time) {
	for time.Now().Before(end) {
		request := next(c.random)
		if request == nil {
			return
		}
		began := time.Now()
		limited, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		code, err := c.send(limited, request)
		cancel()
		ended := time.Now()
		time.Sleep(o.pause)
		if ended.Before(begin) || (ended.After(end) && !o.once) {
			continue
		}
		c.statuses[code]++
		c.took = append(c.took, ended.Sub(began).Seconds())
		c.last = ended
		if err != nil {
			c.err = err.Error()
		}
	}
}

// source answers what to send: any of the requests by chance, or each of them once.
func source(requests [][]byte, once bool) func(*rand.Rand) []byte {
	if !once {
		return func(random *rand.Rand) []byte { return requests[random.Intn(len(requests))] }
	}
	var lock sync.Mutex
	sent := 0
	return func(*rand.Rand) []byte {
		lock.Lock()
		defer lock.Unlock()
		if sent == len(requests) {
			return nil
		}
		sent++
		return requests[sent-1]
	}
}

func sum(callers []caller, duration time.Duration, begin time.Time) *report {
	result := &report{Seconds: duration.Seconds(), Statuses: map[string]int{}}
	var took []float64
	var last time.Time
	for _, c := range callers {
		for code, count := range c.statuses {
			result.Statuses[code] += count
		}
		took = append(took, c.took...)
		if c.last.After(last) {
			last = c.last
		}
		if c.err != "" {
			result.Error = c.err
		}
	}
	sort.Float64s(took)
	result.Calls = len(took)
	if len(took) > 0 {
		result.P50, result.P99 = took[len(took)/2], took[len(took)*99/100]
		result.Seconds = min(last.Sub(begin).Seconds(), result.Seconds)
	}
	return result
}

func headers(text string) metadata.MD {
	pairs := metadata.MD{}
	for _, pair := range strings.Split(text, ",") {
		if key, value, found := strings.Cut(pair, "="); found {
			pairs.Append(key, value)
		}
	}
	return pairs
}

func read(path string) ([][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var requests [][]byte
	for {
		var size uint32
		if err := binary.Read(file, binary.BigEndian, &size); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		request := make([]byte, size)
		if _, err := io.ReadFull(file, request); err != nil {
			return nil, err
		}
		requests = append(requests, request)
	}
	if len(requests) == 0 {
		return nil, fmt.Errorf("%s holds no request", path)
	}
	return requests, nil
}
