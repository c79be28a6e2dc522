package vertex;

import com.google.api.gax.core.FixedCredentialsProvider;
import com.google.api.gax.grpc.GrpcTransportChannel;
import com.google.api.gax.rpc.FixedTransportChannelProvider;
import com.google.auth.Credentials;
import com.google.auth.oauth2.AccessToken;
import com.google.auth.oauth2.OAuth2CredentialsWithRefresh;
import com.google.cloud.aiplatform.v1.JobServiceClient;
import com.google.cloud.aiplatform.v1.JobServiceSettings;
import io.grpc.Grpc;
import io.grpc.TlsChannelCredentials;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;

/** The client, pointed at the gateway. */
final class Gateway {
  private Gateway() {}

  // [move]

  /** The channel; whoever opens it closes it. It trusts the company's own certificate authority. */
  static GrpcTransportChannel channel() throws IOException {
    File ca = new File(System.getenv("BATCHJOBS_CA_FILE"));
    return GrpcTransportChannel.create(
        Grpc.newChannelBuilder(
                System.getenv("BATCHJOBS_ENDPOINT"), TlsChannelCredentials.newBuilder().trustManager(ca).build())
            .build());
  }

  static JobServiceClient client(GrpcTransportChannel channel) throws IOException {
    return JobServiceClient.create(
        JobServiceSettings.newBuilder()
            .setTransportChannelProvider(FixedTransportChannelProvider.create(channel))
            .setCredentialsProvider(FixedCredentialsProvider.create(credentials()))
            .build());
  }

  /** The token in a file, which is read again every few minutes, since whoever renews it replaces the file. */
  static Credentials credentials() {
    Path file = Path.of(System.getenv("BATCHJOBS_TOKEN_FILE"));
    return OAuth2CredentialsWithRefresh.newBuilder()
        .setRefreshHandler(
            () -> new AccessToken(
                Files.readString(file).strip(), Date.from(Instant.now().plus(Duration.ofMinutes(10)))))
        .build();
  }

  // [/move]
}
