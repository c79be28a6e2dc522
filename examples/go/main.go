// Command nightly creates a batch job, follows it to its end and says where the output is.
//
// Where the gateway is and who calls stand in the environment, by the names that the batchjobs command uses:
// BATCHJOBS_ENDPOINT, BATCHJOBS_TEAM, BATCHJOBS_CA_FILE and BATCHJOBS_TOKEN_FILE. It ends with 0 when the batch job has
// succeeded, with 3 when it was refused, and with 5 when it ended otherwise.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	pb "batchjobs.gateway/go/batchjobs/v1"
)

const (
	succeeded = 0
	usage     = 2
	refused   = 3
	ended     = 5
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: nightly REQUEST_ID SOURCE DESTINATION, each place as gs:// or bq://")
		os.Exit(usage)
	}
	os.Exit(run(context.Background(), os.Args[1], os.Args[2], os.Args[3]))
}

func run(ctx context.Context, requestID, source, destination string) int {
	connection, err := connect(os.Getenv("BATCHJOBS_ENDPOINT"), os.Getenv("BATCHJOBS_CA_FILE"), os.Getenv("BATCHJOBS_TOKEN_FILE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return usage
	}
	defer connection.Close()
	client := pb.NewBatchJobsClient(connection)
	job, err := create(ctx, client, requestID, batchJob(source, destination))
	if err != nil {
		explain(os.Stderr, err)
		return refused
	}
	fmt.Println("created", job.Name)
	if job, err = wait(ctx, client, job.Name); err != nil {
		explain(os.Stderr, err)
		return refused
	}
	fmt.Println(job.State, "after", job.EndTime.AsTime().Sub(job.CreateTime.AsTime()).Round(time.Millisecond))
	if job.State != pb.BatchJob_SUCCEEDED && job.State != pb.BatchJob_PARTIALLY_SUCCEEDED {
		fmt.Fprintln(os.Stderr, job.GetError().GetMessage())
		return ended
	}
	// Vertex AI chooses the name below the destination: it is read, never built.
	fmt.Println(job.GetRows().GetSucceeded(), "rows in", job.Output.GetGcsDirectory()+job.Output.GetBigqueryTable())
	return succeeded
}

func batchJob(source, destination string) *pb.BatchJob {
	job := &pb.BatchJob{Model: "gemini-2.5-flash", Region: "us-central1", Labels: map[string]string{"run": "nightly"}}
	if strings.HasPrefix(source, "bq://") {
		job.Source = &pb.BatchJob_BigquerySource{BigquerySource: &pb.BigQuerySource{Table: source}}
	} else {
		job.Source = &pb.BatchJob_GcsSource{GcsSource: &pb.GcsSource{Uri: source}}
	}
	if strings.HasPrefix(destination, "bq://") {
		job.Destination = &pb.BatchJob_BigqueryDestination{BigqueryDestination: &pb.BigQueryDestination{Table: destination}}
	} else {
		job.Destination = &pb.BatchJob_GcsDestination{GcsDestination: &pb.GcsDestination{OutputUriPrefix: destination}}
	}
	return job
}

// create asks until the answer is clear: the gateway makes one batch job of a request id, however often it is asked.
// UNAVAILABLE is repeated by gRPC itself, as the service config says; a deadline that has passed is repeated here.
func create(ctx context.Context, client pb.BatchJobsClient, requestID string, job *pb.BatchJob) (*pb.BatchJob, error) {
	request := &pb.CreateBatchJobRequest{Parent: "teams/" + os.Getenv("BATCHJOBS_TEAM"), BatchJob: job, RequestId: requestID}
	for attempt := 1; ; attempt++ {
		bounded, cancel := context.WithTimeout(ctx, 20*time.Second)
		created, err := client.CreateBatchJob(bounded, request)
		cancel()
		if !isDeadline(err) || attempt == 3 {
			return created, err
		}
	}
}
