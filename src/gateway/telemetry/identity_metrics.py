"""What callers are let in by: the listeners' certificates and the issuers' keys."""

from prometheus_client import CollectorRegistry, Gauge


class IdentityMetrics:
    """Told of every certificate and key set that is taken, and of certificates that are not."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._expiry = Gauge(
            "batchjobs_certificate_expiry_timestamp_seconds",
            "When the certificate that a listener serves expires, as a Unix time in seconds.",
            ("listener",),
            registry=registry,
        )
        self._reloaded = Gauge(
            "batchjobs_certificate_last_reload_successful",
            "1 if a listener took the certificate files when they last changed, 0 if it refused them.",
            ("listener",),
            registry=registry,
        )
        self._keys = Gauge(
            "batchjobs_issuer_keys_timestamp_seconds",
            "When the keys of a token issuer were last read, as a Unix time in seconds.",
            ("issuer",),
            registry=registry,
        )

    def certificate_taken(self, listener: str, expires: float) -> None:
        """A listener serves a certificate that expires at this Unix time."""
        self._expiry.labels(listener).set(expires)
        self._reloaded.labels(listener).set(1)

    def certificate_refused(self, listener: str) -> None:
        """A listener keeps its certificate: what its files hold now cannot be served."""
        self._reloaded.labels(listener).set(0)

    def keys_read(self, alias: str) -> None:
        """An issuer's keys were read just now."""
        self._keys.labels(alias).set_to_current_time()
