// Command aiplatform is a client of Vertex AI as cloud.google.com/go/aiplatform shows it, pointed at the gateway.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	aiplatform "cloud.google.com/go/aiplatform/apiv1"
	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"github.com/googleapis/gax-go/v2/callctx"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"batchjobs.gateway/clients/vertex/gateway"
)

// [move]

func newClient(ctx context.Context) (*aiplatform.JobClient, error) {
	tls, err := gateway.TLS()
	if err != nil {
		return nil, err
	}
	return aiplatform.NewJobClient(ctx,
		option.WithEndpoint(os.Getenv("BATCHJOBS_ENDPOINT")),
		option.WithAuthCredentials(gateway.Credentials()),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(credentials.NewTLS(tls))),
	)
}

// [/move]

func parent() string {
	return fmt.Sprintf("projects/%s/locations/%s", os.Getenv("BATCHJOBS_PROJECT"), os.Getenv("BATCHJOBS_LOCATION"))
}

func main() {
	if err := run(context.Background(), gateway.ReadTask()); err != nil {
		explain(err)
		os.Exit(gateway.Refused)
	}
}

func run(ctx context.Context, task gateway.Task) error {
	client, err := newClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if task.Action == "repeat" {
		return repeat(ctx, client, task)
	}
	job, err := client.CreateBatchPredictionJob(ctx, &pb.CreateBatchPredictionJobRequest{
		Parent: parent(), BatchPredictionJob: batchPredictionJob(task),
	})
	if err != nil {
		return err
	}
	fmt.Println("created", job.Name)
	switch task.Action {
	case "list":
		return errors.Join(list(ctx, client, task), cancel(ctx, client, job.Name))
	case "cancel":
		if err := cancel(ctx, client, job.Name); err != nil {
			return err
		}
	}
	if err := wait(ctx, client, job.Name); err != nil || task.Action != "delete" {
		return err
	}
	return remove(ctx, client, job.Name)
}

// repeat creates twice with one id; both answers are one batch job.
func repeat(ctx context.Context, client *aiplatform.JobClient, task gateway.Task) error {
	request := &pb.CreateBatchPredictionJobRequest{Parent: parent(), BatchPredictionJob: batchPredictionJob(task)}
	for range 2 {
		// [request-id]
		withID := callctx.SetHeaders(ctx, "x-batchjobs-request-id", task.Name)
		job, err := client.CreateBatchPredictionJob(withID, request)
		// [/request-id]
		if err != nil {
			return err
		}
		fmt.Println("created", job.Name)
	}
	return nil
}

func batchPredictionJob(task gateway.Task) *pb.BatchPredictionJob {
	input := &pb.BatchPredictionJob_InputConfig{
		InstancesFormat: "jsonl",
		Source:          &pb.BatchPredictionJob_InputConfig_GcsSource{GcsSource: &pb.GcsSource{Uris: []string{task.Source}}},
	}
	output := &pb.BatchPredictionJob_OutputConfig{
		PredictionsFormat: "jsonl",
		Destination: &pb.BatchPredictionJob_OutputConfig_GcsDestination{
			GcsDestination: &pb.GcsDestination{OutputUriPrefix: task.Destination},
		},
	}
	if task.BigQuery() {
		input.InstancesFormat, output.PredictionsFormat = "bigquery", "bigquery"
		input.Source = &pb.BatchPredictionJob_InputConfig_BigquerySource{
			BigquerySource: &pb.BigQuerySource{InputUri: task.Source},
		}
		output.Destination = &pb.BatchPredictionJob_OutputConfig_BigqueryDestination{
			BigqueryDestination: &pb.BigQueryDestination{OutputUri: task.Destination},
		}
	}
	return &pb.BatchPredictionJob{
		DisplayName:  task.Name,
		Model:        "publishers/google/models/gemini-2.5-flash",
		InputConfig:  input,
		OutputConfig: output,
	}
}

// wait goes by end_time, which every batch job has in the end, however it ends.
func wait(ctx context.Context, client *aiplatform.JobClient, name string) error {
	for {
		job, err := client.GetBatchPredictionJob(ctx, &pb.GetBatchPredictionJobRequest{Name: name})
		if err != nil {
			return err
		}
		if job.GetEndTime() != nil {
			fmt.Println("ended", job.State)
			info := job.GetOutputInfo()
			fmt.Println("output", info.GetGcsOutputDirectory()+info.GetBigqueryOutputTable())
			return nil
		}
		time.Sleep(300 * time.Millisecond)
	}
}

func cancel(ctx context.Context, client *aiplatform.JobClient, name string) error {
	return client.CancelBatchPredictionJob(ctx, &pb.CancelBatchPredictionJobRequest{Name: name})
}

func list(ctx context.Context, client *aiplatform.JobClient, task gateway.Task) error {
	request := &pb.ListBatchPredictionJobsRequest{Parent: parent(), Filter: task.Filter(), PageSize: 1}
	jobs := client.ListBatchPredictionJobs(ctx, request)
	for {
		job, err := jobs.Next()
		if err == iterator.Done {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println("found", job.Name)
	}
}

func remove(ctx context.Context, client *aiplatform.JobClient, name string) error {
	operation, err := client.DeleteBatchPredictionJob(ctx, &pb.DeleteBatchPredictionJobRequest{Name: name})
	if err != nil {
		return err
	}
	if err := operation.Wait(ctx); err != nil {
		return err
	}
	fmt.Println("deleted", name)
	_, err = client.GetBatchPredictionJob(ctx, &pb.GetBatchPredictionJobRequest{Name: name})
	if status.Code(err) != codes.NotFound {
		return err
	}
	fmt.Println("gone", status.Code(err))
	return nil
}
