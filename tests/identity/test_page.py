"""docs/identity.md says what is so: every cause is explained, and what it shows is taken as it stands."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from batchjobs.client._hints import PASSING, PERMANENT
from gateway.identity.issuers import parse_issuers
from gateway.identity.refusal import Cause
from gateway.policy.load import parse_policy
from identity.house import SPIFFE_ID, House
from support.authority import Pair
from support.token_issuer import AUDIENCE, bearer

PAGE = (Path(__file__).resolve().parents[2] / "docs/identity.md").read_text()


def shown(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


WRONG = re.findall(r"^\| `(--[a-z-]+)` \| `([A-Z_]+)` \| (.*) \|$", PAGE, re.MULTILINE)
"""Flags of the issuer that the page shows, the cause that each token is refused for, and what is said then."""


def test_every_cause_has_its_row_and_no_other_has() -> None:
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)) == {cause.value for cause in Cause}


def test_the_table_of_connections_has_what_the_client_explains() -> None:
    told = set(re.findall(r"^\| [^|]* \| `([^`]+)` \|", PAGE, re.MULTILINE))
    assert told - {"api_listen"} <= {*PASSING, *PERMANENT, *(cause.value for cause in Cause)}
    assert {*PASSING, *PERMANENT} - told == {"certificate signature failure"}


def test_the_issuers_files_are_taken() -> None:
    files = [text for text in shown("yaml") if text.startswith("issuers:")]
    assert [list(parse_issuers(text)) for text in files] == [["corp"], ["cluster-a"], ["google"]]
    assert all(yaml.safe_load(text) for text in shown("yaml"))


@pytest.mark.parametrize("who", ["ranking"])
async def test_the_ca_that_it_shows_makes_certificates_that_count(house: House, who: str) -> None:
    [script] = [text for text in shown("sh") if "openssl" in text]
    made = await asyncio.to_thread(
        subprocess.run, ["bash", "-euc", script], cwd=house.folder, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    read = {file.name: file.read_bytes() for file in house.folder.iterdir()}
    house.serve_with(Pair(read["gateway.key"], read["gateway.crt"], 0))
    async with house.mtls(api_listen="", issuers=None) as door:
        pair = Pair(read[f"{who}.key"], read[f"{who}.crt"], 0)
        channel = await door.connect(pair, ca=read["ca.crt"])
        assert await door.who(channel=channel) == f"mtls:{SPIFFE_ID}"


async def signed(house: House, *flags: str) -> str:
    """What the page's own issuer prints."""
    [program] = shown("python")
    made = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, *flags],
        cwd=house.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


async def test_the_issuer_that_it_shows_makes_tokens_that_count(house: House) -> None:
    for _ in range(2):
        token = await signed(house)
        async with house.tokens() as door:
            assert await door.who(*bearer(token)) == "jwt:corp:ranking"


@pytest.mark.parametrize(("flag", "cause", "said"), WRONG)
async def test_each_wrong_token_is_refused_with_what_the_table_says(
    house: House, flag: str, cause: str, said: str
) -> None:
    token = await signed(house, flag)
    async with house.tokens() as door:
        found, message = await door.cause(*bearer(token))
    assert found == cause
    assert said in message


def test_the_policy_that_it_shows_knows_both_callers() -> None:
    [text] = re.findall(r"cat > policy.yaml <<'END'\n(.*?)^END$", PAGE, re.DOTALL | re.MULTILINE)
    policy = parse_policy(text)
    for principal in (f"mtls:{SPIFFE_ID}", "jwt:corp:ranking"):
        assert "ranking" in policy.membership(principal).roles


def test_every_flag_of_the_issuer_is_in_the_table() -> None:
    assert [flag for flag, _, _ in WRONG]
    assert set(re.findall(r'"(--[a-z-]+)":', shown("python")[0])) == {flag for flag, _, _ in WRONG}


def test_every_audience_is_one_and_the_same() -> None:
    """A token that is made as one page says is taken by a gateway that is set up as another has it."""
    root = Path(__file__).resolve().parents[2]
    files = ("docs/identity.md", "docs/install.md", "deploy/values.yaml", "deploy/examples/production.yaml")
    asked = re.compile(r"(?:audiences?: \[?|--audiences?[ =])([a-z-]+)")
    assert {name: set(asked.findall((root / name).read_text())) for name in files} == {
        name: {AUDIENCE} for name in files
    }
