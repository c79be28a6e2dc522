package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	firstPause = 250 * time.Millisecond
	lastPause  = 8 * time.Second
)

// explain prints a refusal: its reason, by which a program decides, and what each detail says to do about it.
func explain(out io.Writer, err error) {
	refusal := status.Convert(err)
	fmt.Fprintln(out, "refused:", refusal.Code(), refusal.Message())
	for _, detail := range refusal.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			fmt.Fprintln(out, "  reason:", detail.Reason)
		case *errdetails.BadRequest: // fields to mend, or that the team's policy does not allow
			for _, each := range detail.FieldViolations {
				fmt.Fprintf(out, "  field %s: %s (%s)\n", each.Field, each.Description, each.Reason)
			}
		case *errdetails.PreconditionFailure: // something elsewhere has to change first
			for _, each := range detail.Violations {
				fmt.Fprintf(out, "  precondition %s on %s: %s\n", each.Type, each.Subject, each.Description)
			}
		case *errdetails.QuotaFailure:
			for _, each := range detail.Violations {
				fmt.Fprintf(out, "  quota %s: %s of %d used\n", each.QuotaId, each.QuotaDimensions["used"], each.QuotaValue)
			}
		case *errdetails.ResourceInfo:
			fmt.Fprintln(out, "  resource:", detail.ResourceName)
		case *errdetails.RetryInfo:
			fmt.Fprintln(out, "  try again in", detail.RetryDelay.AsDuration())
		}
	}
}

// retryAfter is how long a refusal asks to wait; without a RetryInfo waiting does not help.
func retryAfter(err error) (time.Duration, bool) {
	for _, detail := range status.Convert(err).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return retry.RetryDelay.AsDuration(), true
		}
	}
	return 0, false
}

func isDeadline(err error) bool { return status.Code(err) == codes.DeadlineExceeded }

// jitter lengthens a pause by up to a half, so that many callers do not come back together.
func jitter(pause time.Duration) time.Duration { return pause + rand.N(pause/2) }
