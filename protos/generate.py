#!/usr/bin/env python3
"""Makes the Python code of the contract, and checks that the committed code is what the contract makes.

`--check` writes nothing and exits 1 on a difference; `--image FILE` writes the descriptor image that `buf lint` reads.
"""

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
from importlib import resources
from pathlib import Path

PROTOS = Path(__file__).resolve().parent
SOURCES = PROTOS.parent / "src"
ERROR_DETAILS = Path("google/rpc/error_details.proto")
"""What refusals carry. No message of the contract holds them, so nothing imports them."""
GENERATED = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")


def google_protos() -> list[Path]:
    """The folders that hold `google/api`, `google/rpc` and `google/protobuf`."""
    common = [path for path in sys.path if (Path(path) / "google/api/annotations.proto").is_file()]
    return [Path(common[0]), Path(str(resources.files("grpc_tools") / "_proto"))]


def contract(protos: Path) -> list[Path]:
    """The files of the contract."""
    return sorted(protos.rglob("*.proto"))


def protoc(protos: Path, files: list[Path], *outputs: str) -> None:
    """Run the protocol compiler; its plugins are those of this Python."""
    includes = [f"--proto_path={path}" for path in (protos, *google_protos())]
    command = [sys.executable, "-m", "grpc_tools.protoc", *includes, *outputs, *map(str, files)]
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", "")))
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)  # noqa: S603 - our own compiler on our own files
    if done.returncode != 0:
        sys.exit(done.stderr)


def generate(protos: Path, out: Path) -> None:
    """Write messages, service classes and the types of both below `out`."""
    protoc(protos, contract(protos), f"--python_out={out}", f"--mypy_out={out}")
    # A file without a service would get empty service modules that nobody imports.
    services = [file for file in contract(protos) if "\nservice " in file.read_text()]
    protoc(protos, services, f"--grpc_python_out={out}", f"--mypy_grpc_out={out}")


def image(protos: Path, file: Path) -> None:
    """Write a descriptor set with every import and comment, which is an image to `buf`; error details are in it too."""
    files = [*contract(protos), google_protos()[0] / ERROR_DETAILS]
    protoc(protos, files, "--include_imports", "--include_source_info", f"--descriptor_set_out={file}")


def generated_files(root: Path) -> dict[Path, bytes]:
    """Every generated file below `root`, by its path from there."""
    return {path.relative_to(root): path.read_bytes() for pattern in GENERATED for path in root.rglob(pattern)}


def differences(protos: Path, committed: Path) -> list[str]:
    """What is missing, left over or different in the committed code, a line each."""
    with tempfile.TemporaryDirectory() as folder:
        generate(protos, Path(folder))
        fresh = generated_files(Path(folder))
    held = generated_files(committed)
    return [
        f"{path}: {'differs' if path in fresh and path in held else 'missing' if path in fresh else 'left over'}"
        for path in sorted({*fresh, *held})
        if fresh.get(path) != held.get(path)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Generate the Python code of the contract.")
    parser.add_argument("--protos", type=Path, default=PROTOS, help="the folder of the .proto files")
    parser.add_argument("--out", type=Path, default=SOURCES, help="the folder of the generated packages")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="write nothing; exit 1 on a difference")
    action.add_argument("--image", type=Path, help="write only a descriptor image to this file")
    arguments = parser.parse_args()
    if arguments.image:
        image(arguments.protos, arguments.image)
    elif arguments.check:
        found = differences(arguments.protos, arguments.out)
        if found:
            sys.exit("\n".join(["the generated code is not what the contract makes; run `make proto`:", *found]))
    else:
        generate(arguments.protos, arguments.out)


if __name__ == "__main__":
    main()
