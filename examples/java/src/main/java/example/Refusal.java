package example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.PreconditionFailure;
import com.google.rpc.QuotaFailure;
import com.google.rpc.ResourceInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What a refusal says: the reason, by which a program decides, and the details that tell what to do about it. */
final class Refusal {
  private Refusal() {}

  /** A line for each thing that the details say. */
  static List<String> explain(StatusRuntimeException refusal) {
    return details(refusal).flatMap(Refusal::lines).toList();
  }

  /** How long a refusal asks to wait; without a RetryInfo waiting does not help. */
  static Optional<Duration> retryAfter(StatusRuntimeException refusal) {
    return details(refusal)
        .filter(detail -> detail.is(RetryInfo.class))
        .map(detail -> unpack(detail, RetryInfo.class).getRetryDelay())
        .map(delay -> Duration.ofSeconds(delay.getSeconds(), delay.getNanos()))
        .findFirst();
  }

  private static Stream<String> lines(Any detail) {
    if (detail.is(ErrorInfo.class)) {
      return Stream.of("reason: " + unpack(detail, ErrorInfo.class).getReason());
    }
    if (detail.is(BadRequest.class)) { // fields to mend, or that the team's policy does not allow
      return unpack(detail, BadRequest.class).getFieldViolationsList().stream()
          .map(each -> "field " + each.getField() + ": " + each.getDescription() + " (" + each.getReason() + ")");
    }
    if (detail.is(PreconditionFailure.class)) { // something elsewhere has to change first
      return unpack(detail, PreconditionFailure.class).getViolationsList().stream()
          .map(each -> "precondition " + each.getType() + " on " + each.getSubject() + ": " + each.getDescription());
    }
    if (detail.is(QuotaFailure.class)) {
      return unpack(detail, QuotaFailure.class).getViolationsList().stream()
          .map(each -> "quota " + each.getQuotaId() + ": " + each.getQuotaDimensionsOrThrow("used") + " of "
              + each.getQuotaValue() + " used");
    }
    if (detail.is(ResourceInfo.class)) {
      return Stream.of("resource: " + unpack(detail, ResourceInfo.class).getResourceName());
    }
    if (detail.is(RetryInfo.class)) {
      return Stream.of("try again in " + unpack(detail, RetryInfo.class).getRetryDelay().getSeconds() + " s");
    }
    return Stream.empty();
  }

  private static Stream<Any> details(StatusRuntimeException refusal) {
    Status status = StatusProto.fromThrowable(refusal);
    return status == null ? Stream.empty() : status.getDetailsList().stream();
  }

  private static <T extends com.google.protobuf.Message> T unpack(Any detail, Class<T> type) {
    try {
      return detail.unpack(type);
    } catch (InvalidProtocolBufferException broken) {
      throw new IllegalStateException("a detail of the refusal is not what it says it is", broken);
    }
  }
}
