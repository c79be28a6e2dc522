#!/bin/sh
# Makes /opt/gateway: the wheels of one lock file, which names every one that is needed, the wheel in /build/wheel, and
# their bytecode.
#
#   install.sh LOCK
set -eu
environment=/opt/gateway
python3 -m venv --without-pip "$environment"
python="$environment/bin/python"
here=$(dirname "$0")
"$here/pip.sh" --python "$python" install --no-compile --no-deps --require-hashes --only-binary :all: -r "$1"
"$here/pip.sh" --python "$python" install --no-compile --no-deps --no-index /build/wheel/*.whl
"$here/pip.sh" --python "$python" check

# Google's distribution holds interfaces that nothing here imports, in half of its size: the image's own check starts
# everything that is left.
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
rm -rf "$packages"/google/cloud/aiplatform_v1beta1 "$packages"/vertexai "$packages"/agentplatform
find "$packages" -type d -name tests -prune -exec rm -rf {} +
find "$packages" -name '*.pyi' -delete

# Hashes of the sources stand in the bytecode instead of their times, which differ from build to build; nothing compares
# them at start, for the file system is read-only.
"$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$packages"
