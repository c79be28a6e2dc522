#!/usr/bin/env bash
# curl, as Google documents it: a request body in a file, and a token that a command prints. jq reads the answers.
set -euo pipefail
action=$1 source=$2 destination=$3 name=$4
folder=$(mktemp -d) && trap 'rm -r "$folder"' EXIT
REFUSED=3

# [move]
export CURL_CA_BUNDLE=$BATCHJOBS_CA_FILE
jobs="$BATCHJOBS_REST_URL/v1/projects/$BATCHJOBS_PROJECT/locations/$BATCHJOBS_LOCATION/batchPredictionJobs"
print_access_token() { cat "$BATCHJOBS_TOKEN_FILE"; }
# [/move]

# call METHOD URL OPTION…: the body of the answer; ends with what the gateway refuses.
call() {
  local method=$1 url=$2 status
  shift 2
  status=$(curl -sS -X "$method" -H "Authorization: Bearer $(print_access_token)" "$@" "$url" \
    -D "$folder/headers" -o "$folder/answer" -w '%{http_code}')
  if ((status >= 400)); then refused; fi
  cat "$folder/answer"
}

refused() {
  jq -r '.error | "refused \(.status): \(.message)",
    (.details[]? | (select(.reason) | "reason: \(.reason)"),
      ((.fieldViolations // .violations)[]? | "violation: \(.field // .subject) \(.description)"))' "$folder/answer"
  tr -d '\r' < "$folder/headers" | sed -n 's/^retry-after: \(.*\)/retry in: \1 s/Ip'
  exit $REFUSED
} >&2

name_of() { printf '%s/v1/%s' "$BATCHJOBS_REST_URL" "$1"; }

request() {
  case $source in
    gs://*) local format=jsonl from="\"gcsSource\": {\"uris\": \"$source\"}"
      local to="\"gcsDestination\": {\"outputUriPrefix\": \"$destination\"}" ;;
    bq://*) local format=bigquery from="\"bigquerySource\": {\"inputUri\": \"$source\"}"
      local to="\"bigqueryDestination\": {\"outputUri\": \"$destination\"}" ;;
  esac
  cat <<JSON
{
  "displayName": "$name",
  "model": "publishers/google/models/gemini-2.5-flash",
  "inputConfig": {"instancesFormat": "$format", $from},
  "outputConfig": {"predictionsFormat": "$format", $to}
}
JSON
}

request > "$folder/request.json"
if [[ $action == repeat ]]; then
  for _ in 1 2; do
    # [request-id]
    call POST "$jobs" -H "x-batchjobs-request-id: $name" -H "Content-Type: application/json; charset=utf-8" \
      -d "@$folder/request.json" > "$folder/job"
    # [/request-id]
    jq -r '"created \(.name)"' "$folder/job"
  done
  exit
fi
job=$(call POST "$jobs" -H "Content-Type: application/json; charset=utf-8" -d "@$folder/request.json" | jq -r .name)
if [[ $action == list ]]; then
  token=
  while true; do
    call GET "$jobs" -G --data-urlencode "filter=display_name=\"$name\"" -d pageSize=1 \
      --data-urlencode "pageToken=$token" > "$folder/page"
    jq -r '.batchPredictionJobs[] | "found \(.name)"' "$folder/page"
    token=$(jq -r '.nextPageToken // empty' "$folder/page")
    if [[ ! $token ]]; then break; fi
  done
else
  echo "created $job"
fi
if [[ $action == list || $action == cancel ]]; then call POST "$(name_of "$job"):cancel" > /dev/null; fi

state=JOB_STATE_UNSPECIFIED
until [[ $state =~ ^JOB_STATE_(SUCCEEDED|FAILED|CANCELLED|PAUSED)$ ]]; do
  sleep 0.3
  call GET "$(name_of "$job")" > "$folder/job"
  state=$(jq -r .state "$folder/job")
done
echo "ended $state"
jq -r '.outputInfo // {} | "output \(.gcsOutputDirectory // "\(.bigqueryOutputDataset).\(.bigqueryOutputTable)")"' "$folder/job"

if [[ $action == delete ]]; then
  call DELETE "$(name_of "$job")" > /dev/null
  echo "deleted $job"
  (call GET "$(name_of "$job")") 2>&1 | sed -n 's/^refused \([A-Z_]*\):.*/gone \1/p' || true
fi
