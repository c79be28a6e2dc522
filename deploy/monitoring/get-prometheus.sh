#!/usr/bin/env bash
# Puts `prometheus` and `promtool` into a folder: links to those on PATH, else those of Debian's package, unpacked there.
# It needs no root, installs nothing on the machine, and apt checks the signatures.
#
#   get-prometheus.sh FOLDER
set -euo pipefail
folder=$(realpath -m "$1")
mkdir -p "$folder"

missing() {
	echo "Prometheus is needed here, and there is no \`prometheus\` and \`promtool\` on PATH, nor could apt fetch them: $1." >&2
	echo "Install Prometheus 2.40 or newer, so that both programs are on PATH, and run this again." >&2
	exit 1
}

if prometheus=$(command -v prometheus) && promtool=$(command -v promtool); then
	ln -sf "$prometheus" "$folder/prometheus"
	ln -sf "$promtool" "$folder/promtool"
	exit
fi
for needed in apt-get dpkg-deb; do
	command -v "$needed" >/dev/null || missing "there is no $needed"
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
# Package lists of our own where the machine's are missing or old: those may be for root alone to renew.
own=(-o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache=$scratch/cache" -o APT::Sandbox::User=)
fetch() { apt-get -qq "$@" download prometheus >"$scratch/log" 2>&1; }
if ! fetch -o APT::Sandbox::User=; then
	mkdir -p lists/partial cache/archives/partial
	apt-get -qq "${own[@]}" -o Debug::NoLocking=1 update >"$scratch/log" 2>&1 && fetch "${own[@]}" || missing "$(tail -1 "$scratch/log")"
fi
dpkg-deb --extract prometheus_*.deb unpacked
install -m 755 unpacked/usr/bin/prometheus unpacked/usr/bin/promtool "$folder"
"$folder/promtool" --version 2>&1 | head -1
