#!/usr/bin/env bash
# Makes the image NAME from Debian's packages alone: the smallest Debian with Python. Needs root, debootstrap and buildah.
#
#   base.sh NAME
set -euo pipefail
name=$1
# A Debian that has Python 3.11 or newer, from wherever this machine has its packages from.
suite=${DEBIAN_SUITE:-bookworm}
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '/debian/?$' | head -1 || true)

container=$(buildah from scratch)
trap 'buildah rm "$container" >/dev/null' EXIT
root=$(buildah mount "$container")
debootstrap --variant=minbase --include=python3-venv,ca-certificates "$suite" "$root" ${mirror:+"$mirror"} >/dev/null
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
buildah umount "$container" >/dev/null
buildah commit --quiet --squash "$container" "$name" >/dev/null
