"""What callers send is told to themselves alone: markers in every place that they can fill, looked for everywhere else.

What may be told: to operators, in logs and spans, the names of teams, batch jobs and principals, and a caller's plain
`x-request-id`; in spans a caller's `tracestate`, which is there to travel. In an error, to the caller itself, what it
sent in the fields of that call, in short. Metrics tell nothing that callers choose.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from batchjobs.v1 import batch_jobs_pb2 as pb
from support.authority import dns, uri
from support.caller import ENDS, Caller, State, batch_job
from support.gateway import StartGateway
from support.secured import RANKING, Secured, secured_gateway
from support.token_issuer import TokenIssuer, bearer
from tenancy.listening import listening
from tenancy.plants import Plants
from tenancy.rows import SERVICE
from vertex_emulator import Fault, FaultKind

NAMES = {"a team", "a batch job's team", "a principal", "metadata.x-request-id"}
"""The places whose markers operators may read."""

METADATA = ("cookie", "x-api-key", "x-goog-api-key", "x-forwarded-client-cert", "x-batchjobs-team", "baggage",
            "proxy-authorization", "x-cloud-trace-context", "forwarded", "x-unheard-of")  # fmt: skip
TRACEPARENT = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
QUICK = {"poll_interval": "100ms", "emulator": {"pending_seconds": 0.1, "run_seconds": 0.2}}


class Sender:
    """Calls with markers in the metadata, and keeps what was refused beside the places that may stand in it."""

    def __init__(self, plants: Plants) -> None:
        self.plants = plants
        self.quoted_from_elsewhere: set[str] = set()
        self.longest = 0

    def metadata(self) -> tuple[tuple[str, Any], ...]:
        """A marker in every header that anybody might read."""
        plain = [(name, self.plants.at(f"metadata.{name}")) for name in METADATA]
        traced = (TRACEPARENT, ("tracestate", f"vendor={self.plants.at('metadata.tracestate')}"))
        binary = ("x-secret-bin", self.plants.at("metadata.x-secret-bin").encode())
        return (*plain, *traced, binary, ("x-request-id", self.plants.at("metadata.x-request-id")))

    async def call(self, caller: Caller, method: str, request: Message, *, own: Iterable[str] = ()) -> Any:
        """The answer, of a stream its first message, or None where it was refused."""
        metadata = (*caller.metadata, *self.metadata())
        call = getattr(caller.stub, method)(request, metadata=metadata, timeout=30)
        try:
            if not SERVICE.methods_by_name[method].server_streaming:
                return await call
            answer = await call.read()
            call.cancel()
        except grpc.aio.AioRpcError as error:
            self._refused(repr(error) + _details(error), request, own)
            return None
        return answer

    def _refused(self, told: str, request: Message, own: Iterable[str]) -> None:
        sent = self.plants.found(str(request))
        self.quoted_from_elsewhere |= self.plants.found(told) - sent - set(own)
        self.longest = max(self.longest, len(told))


def _details(error: grpc.aio.AioRpcError) -> str:
    return repr([value for _, value in error.trailing_metadata() or ()])


def planted_job(plants: Plants, **changes: Any) -> pb.BatchJob:
    """A batch job that is let through, with a marker wherever one may stand."""
    parameters = Struct()
    parameters.update(
        {plants.at("parameter's name"): [plants.at("parameter"), {"deeper": plants.at("deep parameter")}]}
    )
    places = {
        "display_name": plants.at("display_name"),
        "labels": {f"l-{plants.at('label')}": plants.at("label's value")},
        "model_parameters": parameters,
        "gcs_source": pb.GcsSource(uri=f"gs://ranking-in/{plants.at('source')}.jsonl"),
        "gcs_destination": pb.GcsDestination(output_uri_prefix=f"gs://ranking-out/{plants.at('destination')}"),
        "creator": plants.at("creator"),
        "vertex_job": plants.at("vertex_job"),
    }
    return batch_job(**{**places, **changes})


async def _accepted(secured: Secured, sender: Sender) -> None:
    plants = sender.plants
    claims = {name: plants.at(f"claim.{name}") for name in ("email", "name", "jti", "groups", "nonce")}
    member = await secured.with_token("both", **claims)
    job, request_id = planted_job(plants), plants.at("request_id")
    secured.gateway.write_rows(job.gcs_source.uri)
    request = pb.CreateBatchJobRequest(parent="teams/ranking", batch_job=job, request_id=request_id)
    created = await sender.call(member, "CreateBatchJob", request)
    assert await sender.call(member, "CreateBatchJob", request) == created  # A replay.
    dry = pb.CreateBatchJobRequest(parent="teams/ranking", batch_job=job, validate_only=True)
    assert await sender.call(member, "CreateBatchJob", dry) is not None
    listing = pb.ListBatchJobsRequest(parent="teams/ranking", filter=f"labels.{next(iter(job.labels))}:*")
    assert (await sender.call(member, "ListBatchJobs", listing)).batch_jobs
    for method in ("GetBatchJob", "WatchBatchJob", "CancelBatchJob", "DeleteBatchJob"):
        named = getattr(pb, f"{method}Request")(name=created.name)
        assert await sender.call(member, method, named) is not None, method


async def _refused(secured: Secured, sender: Sender) -> None:
    """Refused at every stage: Shape by everything that there is to fill, then policy, place and what is known."""
    plants, member = sender.plants, await secured.certified(RANKING)
    for method in SERVICE.methods:
        for request in plants.filled(method.input_type):
            assert await sender.call(member, method.name, request) is None, request
    elsewhere = pb.GcsSource(uri=f"gs://search-in/{plants.at('foreign source')}")
    cases = [
        {"gcs_source": elsewhere, "model": plants.at("model")},
        {"display_name": plants.at("display_name of one whose source is missing")},
        {"labels": {plants.at("label").upper(): plants.at("label")}},
    ]
    for case in cases:
        request = pb.CreateBatchJobRequest(parent="teams/ranking", batch_job=planted_job(plants, **case))
        assert await sender.call(member, "CreateBatchJob", request) is None
    secured.gateway.emulator.faults.add(
        Fault("storage.*", FaultKind.STATUS, code="503", message=plants.at("Google's words"), times=None)
    )
    away = pb.CreateBatchJobRequest(parent="teams/ranking", batch_job=planted_job(plants))
    assert await sender.call(member, "CreateBatchJob", away) is None
    page = pb.ListBatchJobsRequest(parent="teams/ranking", page_token=plants.at("page_token"))
    assert await sender.call(member, "ListBatchJobs", page) is None
    resume = pb.WatchBatchJobsRequest(parent="teams/ranking", resume_token=plants.at("resume_token"))
    assert await sender.call(member, "WatchBatchJobs", resume) is None


async def _forbidden(secured: Secured, sender: Sender) -> None:
    """By a principal in no team, about teams that nobody has."""
    nobody = await secured.with_token(sender.plants.at("a principal"))
    name = f"teams/{sender.plants.at('a batch job' + chr(39) + 's team')}/batchJobs/123456789012345678"
    parent = f"teams/{sender.plants.at('a team')}"
    requests = {
        "GetBatchJob": pb.GetBatchJobRequest(name=name),
        "CancelBatchJob": pb.CancelBatchJobRequest(name=name),
        "WatchBatchJobs": pb.WatchBatchJobsRequest(parent=parent),
        "CreateBatchJob": pb.CreateBatchJobRequest(parent=parent, batch_job=planted_job(sender.plants)),
        "GetTeamUsage": pb.GetTeamUsageRequest(name=f"{parent}/usage"),
    }
    for method, request in requests.items():
        assert await sender.call(nobody, method, request, own=["a principal"]) is None


async def _unproven(secured: Secured, sender: Sender) -> None:
    plants, issuer = sender.plants, secured.house.issuer
    # Issuer, algorithm and key id are no secrets, and a caller who is told which of them is wrong can mend it.
    public = ["token.iss", "token.kid", "token.alg"]
    other = TokenIssuer(name=f"https://{plants.at('token.iss')}.example", kid=plants.at("token.kid"))
    tokens = [
        other.token(sub=plants.at("token.sub")),
        TokenIssuer(name=issuer.name, kid=issuer.kid).token(sub=plants.at("token.sub"), jti=plants.at("token.jti")),
        issuer.token(headers={"kid": plants.at("token.kid")}, sub=plants.at("token.sub")),
        issuer.token(sub=plants.at("token.sub"), aud=plants.at("token.aud")),
        issuer.token(sub=plants.at("token.sub"), exp=1),
        issuer.token(sub=None, email=plants.at("token.email")),
        issuer.forged(plants.at("token.alg"), sub=plants.at("token.sub")),
        f"ya29.{plants.at('access token')}",
        plants.at("opaque token"),
    ]
    proofs = [*(bearer(token) for token in tokens), (("authorization", f"Basic {plants.at('password')}"),)]
    usage = pb.GetTeamUsageRequest(name="teams/ranking/usage")
    for proof in proofs:
        assert await sender.call(await secured.sending(proof), "GetTeamUsage", usage, own=public) is None
    issue, holder = secured.house.authority.issue, plants.at("certificate.subject")
    two = [uri(f"spiffe://corp.example/{plants.at('certificate.uri')}") for _ in range(2)]
    mixed = [uri(RANKING), dns(f"{plants.at('certificate.dns')}.example")]
    assert await sender.call(await secured.showing(issue(*two, holder=holder)), "GetTeamUsage", usage) is None
    assert await sender.call(await secured.showing(issue(*mixed, holder=holder)), "GetTeamUsage", usage) is not None


async def test_nothing_that_callers_send_is_told_to_others(start_gateway: StartGateway, tmp_path: Path) -> None:
    plants = Plants()
    sender = Sender(plants)
    with listening() as heard:
        async with secured_gateway(start_gateway, tmp_path, traces=heard.traces) as secured:
            for part in (_accepted, _refused, _forbidden, _unproven):
                await part(secured, sender)
            metrics = secured.gateway.metrics()
    assert plants.found(heard.log) == NAMES
    assert plants.found(heard.spans) == NAMES - {"a principal"} | {"metadata.tracestate"}
    assert plants.found(metrics) == set()
    assert sender.quoted_from_elsewhere == set()
    assert sender.longest < 16_000
    assert len(set(plants.places)) > 80


async def test_nothing_that_a_batch_job_carries_is_told_on_its_way_through_vertex(start_gateway: StartGateway) -> None:
    plants = Plants()
    create = "CreateBatchPredictionJob"
    faults = [
        None,
        Fault(create, FaultKind.STATUS, code="INVALID_ARGUMENT", message=f"Bad: {plants.at('words about one job')}"),
        Fault(create, FaultKind.OUTCOME, seconds=0.1, code="INTERNAL", message=plants.at("words of a failed job")),
        Fault(create, FaultKind.DROP_ANSWER),
    ]
    with listening() as heard:
        gateway = await start_gateway(traces=heard.traces, **QUICK)
        caller = gateway.caller("ranking")
        for fault in faults:
            if fault is not None:
                gateway.emulator.faults.add(fault)
            job = planted_job(plants)
            gateway.write_rows(job.gcs_source.uri)
            created = await caller.create(job, request_id=plants.at("request_id"))
            if fault is None or fault.kind is not FaultKind.DROP_ANSWER:
                await caller.watch(created.name).until(*ENDS)
            else:
                await caller.watch(created.name).until(State.SUBMITTING, State.PENDING, State.RUNNING)
        metrics = gateway.metrics()
    assert plants.found(heard.log, metrics, heard.spans) == set()
    assert {"transition", "rpc", "submit_not_accepted"} <= {line["event"] for line in heard.lines}
