"""The committed Python is what the contract makes, and the checks that hold this do fail when they should."""

import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = Path("batchjobs/v1/batch_jobs.proto")
GENERATED = Path("batchjobs/v1/batch_jobs_pb2.pyi")


def generate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "protos/generate.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def buf_lint(protos: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    image = folder / "image.binpb"
    assert generate("--protos", protos, "--image", image).returncode == 0
    command = [str(Path(sys.executable).parent / "buf"), "lint", str(image), "--config", str(ROOT / "buf.yaml")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    """A copy of the contract that a test may spoil."""
    return Path(shutil.copytree(ROOT / "protos", tmp_path / "protos"))


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """A copy of the committed code that a test may spoil."""
    return Path(shutil.copytree(ROOT / "src/batchjobs/v1", tmp_path / "src/batchjobs/v1")).parents[1]


def spoil(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_the_committed_code_is_what_the_contract_makes() -> None:
    done = generate("--check")
    assert done.returncode == 0, done.stderr


def test_a_changed_contract_is_noticed(protos: Path) -> None:
    spoil(protos / CONTRACT, "int64 revision = 32", "int64 revision = 33")
    done = generate("--check", "--protos", protos)
    assert done.returncode == 1
    assert "batchjobs/v1/batch_jobs_pb2.py: differs" in done.stderr
    assert "make proto" in done.stderr


def test_a_changed_comment_is_noticed(protos: Path) -> None:
    """Comments are in the typed code, where callers read them."""
    spoil(protos / CONTRACT, "Where it stands.", "Where it stood.")
    assert f"{GENERATED}: differs" in generate("--check", "--protos", protos).stderr


def test_edited_missing_and_left_over_code_is_noticed(stubs: Path) -> None:
    (stubs / "batchjobs/v1/old_pb2.py").write_text("")
    (stubs / "batchjobs/v1/errors_pb2.py").unlink()
    spoil(stubs / GENERATED, "import builtins", "import  builtins")
    done = generate("--check", "--out", stubs)
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [
        f"{GENERATED}: differs",
        "batchjobs/v1/errors_pb2.py: missing",
        "batchjobs/v1/old_pb2.py: left over",
    ]


def test_the_contract_passes_buf_lint(protos: Path, tmp_path: Path) -> None:
    done = buf_lint(protos, tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("STATE_UNSPECIFIED", "STATE_UNKNOWN", "should be suffixed with"),
        ("  // Where it stands.\n", "", "should have a non-empty comment for documentation"),
        ("string display_name", "string displayName", "should be lower_snake_case"),
    ],
)
def test_buf_lint_finds_fault(protos: Path, tmp_path: Path, old: str, new: str, finding: str) -> None:
    spoil(protos / CONTRACT, old, new)
    done = buf_lint(protos, tmp_path)
    assert done.returncode != 0
    assert finding in done.stdout


def test_a_contract_that_does_not_compile_is_refused(protos: Path) -> None:
    spoil(protos / CONTRACT, "int64 revision = 32", "int65 revision = 32")
    done = generate("--check", "--protos", protos)
    assert done.returncode != 0
    assert '"int65" is not defined' in done.stderr


def test_the_base_install_asks_for_what_the_generated_code_demands() -> None:
    """Generated code refuses to be imported with an older grpcio or protobuf, so the floors must name its versions."""
    floors = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    text = (ROOT / "src/batchjobs/v1/batch_jobs_pb2.py").read_text()
    protobuf = text.split("# Protobuf Python Version: ")[1].split()[0]
    assert f"protobuf>={protobuf}" in floors
    assert f"grpcio>={version('grpcio-tools')}" in floors
    assert requires("batch-jobs-gateway")
