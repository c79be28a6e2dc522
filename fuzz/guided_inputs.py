"""The form in which coverage-guided inputs are kept: the number of a method, then its message."""

from collections.abc import Sequence
from pathlib import Path


def packed(method: int, message: bytes) -> bytes:
    return bytes([method]) + message


def unpacked(data: bytes) -> tuple[int, bytes]:
    """Of any bytes at all."""
    return (data[0], data[1:]) if data else (0, b"")


def read_corpus(folder: Path) -> Sequence[tuple[int, bytes]]:
    """Every input of the folder, in a fixed order; none where there is no folder."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [unpacked(each.read_bytes()) for each in files]
