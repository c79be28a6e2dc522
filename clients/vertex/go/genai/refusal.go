package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genai"
)

// explain prints what a refusal says; the client keeps its details as they stood in the JSON.
func explain(err error) {
	var refusal genai.APIError
	if !errors.As(err, &refusal) {
		fmt.Println("refused", err)
		return
	}
	fmt.Printf("refused %s: %s\n", refusal.Status, refusal.Message)
	for _, each := range refusal.Details {
		if reason := text(each, "reason"); reason != "" {
			fmt.Println("reason:", reason)
		}
		violations, _ := cmp.Or(each["fieldViolations"], each["violations"]).([]any)
		for _, violation := range violations {
			said, _ := violation.(map[string]any)
			fmt.Println("violation:", cmp.Or(text(said, "field"), text(said, "subject")), text(said, "description"))
		}
		if delay := text(each, "retryDelay"); delay != "" {
			fmt.Println("retry in:", strings.TrimSuffix(delay, "s"), "s")
		}
	}
}

func text(detail map[string]any, key string) string {
	said, _ := detail[key].(string)
	return said
}
