package example;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executor;

/** A file that holds a token; it is read for each call, since whoever renews the token replaces the file. */
final class TokenFile extends CallCredentials {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final Path path;

  TokenFile(Path path) {
    this.path = path;
  }

  @Override
  public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
    executor.execute(
        () -> {
          try {
            Metadata headers = new Metadata();
            headers.put(AUTHORIZATION, "Bearer " + Files.readString(path).strip());
            applier.apply(headers);
          } catch (IOException unreadable) {
            applier.fail(Status.UNAUTHENTICATED.withDescription("cannot read " + path).withCause(unreadable));
          }
        });
  }
}
