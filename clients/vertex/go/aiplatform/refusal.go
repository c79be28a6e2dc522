package main

import (
	"errors"
	"fmt"

	"github.com/googleapis/gax-go/v2/apierror"
)

// explain prints what a refusal says; the client keeps its details, typed, in an APIError.
func explain(err error) {
	var refusal *apierror.APIError
	if !errors.As(err, &refusal) {
		fmt.Println("refused", err)
		return
	}
	fmt.Printf("refused %s: %s\n", refusal.GRPCStatus().Code(), refusal.GRPCStatus().Message())
	if refusal.Reason() != "" {
		fmt.Println("reason:", refusal.Reason())
	}
	details := refusal.Details()
	for _, each := range details.BadRequest.GetFieldViolations() {
		fmt.Println("violation:", each.Field, each.Description)
	}
	for _, each := range details.PreconditionFailure.GetViolations() {
		fmt.Println("violation:", each.Subject, each.Description)
	}
	for _, each := range details.QuotaFailure.GetViolations() {
		fmt.Println("violation:", each.Subject, each.Description)
	}
	if details.RetryInfo != nil {
		fmt.Printf("retry in: %.0f s\n", details.RetryInfo.RetryDelay.AsDuration().Seconds())
	}
}
