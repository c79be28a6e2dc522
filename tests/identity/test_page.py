"""docs/identity.md says what is so: every cause is explained, and what it shows is taken as it stands."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from batchjobs.client._hints import PASSING, PERMANENT
from gateway.identity.issuers import parse_issuers
from gateway.identity.refusal import Cause
from identity.house import SPIFFE_ID, House
from support.authority import Pair

PAGE = (Path(__file__).resolve().parents[2] / "docs/identity.md").read_text()


def shown(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


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
