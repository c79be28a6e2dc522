package vertex;

import static com.google.cloud.aiplatform.v1.JobState.JOB_STATE_CANCELLED;
import static com.google.cloud.aiplatform.v1.JobState.JOB_STATE_EXPIRED;
import static com.google.cloud.aiplatform.v1.JobState.JOB_STATE_FAILED;
import static com.google.cloud.aiplatform.v1.JobState.JOB_STATE_PARTIALLY_SUCCEEDED;
import static com.google.cloud.aiplatform.v1.JobState.JOB_STATE_SUCCEEDED;

import com.google.api.gax.grpc.GrpcCallContext;
import com.google.api.gax.grpc.GrpcTransportChannel;
import com.google.api.gax.rpc.ApiException;
import com.google.api.gax.rpc.NotFoundException;
import com.google.cloud.aiplatform.v1.BatchPredictionJob;
import com.google.cloud.aiplatform.v1.CreateBatchPredictionJobRequest;
import com.google.cloud.aiplatform.v1.JobServiceClient;
import com.google.cloud.aiplatform.v1.JobState;
import com.google.cloud.aiplatform.v1.ListBatchPredictionJobsRequest;
import com.google.cloud.aiplatform.v1.LocationName;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A client of Vertex AI as google-cloud-aiplatform shows it: ACTION SOURCE DESTINATION NAME. */
public final class AiPlatform {
  private static final int REFUSED = 3;
  private static final long PAUSE_MILLIS = 300;
  private static final Set<JobState> ENDED =
      EnumSet.of(
          JOB_STATE_SUCCEEDED,
          JOB_STATE_PARTIALLY_SUCCEEDED,
          JOB_STATE_FAILED,
          JOB_STATE_CANCELLED,
          JOB_STATE_EXPIRED);

  private final JobServiceClient client;
  private final LocationName parent =
      LocationName.of(System.getenv("BATCHJOBS_PROJECT"), System.getenv("BATCHJOBS_LOCATION"));

  private AiPlatform(JobServiceClient client) {
    this.client = client;
  }

  public static void main(String[] args) throws Exception {
    int code = 0;
    try (GrpcTransportChannel channel = Gateway.channel();
        JobServiceClient client = Gateway.client(channel)) {
      new AiPlatform(client).run(args[0], batchPredictionJob(args[1], args[2], args[3]));
    } catch (ApiException refusal) {
      Refusal.lines(refusal).forEach(System.out::println);
      code = REFUSED;
    }
    System.exit(code);
  }

  private static BatchPredictionJob batchPredictionJob(String source, String destination, String displayName) {
    BatchPredictionJob.Builder job =
        BatchPredictionJob.newBuilder()
            .setDisplayName(displayName)
            .setModel("publishers/google/models/gemini-2.5-flash");
    if (source.startsWith("bq://")) {
      job.getInputConfigBuilder().setInstancesFormat("bigquery").getBigquerySourceBuilder().setInputUri(source);
      job.getOutputConfigBuilder()
          .setPredictionsFormat("bigquery")
          .getBigqueryDestinationBuilder()
          .setOutputUri(destination);
    } else {
      job.getInputConfigBuilder().setInstancesFormat("jsonl").getGcsSourceBuilder().addUris(source);
      job.getOutputConfigBuilder()
          .setPredictionsFormat("jsonl")
          .getGcsDestinationBuilder()
          .setOutputUriPrefix(destination);
    }
    return job.build();
  }

  /** Creates twice with one id; both answers are one batch job. */
  private void repeat(BatchPredictionJob job) {
    for (int time = 0; time < 2; time++) {
      String requestId = job.getDisplayName();
      // [request-id]
      CreateBatchPredictionJobRequest request =
          CreateBatchPredictionJobRequest.newBuilder()
              .setParent(parent.toString())
              .setBatchPredictionJob(job)
              .build();
      Map<String, List<String>> headers = Map.of("x-batchjobs-request-id", List.of(requestId));
      BatchPredictionJob created =
          client
              .createBatchPredictionJobCallable()
              .call(request, GrpcCallContext.createDefault().withExtraHeaders(headers));
      // [/request-id]
      System.out.println("created " + created.getName());
    }
  }

  private void run(String action, BatchPredictionJob job) throws Exception {
    if (action.equals("repeat")) {
      repeat(job);
      return;
    }
    String name = client.createBatchPredictionJob(parent, job).getName();
    System.out.println("created " + name);
    if (action.equals("list")) {
      list(job.getDisplayName());
    }
    if (action.equals("list") || action.equals("cancel")) {
      client.cancelBatchPredictionJob(name);
    }
    await(name);
    if (action.equals("delete")) {
      delete(name);
    }
  }

  private void await(String name) throws InterruptedException {
    BatchPredictionJob job = client.getBatchPredictionJob(name);
    while (!ENDED.contains(job.getState())) {
      Thread.sleep(PAUSE_MILLIS);
      job = client.getBatchPredictionJob(name);
    }
    System.out.println("ended " + job.getState());
    BatchPredictionJob.OutputInfo output = job.getOutputInfo();
    System.out.println("output " + output.getGcsOutputDirectory() + output.getBigqueryOutputTable());
  }

  private void list(String displayName) {
    ListBatchPredictionJobsRequest request =
        ListBatchPredictionJobsRequest.newBuilder()
            .setParent(parent.toString())
            .setFilter("display_name=\"" + displayName + "\"")
            .setPageSize(1)
            .build();
    for (BatchPredictionJob found : client.listBatchPredictionJobs(request).iterateAll()) {
      System.out.println("found " + found.getName());
    }
  }

  private void delete(String name) throws Exception {
    client.deleteBatchPredictionJobAsync(name).get();
    System.out.println("deleted " + name);
    try {
      client.getBatchPredictionJob(name);
    } catch (NotFoundException gone) {
      System.out.println("gone " + gone.getStatusCode().getCode());
    }
  }
}
