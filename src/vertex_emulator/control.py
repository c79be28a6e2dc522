"""Routes that drive the emulator from another process: its script, its record of calls, its jobs, its clock."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from google.cloud.aiplatform_v1.types import BatchPredictionJob
from google.protobuf import json_format
from google.protobuf.message import Message

from vertex_emulator.calls import Call, CallLog
from vertex_emulator.capacity import Capacity
from vertex_emulator.clock import Clock, DrivenClock
from vertex_emulator.config import CapacityMode
from vertex_emulator.console import Console
from vertex_emulator.errors import ApiError, ConfigError
from vertex_emulator.faults import Faults, fault_from
from vertex_emulator.http_errors import HttpError
from vertex_emulator.jobs import Job, JobStore
from vertex_emulator.states import State

_Handler = Callable[[web.Request], Awaitable[Any]]


class ControlRoutes:
    """`/emulator/…`: JSON in, JSON out. What makes no sense is answered 400, naming the key."""

    def __init__(
        self, clock: Clock, faults: Faults, calls: CallLog, jobs: JobStore, console: Console, capacity: Capacity
    ) -> None:
        self._clock = clock
        self._faults = faults
        self._calls = calls
        self._jobs = jobs
        self._console = console
        self._capacity = capacity

    def add_to(self, app: web.Application) -> None:
        for method, path, handler in (
            ("GET", "faults", self.list_faults),
            ("POST", "faults", self.add_fault),
            ("DELETE", "faults", self.clear_faults),
            ("DELETE", r"faults/{number:\d{1,9}}", self.remove_fault),
            ("GET", "calls", self.list_calls),
            ("DELETE", "calls", self.clear_calls),
            ("GET", "jobs", self.list_jobs),
            ("POST", "jobs", self.create_job),
            ("POST", "jobs/{id}/{action}", self.change_job),
            ("GET", "clock", self.show_clock),
            ("POST", "clock", self.advance_clock),
            ("GET", "capacity", self.show_capacity),
            ("POST", "capacity", self.set_capacity),
        ):
            app.router.add_route(method, f"/emulator/{path}", _as_json(handler))

    async def list_faults(self, _: web.Request) -> Any:
        return [
            {"id": number, "left": left, **vars(fault), "labels": dict(fault.labels)}
            for number, (fault, left) in self._faults.pending().items()
        ]

    async def add_fault(self, request: web.Request) -> Any:
        return {"id": self._faults.add(fault_from(await _body(request)))}

    async def clear_faults(self, _: web.Request) -> Any:
        self._faults.clear()
        return {}

    async def remove_fault(self, request: web.Request) -> Any:
        if not self._faults.remove(int(request.match_info["number"])):
            raise HttpError(404, "There is no such fault; it may be used up.")
        return {}

    async def list_calls(self, request: web.Request) -> Any:
        """All calls, or those of one `method`, or those after the call numbered `after`."""
        method, after = request.query.get("method"), _number(request.query.get("after", "0"), "after")
        return [
            _call_json(call)
            for call in self._calls
            if call.number > after and (method is None or call.method == method)
        ]

    async def clear_calls(self, _: web.Request) -> Any:
        self._calls.clear()
        return {}

    async def list_jobs(self, request: web.Request) -> Any:
        """The jobs there are; with `gone=true` those that were removed, as they were then."""
        return [_job_json(job) for job in (self._jobs.gone if "gone" in request.query else self._jobs)]

    async def create_job(self, request: web.Request) -> Any:
        body = await _body(request, "parent", "job")
        message = json_format.ParseDict(body.get("job", {}), BatchPredictionJob.pb()())
        return _job_json(self._console.create(str(body.get("parent")), BatchPredictionJob.wrap(message)))

    async def change_job(self, request: web.Request) -> Any:
        name, action = request.match_info["id"], request.match_info["action"]
        job = self._console.job(name)
        if action == "delete":
            self._console.delete(name)
        elif action == "pause":
            await self._console.pause(name)
        elif action == "resume":
            await self._console.resume(name)
        elif action == "state":
            await self._set_state(name, await _body(request, "state", "code", "message"))
        elif action in {"clone", "alter"}:
            body = await _body(request, "labels", "display_name")
            job = getattr(self._console, action)(name, **body)
        else:
            raise HttpError(
                404, f"There is no {action!r}; a job can be told delete, pause, resume, state, clone, alter."
            )
        return _job_json(job)

    async def _set_state(self, name: str, body: dict[str, Any]) -> None:
        wanted = str(body.get("state", "")).removeprefix("JOB_STATE_")
        if wanted not in State.__members__:
            raise ConfigError(f"state: {wanted!r} is not a state of a job")
        code = _number(body.get("code", 0), "code")
        await self._console.set_state(name, State[wanted], code=code, message=str(body.get("message", "")))

    async def show_clock(self, _: web.Request) -> Any:
        return {"now": self._clock.now().isoformat(), "driven": isinstance(self._clock, DrivenClock)}

    async def advance_clock(self, request: web.Request) -> Any:
        """Move a driven clock by `advance` seconds; answered once everything due by then is done."""
        seconds = (await _body(request, "advance")).get("advance")
        if not isinstance(self._clock, DrivenClock):
            raise HttpError(400, "The clock of this emulator runs by itself; start it with --clock driven.")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _CENTURY:
            raise ConfigError("advance: seconds are expected, from 0 on")
        await self._clock.advance(seconds)
        return await self.show_clock(request)

    async def show_capacity(self, _: web.Request) -> Any:
        return {"limit": self._capacity.limit, "limits": self._capacity.limits, "mode": self._capacity.mode}

    async def set_capacity(self, request: web.Request) -> Any:
        """`limit` for all, or for one `region`; null is no limit. `mode`: queue or refuse."""
        body = await _body(request, "limit", "region", "mode")
        if "mode" in body:
            self._capacity.set_mode(CapacityMode(body["mode"]))
        if "limit" in body:
            limit = None if body["limit"] is None else _number(body["limit"], "limit")
            self._capacity.set(limit, region=body.get("region"))
        return await self.show_capacity(request)


_CENTURY = 100 * 366 * 24 * 3600


def _as_json(handler: _Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answer with what a handler returns, and turn what it refuses into a status."""

    @functools.wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await handler(request))
        except ApiError as error:
            raise HttpError(404 if error.code.name == "NOT_FOUND" else 400, error.message) from error
        except (ConfigError, ValueError, TypeError, RecursionError, json_format.ParseError) as error:
            raise HttpError(400, str(error)) from error

    return answer


async def _body(request: web.Request, *known: str) -> dict[str, Any]:
    text = await request.text()
    body = json.loads(text) if text.strip() else {}
    if not isinstance(body, dict):
        raise ConfigError("a JSON object is expected")
    unknown = sorted(set(body) - set(known))
    if known and unknown:
        raise ConfigError(f"{unknown[0]}: unknown key; known are {', '.join(known)}")
    return body


def _number(value: Any, key: str) -> int:
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ConfigError(f"{key}: a whole number is expected, from 0 on")
    return int(value)


def _call_json(call: Call) -> dict[str, Any]:
    values = {field.name: getattr(call, field.name) for field in dataclasses.fields(call)}
    request = call.request
    values["request"] = json_format.MessageToDict(request) if isinstance(request, Message) else request
    if isinstance(request, bytes):
        values["request"] = len(request)
    for key in ("time", "answered", "took_effect"):
        values[key] = values[key].isoformat() if values[key] is not None else None
    return values


def _job_json(job: Job) -> dict[str, Any]:
    history = [{"time": moment.isoformat(), "state": state} for moment, state in job.history]
    shown = {**json_format.MessageToDict(job.message), "id": job.id, "history": history}
    if job.removal is not None:
        shown["removed"] = {"time": job.removal.time.isoformat(), "byHand": job.removal.by_hand}
    return shown
