// A client of Vertex AI as @google/genai shows it, pointed at the gateway.

import { ApiError, GoogleGenAI, JobState } from "@google/genai";
import { bearer, location, pause, project, REFUSED } from "./gateway.js";
import { action, bigquery, destination, filter, name, source } from "./gateway.js";
import { explainBody } from "./refusal.js";

// [move]
const ai = new GoogleGenAI({
  vertexai: true,
  project,
  location,
  googleAuthOptions: { authClient: bearer() },
  httpOptions: { baseUrl: process.env.BATCHJOBS_REST_URL },
});
// [/move]

const COMPLETED = new Set([
  JobState.JOB_STATE_SUCCEEDED,
  JobState.JOB_STATE_FAILED,
  JobState.JOB_STATE_CANCELLED,
  JobState.JOB_STATE_PAUSED,
]);

const src = bigquery ? { format: "bigquery", bigqueryUri: source } : { format: "jsonl", gcsUri: [source] };
const dest = bigquery ? { format: "bigquery", bigqueryUri: destination } : { format: "jsonl", gcsUri: destination };

async function repeat() {
  for (let time = 0; time < 2; time++) {
    // [request-id]
    const httpOptions = { headers: { "x-batchjobs-request-id": name } };
    const config = { displayName: name, dest, httpOptions };
    const job = await ai.batches.create({ model: "gemini-2.5-flash", src, config });
    // [/request-id]
    console.log("created", job.name);
  }
}

async function run() {
  if (action === "repeat") {
    return repeat();
  }
  const job = await ai.batches.create({ model: "gemini-2.5-flash", src, config: { displayName: name, dest } });
  console.log("created", job.name);
  if (action === "list") {
    await list();
  }
  if (action === "list" || action === "cancel") {
    await ai.batches.cancel({ name: job.name });
  }
  await wait(job.name);
  if (action === "delete") {
    await remove(job.name);
  }
}

async function wait(name) {
  let job = await ai.batches.get({ name });
  while (!COMPLETED.has(job.state)) {
    await pause();
    job = await ai.batches.get({ name });
  }
  console.log("ended", job.state);
  if (job.outputInfo) {
    console.log("output", job.outputInfo.gcsOutputDirectory ?? job.outputInfo.bigqueryOutputTable);
  }
}

async function list() {
  for await (const job of await ai.batches.list({ config: { pageSize: 1, filter } })) {
    console.log("found", job.name);
  }
}

async function remove(name) {
  await ai.batches.delete({ name });
  console.log("deleted", name);
  try {
    await ai.batches.get({ name });
  } catch (error) {
    console.log("gone", error.status);
  }
}

try {
  await run();
} catch (error) {
  if (!(error instanceof ApiError)) {
    throw error;
  }
  explainBody(error.status, error.message); // the body of the answer
  process.exitCode = REFUSED;
}
