"""docs/api.md is what the comments of the contract make, and says everything that they say."""

import shutil
import subprocess
import sys
from pathlib import Path

from batchjobs.v1 import batch_jobs_pb2, errors_pb2

ROOT = Path(__file__).resolve().parents[2]


def check(docs: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docs/tools/api.py"), "--check", "--docs", str(docs)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_is_what_the_contract_makes() -> None:
    done = check(ROOT / "docs")
    assert done.returncode == 0, done.stderr


def test_an_edited_or_missing_page_is_noticed(tmp_path: Path) -> None:
    page = Path(shutil.copy(ROOT / "docs/api.md", tmp_path))
    page.write_text(page.read_text() + "A word by hand.\n")
    assert check(tmp_path).returncode == 1
    page.unlink()
    done = check(tmp_path)
    assert done.returncode == 1
    assert "make docs" in done.stderr


def test_the_page_names_every_rpc_field_and_reason() -> None:
    text = (ROOT / "docs/api.md").read_text()
    for method in batch_jobs_pb2.DESCRIPTOR.services_by_name["BatchJobs"].methods:
        assert f"### {method.name}\n" in text
    for message in batch_jobs_pb2.DESCRIPTOR.message_types_by_name.values():
        assert all(f"| `{field.name}` |" in text for field in message.fields)
    for enum in (batch_jobs_pb2.BatchJob.State, batch_jobs_pb2.WaitingReason, errors_pb2.ErrorReason):
        assert all(f"| `{name}` |" in text for name in enum.keys())  # noqa: SIM118 - an enum wrapper is no mapping
