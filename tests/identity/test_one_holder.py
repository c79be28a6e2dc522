"""Two issuers of one name never hold the same key: the second would be dead, and nobody would know."""

import pytest
import structlog

from gateway.identity.issuers import IssuersError
from identity.house import House
from support.token_issuer import RSA_KEYS, TokenIssuer

RSA = TokenIssuer.with_rsa()


def publish(house: House, name: str, *issuers: TokenIssuer) -> str:
    file = house.folder / f"{name}.json"
    file.write_bytes(issuers[0].jwks(*issuers[1:]))
    return str(file)


@pytest.mark.parametrize("kid", ["key-1", "another"])
async def test_two_aliases_with_the_same_name_and_key_stop_the_start(house: House, kid: str) -> None:
    other = publish(house, "other", TokenIssuer(kid=kid, key=house.issuer.key))
    house.trust(first={}, second={"jwks_file": other, "audiences": "another", "claim": "email"})
    with pytest.raises(IssuersError, match="issuers first and second share the same `issuer` and hold the same key"):
        await house.open()


async def test_issuers_that_differ_in_name_key_or_algorithm_may_be_beside_each_other(house: House) -> None:
    rsa = publish(house, "rsa", RSA)
    own = publish(house, "own", TokenIssuer.with_rsa(kid="own"))
    other = TokenIssuer.with_rsa(kid="own")
    other.key = RSA_KEYS[1]
    house.trust(
        first={},
        elsewhere={"issuer": "https://elsewhere.example"},
        new={"jwks_file": publish(house, "new", TokenIssuer())},
        plain={"jwks_file": rsa, "algorithms": "RS256"},
        padded={"jwks_file": own, "algorithms": "PS256"},
        other={"jwks_file": publish(house, "rsa-2", other)},
    )
    await house.open()


async def test_keys_that_become_the_same_later_are_logged_once(house: House) -> None:
    other = TokenIssuer()
    publish(house, "other", other)
    house.trust(first={}, second={"jwks_file": str(house.folder / "other.json")})
    listening = await house.open()
    with structlog.testing.capture_logs() as logs:
        for published in ([house.issuer], [house.issuer, TokenIssuer(kid="key-2")], [RSA]):
            publish(house, "other", *published)
            await listening.keys[1].refresh()
    told = [line["issuers"] for line in logs if line["event"] == "issuers hold the same key"]
    assert told == [["first", "second"]]
