package example;

import static gateway.batchjobs.v1.BatchJob.State.CANCELLED;
import static gateway.batchjobs.v1.BatchJob.State.EXPIRED;
import static gateway.batchjobs.v1.BatchJob.State.FAILED;
import static gateway.batchjobs.v1.BatchJob.State.PARTIALLY_SUCCEEDED;
import static gateway.batchjobs.v1.BatchJob.State.SUCCEEDED;
import static java.util.concurrent.TimeUnit.SECONDS;

import gateway.batchjobs.v1.BatchJob;
import gateway.batchjobs.v1.BatchJobsGrpc.BatchJobsBlockingStub;
import gateway.batchjobs.v1.WatchBatchJobRequest;
import gateway.batchjobs.v1.WatchEvent;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Follows a batch job to its end. A watch that is cut off is opened again; each begins with the present state, and the
 * revision tells what has been seen before.
 */
final class Watching {
  /** All five: a loop that leaves one out waits for ever. */
  private static final Set<BatchJob.State> ENDS =
      EnumSet.of(SUCCEEDED, PARTIALLY_SUCCEEDED, FAILED, CANCELLED, EXPIRED);

  /** How a stream may end that is worth another; proxies make most of these. */
  private static final Set<Status.Code> REOPENS =
      EnumSet.of(
          Status.Code.UNAVAILABLE,
          Status.Code.DEADLINE_EXCEEDED,
          Status.Code.CANCELLED,
          Status.Code.UNKNOWN,
          Status.Code.INTERNAL,
          Status.Code.ABORTED,
          Status.Code.DATA_LOSS);

  private static final Duration FIRST_PAUSE = Duration.ofMillis(250);
  private static final Duration LAST_PAUSE = Duration.ofSeconds(8);

  /** After how many seconds a stream counts as dead: the gateway sends a heartbeat every 30 seconds. */
  private static final long SILENCE = 100;

  private final BatchJobsBlockingStub stub;
  private final WatchBatchJobRequest request;
  private long seen;

  Watching(BatchJobsBlockingStub stub, String name) {
    this.stub = stub;
    this.request = WatchBatchJobRequest.newBuilder().setName(name).build();
  }

  BatchJob untilEnd() throws InterruptedException {
    Duration pause = FIRST_PAUSE;
    while (true) {
      try {
        BatchJob ended = follow();
        if (ended != null) {
          return ended;
        }
      } catch (StatusRuntimeException cut) {
        if (!reopens(cut)) {
          throw cut;
        }
        pause = longer(Refusal.retryAfter(cut).orElse(pause), FIRST_PAUSE);
      }
      System.err.println("the watch was cut off; opening it again in " + pause.toMillis() + " ms");
      // Many callers must not come back together.
      Thread.sleep(pause.toMillis() + ThreadLocalRandom.current().nextLong(pause.toMillis() / 2));
      pause = pause.multipliedBy(2).compareTo(LAST_PAUSE) < 0 ? pause.multipliedBy(2) : LAST_PAUSE;
    }
  }

  /** Reads one watch. It answers the batch job where that has ended, and null where the stream did. */
  private BatchJob follow() {
    ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    Context.CancellableContext watch = Context.current().withCancellation();
    Context before = watch.attach();
    try {
      Iterator<WatchEvent> events = stub.watchBatchJob(request);
      while (true) {
        ScheduledFuture<?> alive = timer.schedule(() -> watch.cancel(null), SILENCE, SECONDS);
        boolean more = events.hasNext();
        alive.cancel(false);
        if (!more) {
          return null;
        }
        WatchEvent event = events.next();
        if (event.hasBatchJob() && told(event.getBatchJob())) { // There is none in a heartbeat.
          return event.getBatchJob();
        }
      }
    } finally {
      watch.detach(before);
      watch.cancel(null);
      timer.shutdownNow();
    }
  }

  /** Tells of a batch job that has changed, and says whether it has ended. */
  private boolean told(BatchJob job) {
    if (job.getRevision() > seen) {
      seen = job.getRevision();
      System.out.println(job.getState());
    }
    return ENDS.contains(job.getState());
  }

  private static boolean reopens(StatusRuntimeException cut) {
    Status.Code code = cut.getStatus().getCode();
    return REOPENS.contains(code)
        || code == Status.Code.RESOURCE_EXHAUSTED && Refusal.retryAfter(cut).isPresent();
  }

  private static Duration longer(Duration one, Duration other) {
    return one.compareTo(other) > 0 ? one : other;
  }
}
