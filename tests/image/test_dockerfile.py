"""What the image is made by."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "Dockerfile"


def test_the_linter_finds_nothing():
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "hadolint", "--no-color", DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_shipped_is_locked_to_the_versions_that_are_tested():
    def pinned(name):
        return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE))

    tested = pinned("dev")
    for name in ("server", "emulator", "hatchling"):
        shipped = pinned(name)
        assert shipped
        assert shipped.items() <= tested.items()


def test_both_images_run_as_nobody_and_are_stopped_by_sigterm():
    text = DOCKERFILE.read_text()
    assert "USER 65532:65532" in text
    assert "STOPSIGNAL SIGTERM" in text
    assert re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE) == [
        '["python", "-m", "vertex_emulator"]',
        '["gateway"]',
    ]
