"""Starts what `build.sh` has laid out, as a cluster would: as nobody, on a root that cannot be written.

    python -m deploy.image.try_image FOLDER

The gateway migrates a real PostgreSQL, serves, answers its probes and ends at SIGTERM; the emulator likewise. What must
not be in an image is looked for. Ends with 1 and says what is wrong, if anything is. It needs root, for the chroot.
"""

import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.image.laid_out import Image, WrongError, insist
from gateway.store.embedded import EmbeddedPostgres

START_SECONDS: Final = 60
END_SECONDS: Final = 30
POLICY: Final = """
pools: [{project: corp-ml, region: us-central1, capacity: 1}]
teams:
  ranking:
    pools: ["corp-ml/*"]
    models: ["gemini-*"]
    members: {submitters: ["dev:ranking"]}
    sources: ["gs://ranking-in/**"]
    destinations: ["gs://ranking-out/**"]
"""


async def line_with(process: asyncio.subprocess.Process, word: str) -> str:
    """The next line of its output that holds the word; raises WrongError where it ends without one."""
    said = ""
    async with asyncio.timeout(START_SECONDS):
        while line := (await _output(process).readline()).decode():
            said += line
            if word in line:
                return line
    raise WrongError(f"it ended without saying {word}:\n{said}")


async def end(process: asyncio.subprocess.Process) -> None:
    """SIGTERM, and the end within its time; raises WrongError for any other."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(END_SECONDS):
        said = (await _output(process).read()).decode()
        code = await process.wait()
    insist(code == 0, f"it ended with {code} at SIGTERM:\n{said}")


def _output(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise AssertionError("its output was asked for")
    return process.stdout


def check_rights(process: asyncio.subprocess.Process) -> int:
    """That it runs as nobody on a root that is read-only; the answer is the memory that it holds, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    insist("0" not in fields["Uid"].split(), f"it runs as {fields['Uid']}")
    mounts = Path(f"/proc/{process.pid}/mountinfo").read_text(encoding="ascii").splitlines()
    root = next(line.split() for line in mounts if line.split()[4] == "/")
    insist("ro" in root[5].split(","), "its root can be written")
    return int(fields["VmRSS"].split()[0]) * 1024


async def probe(address: str, service: str) -> bool:
    """Whether the health listener says SERVING of the service."""
    async with grpc.aio.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(request, wait_for_ready=True, timeout=START_SECONDS)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def try_gateway(image: Image, database_url: str) -> str:
    """Migrate, serve, be probed, and end; the answer says what was seen."""
    with tempfile.TemporaryDirectory(prefix="image-policy-") as folder:
        Path(folder).chmod(0o755)  # The image's user reads it.
        (Path(folder) / "policy.yaml").write_text(POLICY, encoding="utf-8")
        with image.mounted(readable=Path(folder)) as root:
            variables = {"GATEWAY_DATABASE_URL": database_url}
            async with image.run(root, "migrate", **variables) as migration:
                await line_with(migration, "The schema is at")
            variables |= {"GATEWAY_NAME": "image", "GATEWAY_POLICY": "/mnt/policy.yaml", "GATEWAY_INSECURE": "true"}
            variables |= {"GATEWAY_API_LISTEN": "127.0.0.1:0", "GATEWAY_METRICS_LISTEN": "127.0.0.1:0"}
            variables |= {"GATEWAY_HEALTH_LISTEN": f"127.0.0.1:{_free_port()}", "GATEWAY_DRAIN_DELAY": "100ms"}
            variables |= {"GATEWAY_STORAGE_ENDPOINT": "http://127.0.0.1:9", "GATEWAY_VERTEX_EMULATOR": "127.0.0.1:9"}
            begun = time.monotonic()
            async with image.run(root, **variables) as serving:
                for service in ("live", "batchjobs.v1.BatchJobs"):
                    while not await probe(variables["GATEWAY_HEALTH_LISTEN"], service):
                        insist(time.monotonic() - begun < START_SECONDS, f"{service} does not serve")
                        await asyncio.sleep(0.05)
                seconds = time.monotonic() - begun
                await line_with(serving, "leads")
                memory = check_rights(serving)
                await end(serving)
    return f"serves after {seconds:.1f} s, leads with {memory / 1e6:.0f} MB resident"


async def try_emulator(image: Image) -> str:
    """Begin with the sample in a folder of its own, say where it listens, and end."""
    with tempfile.TemporaryDirectory(prefix="image-data-") as folder:
        Path(folder).chmod(0o777)  # The image's user writes it.
        with image.mounted(readable=Path(folder)) as root:
            subprocess.run(["cp", "-r", f"{root}/sample/.", folder], check=True)
            async with image.run(root, "--buckets=/mnt/buckets", "--tables=/mnt/tables") as emulator:
                told = await line_with(emulator, "storage_url")
                check_rights(emulator)
                await end(emulator)
    return f"tells where it listens: {told.strip()}"


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


async def main(folder: Path) -> int:
    """Try both images; 1 where one of them is wrong."""
    images = {name: Image.of(folder / name) for name in ("gateway", "emulator")}
    postgres = EmbeddedPostgres(tcp=True)
    await asyncio.to_thread(postgres.start)
    try:
        for name, image in images.items():
            image.check()
            tried = try_gateway(image, postgres.tcp_url) if name == "gateway" else try_emulator(image)
            print(f"image {name}: {image.size / 1e6:.0f} MB; {await tried}")
    except WrongError as error:
        print(f"the image is wrong: {error}", file=sys.stderr)
        return 1
    finally:
        await asyncio.to_thread(postgres.stop)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]).absolute())))
