/** What a refusal says: the reason, by which a program decides, and the details that tell what to do about it. */
import type { ServiceError } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo, PreconditionFailure, QuotaFailure, ResourceInfo, RetryInfo } from "./gen/google/rpc/error_details.js";
import { Status } from "./gen/google/rpc/status.js";

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "metadata" in error;
}

/** A line for each thing that the details say. */
export function explain(error: ServiceError): string[] {
  return [...details(error)].flatMap(({ type, value }) => {
    switch (type) {
      case "google.rpc.ErrorInfo":
        return [`reason: ${ErrorInfo.decode(value).reason}`];
      case "google.rpc.BadRequest": // fields to mend, or that the team's policy does not allow
        return BadRequest.decode(value).fieldViolations.map((each) => `field ${each.field}: ${each.description} (${each.reason})`);
      case "google.rpc.PreconditionFailure": // something elsewhere has to change first
        return PreconditionFailure.decode(value).violations.map((each) => `precondition ${each.type} on ${each.subject}: ${each.description}`);
      case "google.rpc.QuotaFailure":
        return QuotaFailure.decode(value).violations.map((each) => `quota ${each.quotaId}: ${each.quotaDimensions.used} of ${each.quotaValue} used`);
      case "google.rpc.ResourceInfo":
        return [`resource: ${ResourceInfo.decode(value).resourceName}`];
      case "google.rpc.RetryInfo":
        return [`try again in ${retryAfter(error)} ms`];
      default:
        return [];
    }
  });
}

/** How many milliseconds a refusal asks to wait; without a RetryInfo waiting does not help. */
export function retryAfter(error: ServiceError): number | undefined {
  for (const { type, value } of details(error)) {
    const delay = type === "google.rpc.RetryInfo" ? RetryInfo.decode(value).retryDelay : undefined;
    if (delay) return Number(delay.seconds) * 1000 + delay.nanos / 1e6;
  }
  return undefined;
}

/** The details of the `google.rpc.Status` that comes with a refusal, each with the name of its type. */
function* details(error: ServiceError): Generator<{ type: string; value: Uint8Array }> {
  for (const status of error.metadata.get("grpc-status-details-bin")) {
    for (const { typeUrl, value } of Status.decode(status as Buffer).details) {
      yield { type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value };
    }
  }
}
