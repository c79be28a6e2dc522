"""Development identity: believed on this machine, refused everywhere else."""

import pytest

from gateway.errors import GatewayError, Reason
from gateway.identity.development import DevelopmentAuthenticator, DevelopmentIdentityRefusedError
from gateway.identity.principal import Evidence
from gateway.setting_types import is_loopback

HERE = ("127.0.0.1:8470", "[::1]:9470")


def authenticator() -> DevelopmentAuthenticator:
    return DevelopmentAuthenticator(insecure=True, listeners=HERE)


async def test_the_metadata_names_the_principal():
    sent = (("user-agent", "x"), ("x-batchjobs-team", "ranking"))
    principal = await authenticator().authenticate(Evidence(sent))
    assert principal.name == "dev:ranking"


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("x-batchjobs-team", ""),),
        (("x-batchjobs-team", "Ranking"),),
        (("x-batchjobs-team", "teams/ranking"),),
        (("x-batchjobs-team", "a" * 64),),
        (("x-batchjobs-team", "ranking\n"),),
        (("x-batchjobs-team", b"ranking"),),
        (("x-batchjobs-team", "ranking"), ("x-batchjobs-team", "search")),
    ],
)
async def test_without_one_well_formed_name_the_answer_says_what_to_send(metadata):
    with pytest.raises(GatewayError, match="x-batchjobs-team: TEAM") as refused:
        await authenticator().authenticate(Evidence(metadata))
    assert refused.value.reason is Reason.NOT_AUTHENTICATED


def test_it_is_refused_without_insecure():
    with pytest.raises(DevelopmentIdentityRefusedError, match="--insecure"):
        DevelopmentAuthenticator(insecure=False, listeners=HERE)


@pytest.mark.parametrize("exposed", ["0.0.0.0:8470", "10.0.0.1:8471", "[::]:9470", "gateway:8470", "[fe80::1]:1"])
def test_it_is_refused_where_one_listener_can_be_reached_from_elsewhere(exposed):
    with pytest.raises(DevelopmentIdentityRefusedError, match="loopback"):
        DevelopmentAuthenticator(insecure=True, listeners=(*HERE, exposed))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
def test_loopback_addresses_are_known(address):
    assert is_loopback(address)
