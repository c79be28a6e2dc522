"""From the policy file to the policy in force, or to every reason why not, each with its line and its path.

The steps: bytes to YAML (`yaml_reader`), YAML to the typed shape (`shape`), contradictions, and the values in force
(`resolve`). Only text that is no YAML at all ends early; everything else is told in one go.
"""

from pathlib import Path as FilePath
from typing import Final

from gateway.policy.contradictions import report_contradictions
from gateway.policy.document import PolicyFile
from gateway.policy.model import Policy
from gateway.policy.problems import Path, PolicyError, Problem, path_text
from gateway.policy.resolve import resolve
from gateway.policy.shape import Shaped, shape
from gateway.policy.yaml_reader import read_yaml

MAX_BYTES: Final = 1 << 20

__all__ = ["MAX_BYTES", "PolicyError", "Problem", "load_policy", "parse_policy", "read_document", "read_policy_file"]


def load_policy(path: FilePath | str) -> Policy:
    """Read and judge a policy file. It blocks: call it in a thread where an event loop runs.

    Raises:
        PolicyError: the file cannot be read, does not parse, or contradicts itself.

    """
    return parse_policy(read_policy_file(path), str(path))


def read_policy_file(path: FilePath | str) -> bytes:
    """The file's bytes. It blocks.

    Raises:
        PolicyError: there is no such file, it cannot be read, or it is too large.

    """
    path = FilePath(path)
    try:
        # Opening a named pipe would wait for its writer.
        if path.exists() and not path.is_file():
            raise PolicyError.about_file(path, "is not a file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError.about_file(path, f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise PolicyError.about_file(path, f"is larger than {MAX_BYTES} bytes")
    return content


def parse_policy(content: bytes | str, file: str = "policy.yaml") -> Policy:
    """Judge a policy given as text; `file` is the name that problems carry.

    Raises:
        PolicyError: the text does not parse or contradicts itself.

    """
    return resolve(read_document(content, file))


def read_document(content: bytes | str, file: str) -> PolicyFile:
    """The typed file, found free of contradictions.

    Raises:
        PolicyError: the text does not parse or contradicts itself.

    """
    judge = _Judge(file)
    shaped = judge.read(content)
    if shaped is None or judge.problems:
        raise PolicyError(judge.problems)
    return shaped.file


class _Judge:
    """Gathers the problems of one file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.problems: list[Problem] = []

    def read(self, content: bytes | str) -> Shaped | None:
        text = content if isinstance(content, str) else self._decode(content)
        document = None if text is None else read_yaml(text, self._problem)
        if document is None or document.data is None:
            return None

        def report(path: Path, reason: str) -> None:
            line, found = document.find(path)
            # A bare number stands for a map: its limit has no path of its own in the file.
            shown = path if reason.startswith("is missing") else found
            self._problem(shown, line, reason)

        shaped = shape(document.data, report)
        if shaped is not None:
            report_contradictions(shaped, report)
        return shaped

    def _decode(self, content: bytes) -> str | None:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._problem((), content.count(b"\n", 0, error.start) + 1, "is not UTF-8 text")
            return None

    def _problem(self, path: Path, line: int, reason: str) -> None:
        self.problems.append(Problem(self._file, line, path_text(path), reason))
