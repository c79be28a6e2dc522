package example;

import static gateway.batchjobs.v1.BatchJob.State.PARTIALLY_SUCCEEDED;
import static gateway.batchjobs.v1.BatchJob.State.SUCCEEDED;
import static java.util.concurrent.TimeUnit.SECONDS;

import gateway.batchjobs.v1.BatchJob;
import gateway.batchjobs.v1.BatchJobsGrpc;
import gateway.batchjobs.v1.BatchJobsGrpc.BatchJobsBlockingStub;
import gateway.batchjobs.v1.CreateBatchJobRequest;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;

/**
 * Creates a batch job, follows it to its end and says where the output is.
 *
 * <p>Where the gateway is and who calls stand in the environment, by the names that the batchjobs command uses:
 * BATCHJOBS_ENDPOINT, BATCHJOBS_TEAM, BATCHJOBS_CA_FILE and BATCHJOBS_TOKEN_FILE. It ends with 0 when the batch job has
 * succeeded, with 3 when it was refused, and with 5 when it ended otherwise.
 */
public final class Nightly {
  private static final int ATTEMPTS = 5;
  private static final Set<Status.Code> UNCLEAR =
      EnumSet.of(Status.Code.UNAVAILABLE, Status.Code.DEADLINE_EXCEEDED, Status.Code.CANCELLED);

  private Nightly() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    if (args.length != 3) {
      System.err.println("usage: nightly REQUEST_ID SOURCE DESTINATION, each place as gs:// or bq://");
      System.exit(2);
    }
    ManagedChannel channel = Connection.open(System.getenv("BATCHJOBS_ENDPOINT"), path("BATCHJOBS_CA_FILE"));
    int code;
    try {
      BatchJobsBlockingStub stub =
          BatchJobsGrpc.newBlockingStub(channel).withCallCredentials(new TokenFile(path("BATCHJOBS_TOKEN_FILE")));
      code = run(stub, args[0], args[1], args[2]);
    } catch (StatusRuntimeException refusal) {
      System.err.println("refused: " + refusal.getStatus().getCode() + " " + refusal.getStatus().getDescription());
      Refusal.explain(refusal).forEach(line -> System.err.println("  " + line));
      code = 3;
    } finally {
      channel.shutdownNow().awaitTermination(5, SECONDS);
    }
    System.exit(code);
  }

  private static int run(BatchJobsBlockingStub stub, String requestId, String source, String destination)
      throws InterruptedException {
    CreateBatchJobRequest request =
        CreateBatchJobRequest.newBuilder()
            .setParent("teams/" + System.getenv("BATCHJOBS_TEAM"))
            .setRequestId(requestId)
            .setBatchJob(batchJob(source, destination))
            .build();
    BatchJob created = create(stub, request);
    System.out.println("created " + created.getName());
    BatchJob ended = new Watching(stub, created.getName()).untilEnd();
    System.out.println(ended.getState() + " with revision " + ended.getRevision());
    if (ended.getState() != SUCCEEDED && ended.getState() != PARTIALLY_SUCCEEDED) {
      System.err.println(ended.getError().getMessage());
      return 5;
    }
    // Vertex AI chooses the name below the destination: it is read, never built.
    BatchJob.Output output = ended.getOutput();
    System.out.println(ended.getRows().getSucceeded() + " rows in "
        + (output.hasGcsDirectory() ? output.getGcsDirectory() : output.getBigqueryTable()));
    return 0;
  }

  /**
   * Asks until the answer is clear: the gateway makes one batch job of a request id, however often it is asked.
   *
   * <p>gRPC's own retry would do some of that, but in Java it obeys a wait that comes with any refusal, also that of a
   * quota until midnight. So creates are left out of the service config, and repeated here.
   */
  private static BatchJob create(BatchJobsBlockingStub stub, CreateBatchJobRequest request)
      throws InterruptedException {
    Duration pause = Duration.ofMillis(250);
    for (int attempt = 1; ; attempt++) {
      try {
        return stub.withDeadlineAfter(20, SECONDS).createBatchJob(request);
      } catch (StatusRuntimeException refusal) {
        if (!UNCLEAR.contains(refusal.getStatus().getCode()) || attempt == ATTEMPTS) {
          throw refusal;
        }
        Thread.sleep(Refusal.retryAfter(refusal).orElse(pause).toMillis());
        pause = pause.multipliedBy(2);
      }
    }
  }

  private static BatchJob batchJob(String source, String destination) {
    BatchJob.Builder job =
        BatchJob.newBuilder().setModel("gemini-2.5-flash").setRegion("us-central1").putLabels("run", "nightly");
    if (source.startsWith("bq://")) {
      job.getBigquerySourceBuilder().setTable(source);
    } else {
      job.getGcsSourceBuilder().setUri(source);
    }
    if (destination.startsWith("bq://")) {
      job.getBigqueryDestinationBuilder().setTable(destination);
    } else {
      job.getGcsDestinationBuilder().setOutputUriPrefix(destination);
    }
    return job.build();
  }

  private static Path path(String variable) {
    return Path.of(System.getenv(variable));
  }
}
