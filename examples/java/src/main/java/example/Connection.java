package example;

import static java.util.concurrent.TimeUnit.SECONDS;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** The channel: TLS, retries where they are safe, and pings that notice a dead connection under a watch. */
final class Connection {
  private Connection() {}

  static ManagedChannel open(String endpoint, Path caFile) throws IOException {
    return Grpc.newChannelBuilder(
            "dns:///" + endpoint, TlsChannelCredentials.newBuilder().trustManager(caFile.toFile()).build())
        .defaultServiceConfig(serviceConfig())
        .enableRetry()
        .keepAliveTime(60, SECONDS)
        .keepAliveTimeout(20, SECONDS)
        .keepAliveWithoutCalls(true)
        .build();
  }

  /** The service config as gRPC takes it, with every number as a double, which is how Gson reads them. */
  private static Map<String, ?> serviceConfig() throws IOException {
    try (InputStream file = Connection.class.getResourceAsStream("/service-config.json");
        Reader text = new InputStreamReader(file, StandardCharsets.UTF_8)) {
      return new Gson().fromJson(text, new TypeToken<Map<String, ?>>() {}.getType());
    }
  }
}
