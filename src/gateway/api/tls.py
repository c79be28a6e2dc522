"""TLS of the API's listeners: what is served, and its renewal while connections stay open."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, Self, cast

import grpc
import structlog

from gateway.api.certificates import CertificateError, TlsContent, TlsFiles, TlsMaterial, judge
from gateway.clock import Clock

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 5.0


class CertificatesObserver(Protocol):
    """Told what becomes of a listener's certificate."""

    def certificate_taken(self, listener: str, expires: float) -> None:
        """It is served from now on, and expires at this Unix time."""
        ...

    def certificate_refused(self, listener: str) -> None:
        """The files hold what cannot be served; what was taken before stays."""
        ...


class ServerTls:
    """One listener's certificates. `run` looks at the files now and then; what is broken there changes nothing.

    A connection keeps what it began with: it is new connections that see a renewed certificate and a changed client CA.
    """

    def __init__(
        self, listener: str, files: TlsFiles, material: TlsMaterial, *, clock: Clock, observer: CertificatesObserver
    ) -> None:
        self._listener, self._files, self._clock, self._observer = listener, files, clock, observer
        self._material = material
        self._judged: TlsContent | str = material.content
        self._last: TlsContent | str = material.content
        observer.certificate_taken(listener, material.expires.timestamp())

    @classmethod
    async def open(cls, listener: str, files: TlsFiles, *, clock: Clock, observer: CertificatesObserver) -> Self:
        """Read the files for the first time, off the event loop; raises CertificateError."""
        material = await asyncio.to_thread(lambda: judge(files.read(), files, clock.now()))
        return cls(listener, files, material, clock=clock, observer=observer)

    def credentials(self) -> grpc.ServerCredentials:
        """For one server. gRPC asks at each new connection whether there is something newer."""
        given = self._material

        def newer() -> grpc.ServerCertificateConfiguration | None:
            nonlocal given
            if given is self._material:
                return None
            given = self._material
            return _configuration(given)

        demands = self._files.client_ca is not None
        # The library's types leave out that None means "as before".
        fetch = cast("Callable[[], grpc.ServerCertificateConfiguration]", newer)
        return grpc.dynamic_ssl_server_credentials(_configuration(given), fetch, require_client_authentication=demands)

    async def run(self) -> None:
        """Look at the files again and again until cancelled."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            await self.run_once()

    async def run_once(self) -> None:
        """Look once. What is new is taken when two looks in a row found it the same: it is not written all at once."""
        look = await asyncio.to_thread(self._look)
        settled, self._last = look == self._last, look
        if settled and look != self._judged:
            self._judged = look
            await self._take(look)

    def _look(self) -> TlsContent | str:
        try:
            return self._files.read()
        except CertificateError as error:
            return str(error)

    async def _take(self, look: TlsContent | str) -> None:
        try:
            if isinstance(look, str):
                raise CertificateError(look)  # noqa: TRY301 - what cannot be read is refused as what cannot be used is
            material = await asyncio.to_thread(judge, look, self._files, self._clock.now())
        except CertificateError as error:
            log.error("certificate refused", listener=self._listener, error=str(error))  # noqa: TRY400 - it says all
            self._observer.certificate_refused(self._listener)
            return
        self._material = material
        log.info("certificate taken", listener=self._listener, expires=material.expires.isoformat())
        self._observer.certificate_taken(self._listener, material.expires.timestamp())


def _configuration(material: TlsMaterial) -> grpc.ServerCertificateConfiguration:
    content = material.content
    return grpc.ssl_server_certificate_configuration([(content.key, content.certificate)], content.client_ca)
