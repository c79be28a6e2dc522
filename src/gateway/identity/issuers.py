"""The issuers file: whose tokens count here, how they are verified, and which claim names the caller."""

import re
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from gateway.policy.problems import path_text
from gateway.policy.yaml_reader import Document, read_yaml
from gateway.settings import SettingsError

MAX_BYTES: Final = 1 << 20
_ALIAS: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


class IssuersError(SettingsError):
    """The issuers file, or what it names, cannot be used; the message has a line for each problem."""


@unique
class Algorithm(StrEnum):
    """Signatures by a private key that the issuer alone holds. `none`, and the HMACs whose key verifiers hold too, can
    not be written here at all.
    """

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EDDSA = "EdDSA"


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _https(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError("is an https:// URL: keys fetched over plaintext could be anybody's")
    return value


def _alias(value: str) -> str:
    if not _ALIAS.fullmatch(value):
        raise ValueError("is no alias: a lowercase letter, then such letters, digits and hyphens")
    return value


Alias = Annotated[str, AfterValidator(_alias)]
Text = Annotated[str, Field(min_length=1, max_length=1000)]


class Issuer(BaseModel):
    """One issuer of tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    issuer: Text
    """The claim `iss` of its tokens, letter by letter. Two issuers may share it, as the clusters do that have kept
    Kubernetes' default: the key that signed a token then tells which one it is of."""
    audiences: Annotated[tuple[Text, ...], BeforeValidator(_several), Field(min_length=1)]
    """What its tokens must be made for: one of these stands in the claim `aud`. Name this gateway, not a wider circle:
    whoever is sent a token may send it on."""
    algorithms: Annotated[tuple[Algorithm, ...], BeforeValidator(_several), Field(min_length=1)] = (
        Algorithm.RS256,
        Algorithm.ES256,
    )
    """The signatures that count."""
    claim: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]{1,200}$")] = "sub"
    """The claim that names the caller; the principal is `jwt:ALIAS:` and its value. `email` counts only where the
    issuer says `email_verified`."""
    jwks_file: Path | None = None
    """A file with the issuer's public keys, a JWKS; read again when it changes."""
    jwks_url: Annotated[str, AfterValidator(_https)] | None = None
    """Where the issuer publishes its keys, https://…; OIDC discovery calls it `jwks_uri`."""
    ca_file: Path | None = None
    """Who vouches for the server behind `jwks_url`, as PEM; by default whom this machine trusts."""
    bearer_file: Path | None = None
    """A file with a token for fetching `jwks_url`, such as this pod's own service account token; read at each fetch."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.jwks_file is None) == (self.jwks_url is None):
            raise ValueError("needs its keys from one place: jwks_file or jwks_url")
        if self.jwks_url is None and (self.ca_file or self.bearer_file):
            raise ValueError("has ca_file or bearer_file, which are for jwks_url")
        return self


class IssuersFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    issuers: Annotated[dict[Alias, Issuer], Field(min_length=1)]
    """By their aliases, lowercase letters, digits and hyphens. The alias stands in principals: to rename one is to make
    other callers of the same ones."""


def load_issuers(path: Path) -> dict[str, Issuer]:
    """The issuers by their aliases. It blocks.

    Raises:
        IssuersError: the file cannot be read, or says what it must not; with every problem and its line.

    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except OSError as error:
        raise IssuersError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise IssuersError(f"{path}: is not UTF-8") from error
    return parse_issuers(text, str(path))


def parse_issuers(text: str, file: str = "issuers.yaml") -> dict[str, Issuer]:
    """The same, of the file's text; raises IssuersError."""
    if len(text) > MAX_BYTES:
        raise IssuersError(f"{file}: is larger than {MAX_BYTES} bytes")
    problems: list[str] = []
    document = read_yaml(text, lambda path, line, reason: problems.append(_line(file, line, path_text(path), reason)))
    if document is None or problems:
        raise IssuersError("\n".join(problems))
    try:
        return IssuersFile.model_validate(document.data, strict=False).issuers
    except ValidationError as error:
        raise IssuersError("\n".join(_problems(error, document, file))) from error


def _problems(error: ValidationError, document: Document, file: str) -> list[str]:
    found: list[str] = []
    for each in error.errors(include_input=False):
        line, _ = document.find(each["loc"])
        found.append(_line(file, line, path_text(each["loc"]), each["msg"].removeprefix("Value error, ")))
    return found


def _line(file: str, line: int, path: str, reason: str) -> str:
    return f"{file}:{line}: {path}: {reason}" if path else f"{file}:{line}: {reason}"
