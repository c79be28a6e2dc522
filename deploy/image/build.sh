#!/usr/bin/env bash
# Builds both images of the Dockerfile without a daemon, and lays their file systems out to be started from.
#
#   build.sh FOLDER       FOLDER/gateway and FOLDER/emulator, each with root/ and config.json; the images stay in FOLDER/store
#
# BASE names an image to build upon; without it one is made from Debian's packages, once. PIP_CERT names the certificates
# that vouch for the package index, by default those that this machine trusts; PIP_CONF a pip.conf to go by. Neither a daemon, nor overlays,
# nor the namespaces of a container are needed, so that this works wherever root does.
set -euo pipefail
mkdir -p "$1"
folder=$(realpath "$1")
cd "$(dirname "$0")/../.."

for needed in buildah debootstrap; do
	command -v "$needed" >/dev/null && continue
	echo "$needed is needed to build the image; on Debian: apt-get install --no-install-recommends buildah debootstrap" >&2
	exit 1
done
if [ "$(id -u)" -ne 0 ]; then
	echo "Images are built in a chroot here, and that takes root." >&2
	exit 1
fi

cat >"$folder/storage.conf" <<-END
	[storage]
	driver = "vfs"
	graphroot = "$folder/store"
	runroot = "$folder/run"
END
export CONTAINERS_STORAGE_CONF="$folder/storage.conf" BUILDAH_ISOLATION=chroot

if [ -z "${BASE:-}" ]; then
	BASE=localhost/debian-python
	buildah inspect --type image "$BASE" >/dev/null 2>&1 || deploy/image/base.sh "$BASE"
fi

trust=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
for target in gateway emulator; do
	buildah build --quiet --layers --target "$target" --tag "localhost/$target:$version" \
		--secret "id=trust,src=$trust" ${PIP_CONF:+--secret "id=pip.conf,src=$PIP_CONF"} \
		--build-arg "BASE=$BASE" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" . >/dev/null
	rm -rf "${folder:?}/$target"
	mkdir -p "$folder/$target/root"
	container=$(buildah from --pull-never "localhost/$target:$version")
	cp -a "$(buildah mount "$container")/." "$folder/$target/root/"
	buildah inspect --type image "localhost/$target:$version" >"$folder/$target/config.json"
	buildah rm "$container" >/dev/null
done
