"""One typed place for how a process runs."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.app.leading import controller_config
from gateway.cli.serve import serve
from gateway.settings import PREFIX, DatabaseSettings, Role, Settings, SettingsError

NEEDED = {
    "GATEWAY_NAME": "corp",
    "GATEWAY_POLICY": "/etc/policy.yaml",
    "GATEWAY_DATABASE_URL": "postgresql://gateway@db/gateway",
    "GATEWAY_INSECURE": "true",
}
SECURED = {
    **{name: value for name, value in NEEDED.items() if name != "GATEWAY_INSECURE"},
    "GATEWAY_TLS_CERTIFICATE": "/tls/tls.crt",
    "GATEWAY_TLS_KEY": "/tls/tls.key",
    "GATEWAY_TLS_CLIENT_CA": "/tls/ca.crt",
    "GATEWAY_API_LISTEN": "0.0.0.0:8470",
    "GATEWAY_MTLS_LISTEN": "0.0.0.0:8443",
    "GATEWAY_ISSUERS": "/etc/issuers.yaml",
}

PROXY = "mtls:spiffe://corp.example/ns/edge/sa/envoy"


def refused(environment: dict[str, str], base: dict[str, str] = NEEDED) -> str:
    with pytest.raises(SettingsError) as error:
        Settings.read({**base, **environment})
    return str(error.value)


def test_three_settings_are_enough_on_this_machine_and_insecure():
    settings = Settings.read(NEEDED)
    assert (settings.name, settings.policy, settings.role) == ("corp", Path("/etc/policy.yaml"), Role.ALL)
    assert settings.api_listen == "127.0.0.1:8470"


def test_the_defaults_are_those_of_the_protocol():
    config = controller_config(Settings.read(NEEDED))
    assert (config.lease, config.lease_margin) == (timedelta(seconds=10), timedelta(seconds=3))
    assert config.settle_after == timedelta(seconds=20 + 20 + 60)
    assert config.poll_interval == timedelta(seconds=10)
    assert (config.sweep_interval, config.delete_retry) == (timedelta(minutes=10), timedelta(seconds=60))


def test_everything_that_is_missing_or_wrong_is_named_at_once():
    with pytest.raises(SettingsError) as error:
        Settings.read({"GATEWAY_LEASE": "soon", "GATEWAY_API_LISTEN": "8470", "GATEWAY_TYPO": "1"})
    lines = str(error.value).splitlines()
    for name in ("NAME", "POLICY", "DATABASE_URL", "LEASE", "API_LISTEN", "TYPO"):
        assert sum(line.startswith(f"{PREFIX}{name}") for line in lines) == 1, name


def named(environment: dict[str, str]) -> list[str]:
    """What `gateway serve` calls wrong with these variables and no other, without the prefix."""
    ran = CliRunner().invoke(serve, env=environment)
    assert ran.exit_code == 2
    first, *lines = ran.stderr.splitlines()
    assert first == "gateway: these settings cannot be used:"
    return [line.split(":")[0].split(" ")[0].removeprefix(PREFIX) for line in lines]


def test_serve_names_what_is_missing_what_cannot_be_and_what_does_not_go_together_in_one_message():
    needed = ["DATABASE_URL", "NAME", "POLICY"]
    secured = ["TLS_CERTIFICATE", "TLS_KEY", "ISSUERS"]
    assert named({}) == [*needed, *secured]
    assert named({"GATEWAY_ROLE": "chief", "GATEWAY_LIST_LAG": "1s"}) == [*needed, "ROLE", "LIST_LAG", *secured]
    assert named({"GATEWAY_INSECURE": "1", "GATEWAY_METRICS_LISTEN": "0.0.0.0:1"}) == [*needed, "METRICS_LISTEN"]
    assert named({"GATEWAY_MTLS_LISTEN": "8443"}) == [*needed, "MTLS_LISTEN", *secured, "TLS_CLIENT_CA"]
    assert named({"GATEWAY_TYPO": "1", "GATEWAY_NAME": "A", "GATEWAY_WATCH_AGE": "2h"}) == [
        *["TYPO", *needed],
        *["WATCH_AGE", *secured],
    ]


@pytest.mark.parametrize(
    "environment",
    [
        {"GATEWAY_INSECURE": "perhaps"},
        {"GATEWAY_INSECURE": "1", "GATEWAY_LEASE": "soon", "GATEWAY_LEASE_MARGIN": "1h"},
        {"GATEWAY_INSECURE": "1", "GATEWAY_LIST_LAG": "soon", "GATEWAY_SETTLE": "1s"},
        {"GATEWAY_EVALUATION": "perhaps", "GATEWAY_INSECURE": "1"},
        {**SECURED, "GATEWAY_METRICS_LISTEN": "9470", "GATEWAY_VERTEX_EMULATOR": "127.0.0.1:1"},
    ],
)
def test_what_depends_on_a_setting_that_cannot_be_read_is_not_guessed(environment):
    [line] = refused(
        environment, {name: value for name, value in NEEDED.items() if name != "GATEWAY_INSECURE"}
    ).splitlines()
    assert line.split(" ")[0] in environment


def test_an_unknown_variable_is_refused():
    assert "GATEWAY_LEASES" in refused({"GATEWAY_LEASES": "10"})


@pytest.mark.parametrize(
    "variable",
    ["GATEWAY_PORT", "GATEWAY_SERVICE_HOST", "GATEWAY_SERVICE_PORT_GRPC", "GATEWAY_PORT_8470_TCP_ADDR"],
)
def test_what_kubernetes_puts_there_for_a_service_of_that_name_is_not(variable):
    Settings.read({**NEEDED, variable: "tcp://10.0.0.1:8470"})


def test_a_flag_goes_before_the_environment():
    assert Settings.read({**NEEDED, "GATEWAY_ROLE": "all"}, {"role": "api", "lease": None}).role is Role.API


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20", 20), ("1.5", 1.5), ("500ms", 0.5), ("20s", 20), ("5m", 300), ("2h", 7200), ("1d", 86400)],
)
def test_durations_have_units(text, seconds):
    assert Settings.read({**NEEDED, "GATEWAY_CREATE_DEADLINE": text}).create_deadline == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NAME", "Corp"),
        ("NAME", "a" * 64),
        ("NAME", "corp.example"),
        ("ROLE", "leader"),
        ("LEASE", "0"),
        ("LEASE", "-5s"),
        ("HEALTH_LISTEN", "127.0.0.1:99999"),
        ("API_CONNECTIONS", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("STORAGE_ENDPOINT", "ftp://x"),
        ("DATABASE_URL", "mysql://x"),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(variable, value):
    assert f"{PREFIX}{variable}" in refused({PREFIX + variable: value})


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SETTLE": "99s"}, "SETTLE"),
        ({"SETTLE": "100s", "CREATE_DEADLINE": "21s"}, "SETTLE"),
        ({"LEASE": "3s"}, "LEASE_MARGIN"),
        ({"WATCH_AGE": "2h"}, "WATCH_AGE"),
        ({"API_LISTEN": ""}, "API_LISTEN"),
        ({"ISSUERS": "/etc/issuers.yaml"}, "INSECURE"),
        ({"TLS_KEY": "/tls/tls.key"}, "INSECURE"),
        ({"MTLS_LISTEN": "127.0.0.1:1"}, "INSECURE"),
    ],
)
def test_settings_that_break_a_promise_together_are_refused(environment, named):
    assert refused({PREFIX + key: value for key, value in environment.items()}).startswith(f"{PREFIX}{named} ")


@pytest.mark.parametrize(
    "without",
    [
        set(),
        {"ISSUERS", "API_LISTEN"},
        {"TLS_CLIENT_CA", "MTLS_LISTEN"},
    ],
)
def test_with_tls_either_kind_of_identity_is_enough(without):
    Settings.read({**SECURED, **{PREFIX + name: "" for name in without}})


@pytest.mark.parametrize(
    ("changed", "named", "says"),
    [
        ({"TLS_CERTIFICATE": ""}, "TLS_CERTIFICATE", "callers come over TLS and prove who they are"),
        ({"TLS_KEY": ""}, "TLS_KEY", "is needed"),
        ({"ISSUERS": ""}, "ISSUERS", "is needed for api_listen"),
        ({"TLS_CLIENT_CA": ""}, "TLS_CLIENT_CA", "is needed for mtls_listen"),
        ({"MTLS_LISTEN": ""}, "MTLS_LISTEN", "is needed with tls_client_ca"),
        ({"MTLS_LISTEN": "", "API_LISTEN": "", "TLS_CLIENT_CA": ""}, "MTLS_LISTEN", "is needed"),
        ({"MTLS_LISTEN": "", "TLS_CLIENT_CA": "", "TRUSTED_PROXIES": PROXY}, "TRUSTED_PROXIES", "mtls_listen"),
        ({"API_LISTEN": "", "ISSUERS": "", "REST_PROXIES": "10.8.0.7"}, "REST_PROXIES", "issuers is not set"),
        ({"REST_PROXIES": "10.8.0.7,envoy"}, "REST_PROXIES", "envoy: 'envoy' does not appear to be"),
        ({"REST_PROXIES": "10.8.0.7/24"}, "REST_PROXIES", "10.8.0.7/24 has host bits set"),
        ({"REST_PROXIES": "0.0.0.0/0"}, "REST_PROXIES", "0.0.0.0/0: takes in everybody"),
        ({"REST_PROXIES": "::/0"}, "REST_PROXIES", "such as 10.8.0.7 or 10.8.0.0/24"),
        ({"MTLS_LISTEN": "", "TLS_CLIENT_CA": "", "MTLS_DNS_NAMES": "true"}, "MTLS_DNS_NAMES", "mtls_listen"),
        ({"VERTEX_EMULATOR": "127.0.0.1:1"}, "VERTEX_EMULATOR", "every listener on loopback"),
        ({"STORAGE_ENDPOINT": "http://127.0.0.1:1"}, "STORAGE_ENDPOINT", "every listener on loopback"),
        ({"BIGQUERY_ENDPOINT": "http://127.0.0.1:1"}, "BIGQUERY_ENDPOINT", "every listener on loopback"),
    ],
)
def test_what_is_open_or_half_secured_does_not_start_and_says_what_to_set(changed, named, says):
    [line] = refused({PREFIX + key: value for key, value in changed.items()}, SECURED).splitlines()
    assert line.startswith(f"{PREFIX}{named} ")
    assert says in line


def test_nothing_is_served_without_tls_unless_that_is_asked_for():
    lines = refused({}, {name: value for name, value in NEEDED.items() if name != "GATEWAY_INSECURE"}).splitlines()
    assert [line.split()[0].removeprefix(PREFIX) for line in lines] == ["TLS_CERTIFICATE", "TLS_KEY", "ISSUERS"]
    assert "`gateway dev` or insecure" in lines[0]


def test_proxies_are_listed_with_commas():
    settings = Settings.read({**SECURED, "GATEWAY_TRUSTED_PROXIES": f"{PROXY}, {PROXY}-*,"})
    assert settings.trusted_proxies == (PROXY, f"{PROXY}-*")


def test_a_list_lag_that_vertex_cannot_keep_is_refused():
    assert "GATEWAY_LIST_LAG" in refused({"GATEWAY_LIST_LAG": "9s"})


def test_the_database_url_is_never_shown():
    settings = Settings.read({**NEEDED, "GATEWAY_DATABASE_URL": "postgresql://u:s3cret@h/d"})
    assert "s3cret" not in repr(settings) + str(settings.model_dump())


def test_the_password_may_stand_in_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("p/w @1\n")
    settings = DatabaseSettings.read({}, {"database_url": "postgresql://u@h:1/d", "database_password_file": str(file)})
    assert settings.database_address() == "postgresql://u:p%2Fw%20%401@h:1/d"


def test_a_password_file_that_cannot_be_read_is_named(tmp_path):
    flags = {"database_url": "postgresql://u@h/d", "database_password_file": str(tmp_path / "nope")}
    with pytest.raises(SettingsError, match="DATABASE_PASSWORD_FILE"):
        DatabaseSettings.read({}, flags).database_address()


def test_every_setting_says_what_it_means():
    for name, field in Settings.model_fields.items():
        assert field.description, name
