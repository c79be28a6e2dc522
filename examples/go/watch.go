package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "batchjobs.gateway/go/batchjobs/v1"
)

// silence is after how long a stream counts as dead: the gateway sends a heartbeat every 30 seconds.
const silence = 100 * time.Second

// wait follows a batch job to its end. A watch that is cut off is opened again; each begins with the present state, and
// the revision tells what has been seen before.
func wait(ctx context.Context, client pb.BatchJobsClient, name string) (*pb.BatchJob, error) {
	var seen int64
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		job, err := follow(ctx, client, name, &seen)
		if job != nil || !reopens(err) {
			return job, err
		}
		if asked, ok := retryAfter(err); ok {
			pause = max(asked, firstPause)
		}
		fmt.Fprintln(os.Stderr, "the watch was cut off; opening it again in", pause)
		select {
		case <-time.After(jitter(pause)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// follow reads one watch. It answers the batch job where that has ended, and otherwise how the stream ended.
func follow(ctx context.Context, client pb.BatchJobsClient, name string, seen *int64) (*pb.BatchJob, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	alive := time.AfterFunc(silence, cancel)
	defer alive.Stop()
	stream, err := client.WatchBatchJob(ctx, &pb.WatchBatchJobRequest{Name: name})
	if err != nil {
		return nil, err
	}
	for {
		event, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		alive.Reset(silence)
		job := event.GetBatchJob() // nil in a heartbeat
		if job.GetRevision() > *seen {
			*seen = job.Revision
			fmt.Println(job.State)
		}
		if isEnd(job.GetState()) {
			return job, nil
		}
	}
}

// isEnd knows all five ends. A loop that leaves one out waits for ever.
func isEnd(state pb.BatchJob_State) bool {
	switch state {
	case pb.BatchJob_SUCCEEDED, pb.BatchJob_PARTIALLY_SUCCEEDED, pb.BatchJob_FAILED, pb.BatchJob_CANCELLED, pb.BatchJob_EXPIRED:
		return true
	}
	return false
}

// reopens says whether a stream that ended this way is worth another: proxies make most of these codes.
func reopens(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Unknown, codes.Internal, codes.Aborted, codes.DataLoss:
		return true
	case codes.ResourceExhausted:
		_, ok := retryAfter(err)
		return ok
	}
	return false
}
