// What a refusal says, a line each: as the details of an error that a client has decoded, or as the JSON that it kept.

/** Print the details; decoded they have the same names as in JSON, but for the delay. */
export function explain(code, message, reason, details) {
  console.log(`refused ${code}: ${message}`);
  if (reason) {
    console.log("reason:", reason);
  }
  for (const detail of details ?? []) {
    for (const violation of detail.fieldViolations ?? detail.violations ?? []) {
      console.log("violation:", violation.field ?? violation.subject, violation.description);
    }
    if (detail.retryDelay) {
      console.log("retry in:", seconds(detail.retryDelay), "s");
    }
  }
}

/** Print the body of an answer, as Google's REST APIs send it. */
export function explainBody(code, body) {
  const { message, details } = JSON.parse(body).error;
  explain(code, message, details?.find((each) => each.reason)?.reason, details);
}

const seconds = (delay) => (typeof delay === "string" ? delay.replace("s", "") : Number(delay.seconds));
