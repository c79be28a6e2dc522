package vertex;

import com.google.auth.oauth2.AccessToken;
import com.google.auth.oauth2.GoogleCredentials;
import com.google.genai.Client;
import com.google.genai.errors.ApiException;
import com.google.genai.types.BatchJob;
import com.google.genai.types.BatchJobDestination;
import com.google.genai.types.BatchJobSource;
import com.google.genai.types.ClientOptions;
import com.google.genai.types.CreateBatchJobConfig;
import com.google.genai.types.HttpOptions;
import com.google.genai.types.HttpRetryOptions;
import com.google.genai.types.JobState;
import com.google.genai.types.ListBatchJobsConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import okhttp3.OkHttpClient;

/** A client of Vertex AI as google-genai shows it: ACTION SOURCE DESTINATION NAME. */
public final class GenAi {
  // [move]

  static Client client() throws IOException, GeneralSecurityException {
    return Client.builder()
        .vertexAI(true)
        .project(System.getenv("BATCHJOBS_PROJECT"))
        .location(System.getenv("BATCHJOBS_LOCATION"))
        .credentials(new TokenFile(Path.of(System.getenv("BATCHJOBS_TOKEN_FILE"))))
        .clientOptions(ClientOptions.builder().customHttpClient(trusting(System.getenv("BATCHJOBS_CA_FILE"))).build())
        .httpOptions(
            HttpOptions.builder()
                .baseUrl(System.getenv("BATCHJOBS_REST_URL"))
                .retryOptions(HttpRetryOptions.builder().attempts(1)) // else it repeats creates, and full quotas
                .build())
        .build();
  }

  /** The token in a file, which is read again every few minutes, since whoever renews it replaces the file. */
  static final class TokenFile extends GoogleCredentials {
    private final transient Path file;

    TokenFile(Path file) {
      super(GoogleCredentials.newBuilder());
      this.file = file;
    }

    @Override
    public AccessToken refreshAccessToken() throws IOException {
      return new AccessToken(Files.readString(file).strip(), Date.from(Instant.now().plus(Duration.ofMinutes(10))));
    }
  }

  /** An HTTP client that trusts the company's own certificate authority. */
  static OkHttpClient trusting(String caFile) throws IOException, GeneralSecurityException {
    KeyStore authorities = KeyStore.getInstance(KeyStore.getDefaultType());
    authorities.load(null, null);
    try (InputStream pem = Files.newInputStream(Path.of(caFile))) {
      authorities.setCertificateEntry("company", CertificateFactory.getInstance("X.509").generateCertificate(pem));
    }
    TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(authorities);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, managers.getTrustManagers(), null);
    return new OkHttpClient.Builder()
        .sslSocketFactory(tls.getSocketFactory(), (X509TrustManager) managers.getTrustManagers()[0])
        .build();
  }

  // [/move]

  private static final int REFUSED = 3;
  private static final long PAUSE_MILLIS = 300;
  private static final Set<JobState.Known> COMPLETED =
      EnumSet.of(
          JobState.Known.JOB_STATE_SUCCEEDED,
          JobState.Known.JOB_STATE_FAILED,
          JobState.Known.JOB_STATE_CANCELLED,
          JobState.Known.JOB_STATE_PAUSED);

  private final Client client;

  private GenAi(Client client) {
    this.client = client;
  }

  public static void main(String[] args) throws Exception {
    int code = 0;
    try (Client client = client()) {
      new GenAi(client).run(args[0], args[1], args[2], args[3]);
    } catch (ApiException refusal) {
      System.out.println("refused " + refusal.status() + ": " + refusal.message()); // all that the client keeps
      code = REFUSED;
    }
    System.exit(code);
  }

  /** Creates twice with one id; both answers are one batch job. */
  private void repeat(String source, String destination, String displayName) {
    for (int time = 0; time < 2; time++) {
      // [request-id]
      CreateBatchJobConfig config =
          CreateBatchJobConfig.builder()
              .displayName(displayName)
              .dest(destinationOf(destination))
              .httpOptions(HttpOptions.builder().headers(Map.of("x-batchjobs-request-id", displayName)))
              .build();
      BatchJob job = client.batches.create("gemini-2.5-flash", sourceOf(source), config);
      // [/request-id]
      System.out.println("created " + job.name().orElseThrow());
    }
  }

  private void run(String action, String source, String destination, String displayName) throws Exception {
    if (action.equals("repeat")) {
      repeat(source, destination, displayName);
      return;
    }
    CreateBatchJobConfig config =
        CreateBatchJobConfig.builder().displayName(displayName).dest(destinationOf(destination)).build();
    String name = client.batches.create("gemini-2.5-flash", sourceOf(source), config).name().orElseThrow();
    System.out.println("created " + name);
    if (action.equals("list")) {
      list(displayName);
    }
    if (action.equals("list") || action.equals("cancel")) {
      client.batches.cancel(name, null);
    }
    await(name);
    if (action.equals("delete")) {
      delete(name);
    }
  }

  private static BatchJobSource sourceOf(String place) {
    return place.startsWith("bq://")
        ? BatchJobSource.builder().format("bigquery").bigqueryUri(place).build()
        : BatchJobSource.builder().format("jsonl").gcsUri(place).build();
  }

  private static BatchJobDestination destinationOf(String place) {
    return place.startsWith("bq://")
        ? BatchJobDestination.builder().format("bigquery").bigqueryUri(place).build()
        : BatchJobDestination.builder().format("jsonl").gcsUri(place).build();
  }

  private void await(String name) throws InterruptedException {
    BatchJob job = client.batches.get(name, null);
    while (!COMPLETED.contains(job.state().orElseThrow().knownEnum())) {
      Thread.sleep(PAUSE_MILLIS);
      job = client.batches.get(name, null);
    }
    System.out.println("ended " + job.state().orElseThrow());
    job.outputInfo()
        .flatMap(info -> info.gcsOutputDirectory().or(info::bigqueryOutputTable))
        .ifPresent(place -> System.out.println("output " + place));
  }

  private void list(String displayName) {
    ListBatchJobsConfig config =
        ListBatchJobsConfig.builder().pageSize(1).filter("display_name=\"" + displayName + "\"").build();
    for (BatchJob found : client.batches.list(config)) {
      System.out.println("found " + found.name().orElseThrow());
    }
  }

  private void delete(String name) {
    client.batches.delete(name, null);
    System.out.println("deleted " + name);
    try {
      client.batches.get(name, null);
    } catch (ApiException gone) {
      System.out.println("gone " + gone.code());
    }
  }
}
