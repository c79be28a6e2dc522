// Command genai is a client of Vertex AI as google.golang.org/genai shows it, pointed at the gateway.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"cloud.google.com/go/auth/httptransport"
	"google.golang.org/genai"

	"batchjobs.gateway/clients/vertex/gateway"
)

// [move]

func newClient(ctx context.Context) (*genai.Client, error) {
	tls, err := gateway.TLS()
	if err != nil {
		return nil, err
	}
	trusting := http.DefaultTransport.(*http.Transport).Clone()
	trusting.TLSClientConfig = tls
	authorized, err := httptransport.NewClient(&httptransport.Options{
		Credentials:      gateway.Credentials(),
		BaseRoundTripper: trusting,
	})
	if err != nil {
		return nil, err
	}
	return genai.NewClient(ctx, &genai.ClientConfig{
		Backend:     genai.BackendVertexAI,
		Project:     os.Getenv("BATCHJOBS_PROJECT"),
		Location:    os.Getenv("BATCHJOBS_LOCATION"),
		HTTPClient:  authorized,
		HTTPOptions: genai.HTTPOptions{BaseURL: os.Getenv("BATCHJOBS_REST_URL")},
	})
}

// [/move]

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
	source, destination := places(task)
	if task.Action == "repeat" {
		return repeat(ctx, client, task)
	}
	config := &genai.CreateBatchJobConfig{DisplayName: task.Name, Dest: destination}
	job, err := client.Batches.Create(ctx, "gemini-2.5-flash", source, config)
	if err != nil {
		return err
	}
	fmt.Println("created", job.Name)
	switch task.Action {
	case "list":
		return errors.Join(list(ctx, client, task), client.Batches.Cancel(ctx, job.Name, nil))
	case "cancel":
		if err := client.Batches.Cancel(ctx, job.Name, nil); err != nil {
			return err
		}
	}
	if err := wait(ctx, client, job.Name); err != nil || task.Action != "delete" {
		return err
	}
	return remove(ctx, client, job.Name)
}

// repeat creates twice with one id; both answers are one batch job.
func repeat(ctx context.Context, client *genai.Client, task gateway.Task) error {
	source, destination := places(task)
	for range 2 {
		// [request-id]
		headers := http.Header{}
		headers.Set("x-batchjobs-request-id", task.Name)
		job, err := client.Batches.Create(ctx, "gemini-2.5-flash", source, &genai.CreateBatchJobConfig{
			DisplayName: task.Name,
			Dest:        destination,
			HTTPOptions: &genai.HTTPOptions{Headers: headers},
		})
		// [/request-id]
		if err != nil {
			return err
		}
		fmt.Println("created", job.Name)
	}
	return nil
}

func places(task gateway.Task) (*genai.BatchJobSource, *genai.BatchJobDestination) {
	if task.BigQuery() {
		return &genai.BatchJobSource{Format: "bigquery", BigqueryURI: task.Source},
			&genai.BatchJobDestination{Format: "bigquery", BigqueryURI: task.Destination}
	}
	return &genai.BatchJobSource{Format: "jsonl", GCSURI: []string{task.Source}},
		&genai.BatchJobDestination{Format: "jsonl", GCSURI: task.Destination}
}

var completed = map[genai.JobState]bool{
	genai.JobStateSucceeded: true,
	genai.JobStateFailed:    true,
	genai.JobStateCancelled: true,
	genai.JobStatePaused:    true,
}

func wait(ctx context.Context, client *genai.Client, name string) error {
	job := &genai.BatchJob{}
	for !completed[job.State] {
		time.Sleep(300 * time.Millisecond)
		var err error
		if job, err = client.Batches.Get(ctx, name, nil); err != nil {
			return err
		}
	}
	fmt.Println("ended", job.State)
	if job.OutputInfo != nil {
		fmt.Println("output", job.OutputInfo.GCSOutputDirectory+job.OutputInfo.BigqueryOutputTable)
	}
	return nil
}

func list(ctx context.Context, client *genai.Client, task gateway.Task) error {
	page, err := client.Batches.List(ctx, &genai.ListBatchJobsConfig{PageSize: 1, Filter: task.Filter()})
	for err == nil {
		for _, job := range page.Items {
			fmt.Println("found", job.Name)
		}
		page, err = page.Next(ctx)
	}
	if err == genai.ErrPageDone {
		return nil
	}
	return err
}

func remove(ctx context.Context, client *genai.Client, name string) error {
	if _, err := client.Batches.Delete(ctx, name, nil); err != nil {
		return err
	}
	fmt.Println("deleted", name)
	_, err := client.Batches.Get(ctx, name, nil)
	var missing genai.APIError
	if !errors.As(err, &missing) || missing.Code != http.StatusNotFound {
		return err
	}
	fmt.Println("gone", missing.Status)
	return nil
}
