// A client of Vertex AI as @google-cloud/aiplatform shows it, pointed at the gateway: by gRPC, or by REST where
// BATCHJOBS_WAY is rest.

import aiplatform from "@google-cloud/aiplatform";
import { bearer, location, project, REFUSED, pause, way } from "./gateway.js";
import { action, bigquery, destination, filter, name, source } from "./gateway.js";
import { explain, explainBody } from "./refusal.js";

// [move]
import { GoogleAuth } from "google-auth-library";

const rest = way === "rest";
const gateway = new URL(rest ? process.env.BATCHJOBS_REST_URL : `https://${process.env.BATCHJOBS_ENDPOINT}`);
const client = new aiplatform.v1.JobServiceClient({
  apiEndpoint: gateway.hostname,
  port: Number(gateway.port || 443),
  auth: new GoogleAuth({ authClient: bearer() }),
  fallback: rest,
});
const parent = `projects/${project}/locations/${location}`;
// [/move]

const inputConfig = bigquery
  ? { instancesFormat: "bigquery", bigquerySource: { inputUri: source } }
  : { instancesFormat: "jsonl", gcsSource: { uris: [source] } };
const outputConfig = bigquery
  ? { predictionsFormat: "bigquery", bigqueryDestination: { outputUri: destination } }
  : { predictionsFormat: "jsonl", gcsDestination: { outputUriPrefix: destination } };
const batchPredictionJob = {
  displayName: name,
  model: "publishers/google/models/gemini-2.5-flash",
  inputConfig,
  outputConfig,
};

const ENDED = new Set([
  "JOB_STATE_SUCCEEDED",
  "JOB_STATE_PARTIALLY_SUCCEEDED",
  "JOB_STATE_FAILED",
  "JOB_STATE_CANCELLED",
  "JOB_STATE_EXPIRED",
]);

async function repeat() {
  for (let time = 0; time < 2; time++) {
    // [request-id]
    const otherArgs = { headers: { "x-batchjobs-request-id": name } };
    const [job] = await client.createBatchPredictionJob({ parent, batchPredictionJob }, { otherArgs });
    // [/request-id]
    console.log("created", job.name);
  }
}

async function run() {
  if (action === "repeat") {
    return repeat();
  }
  const [job] = await client.createBatchPredictionJob({ parent, batchPredictionJob });
  console.log("created", job.name);
  if (action === "list") {
    await list();
  }
  if (action === "list" || action === "cancel") {
    await client.cancelBatchPredictionJob({ name: job.name });
  }
  await wait(job.name);
  if (action === "delete") {
    await remove(job.name);
  }
}

async function wait(name) {
  let [job] = await client.getBatchPredictionJob({ name });
  while (!ENDED.has(job.state)) {
    await pause();
    [job] = await client.getBatchPredictionJob({ name });
  }
  console.log("ended", job.state);
  if (job.outputInfo) {
    console.log("output", job.outputInfo.gcsOutputDirectory || job.outputInfo.bigqueryOutputTable);
  }
}

async function list() {
  for await (const job of client.listBatchPredictionJobsAsync({ parent, filter, pageSize: 1 })) {
    console.log("found", job.name);
  }
}

async function remove(name) {
  const [operation] = await client.deleteBatchPredictionJob({ name });
  await operation.promise();
  console.log("deleted", name);
  try {
    await client.getBatchPredictionJob({ name });
  } catch (error) {
    console.log("gone", error.code);
  }
}

try {
  await run();
} catch (error) {
  // By gRPC the client has read the details into the error; by REST it keeps the body of the answer as the message.
  if (rest) {
    explainBody(error.status, error.message);
  } else {
    explain(error.code, error.details, error.reason, error.statusDetails);
  }
  process.exitCode = REFUSED;
} finally {
  await client.close();
}
