package vertex;

import com.google.api.gax.rpc.ApiException;
import com.google.api.gax.rpc.ErrorDetails;
import io.grpc.Status;
import java.util.List;
import java.util.stream.Stream;

/** What a refusal says, a line each: the client has read the details into the exception. */
final class Refusal {
  private Refusal() {}

  static List<String> lines(ApiException refusal) {
    Stream<String> head =
        Stream.of("refused " + refusal.getStatusCode().getCode() + ": " + Status.fromThrowable(refusal).getDescription());
    Stream<String> reason = Stream.ofNullable(refusal.getReason()).map(each -> "reason: " + each);
    Stream<String> details = Stream.ofNullable(refusal.getErrorDetails()).flatMap(Refusal::details);
    return Stream.of(head, reason, details).flatMap(each -> each).toList();
  }

  private static Stream<String> details(ErrorDetails details) {
    return Stream.of(
            Stream.ofNullable(details.getBadRequest())
                .flatMap(each -> each.getFieldViolationsList().stream())
                .map(each -> "violation: " + each.getField() + " " + each.getDescription()),
            Stream.ofNullable(details.getPreconditionFailure())
                .flatMap(each -> each.getViolationsList().stream())
                .map(each -> "violation: " + each.getSubject() + " " + each.getDescription()),
            Stream.ofNullable(details.getQuotaFailure())
                .flatMap(each -> each.getViolationsList().stream())
                .map(each -> "violation: " + each.getSubject() + " " + each.getDescription()),
            Stream.ofNullable(details.getRetryInfo())
                .map(each -> "retry in: " + each.getRetryDelay().getSeconds() + " s"))
        .flatMap(each -> each);
  }
}
