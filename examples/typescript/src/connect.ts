/** The channel, with TLS, a token in each call, retries where they are safe, and pings that notice a dead connection. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { credentials, Metadata, status } from "@grpc/grpc-js";
import { type BatchJob, BatchJobsClient, type CreateBatchJobRequest } from "./gen/batchjobs/v1/batch_jobs.js";
import { isServiceError } from "./refusal.js";

const SERVICE_CONFIG = readFileSync(new URL("../service-config.json", import.meta.url), "utf8");

export function connect(endpoint: string, caFile: string, tokenFile: string): BatchJobsClient {
  const tls = credentials.createSsl(readFileSync(caFile));
  // The file is read for each call, since whoever renews the token replaces it.
  const token = credentials.createFromMetadataGenerator((_, done) => {
    readFile(tokenFile, "utf8").then((text) => {
      const metadata = new Metadata();
      metadata.set("authorization", `Bearer ${text.trim()}`);
      done(null, metadata);
    }, done);
  });
  return new BatchJobsClient(`dns:///${endpoint}`, credentials.combineChannelCredentials(tls, token), {
    "grpc.service_config": SERVICE_CONFIG,
    "grpc.enable_retries": 1,
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.keepalive_permit_without_calls": 1,
  });
}

/**
 * Asks until the answer is clear: the gateway makes one batch job of a request id, however often it is asked.
 * UNAVAILABLE is repeated by gRPC itself, as the service config says; a deadline that has passed is repeated here.
 */
export async function create(client: BatchJobsClient, request: CreateBatchJobRequest): Promise<BatchJob> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await createOnce(client, request);
    } catch (error) {
      if (attempt === 3 || !isServiceError(error) || error.code !== status.DEADLINE_EXCEEDED) throw error;
    }
  }
}

function createOnce(client: BatchJobsClient, request: CreateBatchJobRequest): Promise<BatchJob> {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + 20_000;
    client.createBatchJob(request, new Metadata(), { deadline }, (error, job) => (error ? reject(error) : resolve(job)));
  });
}
