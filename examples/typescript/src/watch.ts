/** Following a batch job to its end, over as many watches as that takes. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import { type BatchJob, BatchJob_State as State, type BatchJobsClient, type WatchEvent } from "./gen/batchjobs/v1/batch_jobs.js";
import { isServiceError, retryAfter } from "./refusal.js";

/** After how long a stream counts as dead: the gateway sends a heartbeat every 30 seconds. */
const SILENCE = 100_000;
const FIRST_PAUSE = 250;
const LAST_PAUSE = 8_000;
/** All five: a loop that leaves one out waits for ever. */
const ENDS = new Set([State.SUCCEEDED, State.PARTIALLY_SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED]);
/** Proxies make most of these. */
const REOPENS = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNKNOWN,
  status.INTERNAL,
  status.ABORTED,
  status.DATA_LOSS,
]);

/**
 * Follows a batch job to its end. A watch that is cut off is opened again; each begins with the present state, and the
 * revision tells what has been seen before.
 */
export async function wait(client: BatchJobsClient, name: string): Promise<BatchJob> {
  let seen = 0n;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LAST_PAUSE)) {
    try {
      for await (const job of follow(client, name)) {
        if (job.revision > seen) console.log(State[job.state]);
        seen = job.revision;
        if (ENDS.has(job.state)) return job;
      }
    } catch (error) {
      if (!isServiceError(error) || !reopens(error)) throw error;
      pause = Math.max(retryAfter(error) ?? pause, FIRST_PAUSE);
    }
    console.error(`the watch was cut off; opening it again in ${pause} ms`);
    await sleep(pause * (1 + Math.random() / 2)); // Many callers must not come back together.
  }
}

/** One watch: the batch job at once and after every change, until the stream ends. */
async function* follow(client: BatchJobsClient, name: string): AsyncGenerator<BatchJob> {
  const stream = client.watchBatchJob({ name });
  const alive = setTimeout(() => stream.cancel(), SILENCE);
  try {
    for await (const event of stream as AsyncIterable<WatchEvent>) {
      alive.refresh();
      if (event.batchJob) yield event.batchJob; // There is none in a heartbeat.
    }
  } finally {
    clearTimeout(alive);
    stream.cancel();
  }
}

function reopens(error: ServiceError): boolean {
  return REOPENS.has(error.code) || (error.code === status.RESOURCE_EXHAUSTED && retryAfter(error) !== undefined);
}
