# The gateway (the last target, and so the default) and the Vertex emulator for evaluation (--target emulator).
#
# BASE is any Debian with Python 3.11 or newer and its venv module. Nothing is installed from Debian here, so that a base
# which was made from Debian's packages alone will do: `make image` makes one.
ARG BASE=python:3.13-slim-bookworm

# ---- What every stage that installs begins with: pip and the tool that makes our wheel, apart from what will be shipped.
# DL3006: which base, with tag or digest, whoever builds says by BASE.
# hadolint ignore=DL3006
FROM ${BASE} AS tools
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/hatchling.txt requirements/
COPY deploy/image/pip.sh deploy/image/install.sh deploy/image/
RUN --mount=type=secret,id=trust,target=/run/secrets/trust --mount=type=secret,id=pip.conf,target=/run/secrets/pip.conf \
    python3 -m venv /build/tools \
 && deploy/image/pip.sh install --require-hashes --only-binary :all: -r requirements/hatchling.txt
COPY pyproject.toml README.md ./
COPY src src
RUN deploy/image/pip.sh wheel --no-index --no-deps --no-build-isolation --wheel-dir /build/wheel .

# ---- The gateway's own environment: locked wheels, our wheel, bytecode. Imports take five times as long without the last.
FROM tools AS gateway-environment
COPY requirements/server.txt requirements/
RUN --mount=type=secret,id=trust,target=/run/secrets/trust --mount=type=secret,id=pip.conf,target=/run/secrets/pip.conf \
    deploy/image/install.sh requirements/server.txt

FROM tools AS emulator-environment
COPY requirements/emulator.txt requirements/
COPY examples/buckets /sample/buckets
COPY examples/tables /sample/tables
RUN --mount=type=secret,id=trust,target=/run/secrets/trust --mount=type=secret,id=pip.conf,target=/run/secrets/pip.conf \
    deploy/image/install.sh requirements/emulator.txt \
 && mkdir -p /sample/buckets/ranking-out /sample/buckets/search-out /sample/buckets/ads-out /sample/tables/corp-ml/ranking_out

# ---- The base without what could change it or build anything in it.
# DL3006: as above.
# hadolint ignore=DL3006
FROM ${BASE} AS bare
COPY deploy/image/strip.sh /
RUN /strip.sh && rm /strip.sh

# ---- Both images. The whole of the stripped base is taken over at once, so that nothing of it is left in a lower layer.
FROM scratch AS runtime
# hadolint ignore=DL3067
COPY --from=bare / /
ENV PATH=/opt/gateway/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/nonexistent
STOPSIGNAL SIGTERM
USER 65532:65532
WORKDIR /

FROM runtime AS emulator
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vertex-emulator" \
      org.opencontainers.image.description="A local Vertex AI batch prediction, Cloud Storage and BigQuery, for evaluation" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=emulator-environment /opt/gateway /opt/gateway
# Buckets and tables to begin with, for a folder that can be written.
COPY --from=emulator-environment /sample /sample
ENTRYPOINT ["python", "-m", "vertex_emulator"]

FROM runtime AS gateway
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="batch-jobs-gateway" \
      org.opencontainers.image.description="A typed, fair, submit-once gRPC gateway in front of Gemini batch prediction on Vertex AI" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=gateway-environment /opt/gateway /opt/gateway
# Probes are answered on 8471, callers on 8470 and 8472 (client certificates), Prometheus on 9470.
EXPOSE 8470 8471 8472 9470
ENTRYPOINT ["gateway"]
CMD ["serve"]
