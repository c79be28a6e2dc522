#!/usr/bin/env bash
# Puts `helm` of the pinned version into a folder: built from its source as Go's module proxy serves it, whose checksum Go
# verifies. It takes some minutes the first time on a machine; Go keeps what it has built.
#
#   get-helm.sh FOLDER
set -euo pipefail
version=v3.18.6
kubernetes=1.33
folder=$(realpath -m "$1")

if ! command -v go >/dev/null; then
	echo "helm $version is built with Go, and there is no \`go\` on PATH: install Go 1.24 or newer." >&2
	exit 1
fi
echo "building helm $version"
variables="-X helm.sh/helm/v3/internal/version.version=$version"
variables+=" -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=${kubernetes%.*}"
variables+=" -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=${kubernetes#*.}"
GOBIN=$folder GOFLAGS=-mod=mod go install -trimpath -ldflags="-s -w $variables" "helm.sh/helm/v3/cmd/helm@$version"
"$folder/helm" version --short
