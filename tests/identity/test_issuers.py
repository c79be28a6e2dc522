"""The issuers file: strict, and every problem with its line."""

from pathlib import Path

import pytest

from gateway.identity.issuers import Algorithm, IssuersError, load_issuers, parse_issuers

GOOD = """
issuers:
  corp:
    issuer: https://login.corp.example
    audiences: batch-jobs-gateway
    jwks_url: https://login.corp.example/keys
"""


def refused(text: str) -> list[str]:
    with pytest.raises(IssuersError) as error:
        parse_issuers(text)
    return str(error.value).splitlines()


def test_the_defaults_are_the_usual_ones() -> None:
    corp = parse_issuers(GOOD)["corp"]
    assert (corp.claim, corp.audiences) == ("sub", ("batch-jobs-gateway",))
    assert corp.algorithms == (Algorithm.RS256, Algorithm.ES256)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "ES256K", "rs256", "RSA-OAEP"])
def test_no_algorithm_can_be_written_that_is_not_a_signature_by_the_issuer_alone(algorithm: str) -> None:
    [problem] = refused(f"{GOOD}    algorithms: [RS256, {algorithm}]\n")
    assert problem.startswith("issuers.yaml:7: issuers.corp.algorithms[1]: ")
    assert "'RS256'" in problem


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("https://login.corp.example/keys", "http://login.corp.example/keys"), 6, "is an https:// URL"),
        (("https://login.corp.example/keys", "https://user:pw@login.corp.example/keys"), 6, "is an https:// URL"),
        (("https://login.corp.example/keys", "keys"), 6, "is an https:// URL"),
        (("    audiences: batch-jobs-gateway\n", ""), 3, "Field required"),
        (("batch-jobs-gateway", "[]"), 5, "at least 1 item"),
        (("    jwks_url: https://login.corp.example/keys\n", ""), 3, "jwks_file or jwks_url"),
        (("    jwks_url:", "    jwks_file: /keys.json\n    jwks_url:"), 3, "jwks_file or jwks_url"),
        (("jwks_url: https://login.corp.example/keys", "jwks_file: /k\n    ca_file: /ca"), 3, "are for jwks_url"),
        (("    jwks_url:", "    secret: x\n    jwks_url:"), 6, "Extra inputs are not permitted"),
        (("  corp:", "  Corp:"), 3, "lowercase letter"),
        (("  corp:", '  "a:b":'), 3, "lowercase letter"),
        (("    jwks_url:", "    claim: 'a b'\n    jwks_url:"), 6, "should match pattern"),
        (("issuer: https", "issuer: [https"), 5, "is not YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(change: tuple[str, str], line: int, says: str) -> None:
    text = GOOD.replace(*change, 1)
    assert text != GOOD
    [problem] = refused(text)
    assert problem.startswith(f"issuers.yaml:{line}"), problem
    assert says in problem
    assert "pw@" not in problem


def test_a_file_without_issuers_or_twice_the_same_is_refused() -> None:
    assert refused("issuers: {}\n")
    assert refused("")
    assert "given twice" in refused(GOOD + GOOD.replace("\nissuers:\n", ""))[0]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(IssuersError, match=r"nope\.yaml: cannot be read"):
        load_issuers(tmp_path / "nope.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"\xff")
    with pytest.raises(IssuersError, match="is not UTF-8"):
        load_issuers(tmp_path / "latin.yaml")
