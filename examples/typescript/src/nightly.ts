/**
 * Creates a batch job, follows it to its end and says where the output is.
 *
 * Where the gateway is and who calls stand in the environment, by the names that the batchjobs command uses:
 * BATCHJOBS_ENDPOINT, BATCHJOBS_TEAM, BATCHJOBS_CA_FILE and BATCHJOBS_TOKEN_FILE. It ends with 0 when the batch job has
 * succeeded, with 3 when it was refused, and with 5 when it ended otherwise.
 */
import { status } from "@grpc/grpc-js";
import { connect, create } from "./connect.js";
import { BatchJob, BatchJob_State as State } from "./gen/batchjobs/v1/batch_jobs.js";
import { explain, isServiceError } from "./refusal.js";
import { wait } from "./watch.js";

const [requestId, source, destination] = process.argv.slice(2);
if (!requestId || !source || !destination) {
  console.error("usage: nightly REQUEST_ID SOURCE DESTINATION, each place as gs:// or bq://");
  process.exit(2);
}

const client = connect(env("BATCHJOBS_ENDPOINT"), env("BATCHJOBS_CA_FILE"), env("BATCHJOBS_TOKEN_FILE"));
try {
  process.exitCode = await run(requestId, source, destination);
} catch (error) {
  if (!isServiceError(error)) throw error;
  console.error("refused:", status[error.code], error.details);
  explain(error).forEach((line) => console.error(" ", line));
  process.exitCode = 3;
} finally {
  client.close();
}

async function run(requestId: string, source: string, destination: string): Promise<number> {
  const created = await create(client, {
    parent: `teams/${env("BATCHJOBS_TEAM")}`,
    requestId,
    batchJob: batchJob(source, destination),
    validateOnly: false,
  });
  console.log("created", created.name);
  const ended = await wait(client, created.name);
  console.log(State[ended.state], "at", ended.endTime?.toISOString());
  if (ended.state !== State.SUCCEEDED && ended.state !== State.PARTIALLY_SUCCEEDED) {
    console.error(ended.error?.message);
    return 5;
  }
  // Vertex AI chooses the name below the destination: it is read, never built.
  const { gcsDirectory, bigqueryTable } = ended.output ?? {};
  console.log(`${ended.rows?.succeeded ?? 0} rows in ${gcsDirectory || bigqueryTable}`);
  return 0;
}

function batchJob(source: string, destination: string): BatchJob {
  return BatchJob.fromPartial({
    model: "gemini-2.5-flash",
    region: "us-central1",
    labels: { run: "nightly" },
    ...(source.startsWith("bq://") ? { bigquerySource: { table: source } } : { gcsSource: { uri: source } }),
    ...(destination.startsWith("bq://")
      ? { bigqueryDestination: { table: destination } }
      : { gcsDestination: { outputUriPrefix: destination } }),
  });
}

function env(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
