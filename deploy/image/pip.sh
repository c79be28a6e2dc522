#!/bin/sh
# pip, with what the builder hands in as secrets, so that none of it stays in a layer: `trust`, the certificates of who may
# vouch for the package index, and `pip.conf`, where the index is.
set -eu
if [ -s /run/secrets/trust ]; then export PIP_CERT=/run/secrets/trust; fi
if [ -s /run/secrets/pip.conf ]; then export PIP_CONFIG_FILE=/run/secrets/pip.conf; fi
exec /build/tools/bin/pip --quiet "$@"
