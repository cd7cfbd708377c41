#!/usr/bin/env bash
# Unpacks Debian's ClickHouse server and the libraries that this machine lacks into a folder; nothing is installed.
# Usage: fetch.sh FOLDER. Prints FOLDER when a server is there afterwards; else says on standard error what is missing.
set -u -o pipefail
root=$1
if [ -x "$root/usr/sbin/clickhouse-server" ]; then
  echo "$root"
  exit 0
fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
  echo "no apt-get and dpkg-deb here" >&2
  exit 1
}
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
mkdir -p "$packages/partial" "$root"
download() {
  apt-get -qq -y --no-install-recommends --download-only -o Dir::Cache::archives="$packages" -o APT::Sandbox::User=root \
    -o Debug::NoLocking=1 install clickhouse-server >/dev/null 2>"$packages/errors"
}
download || { apt-get -qq update >/dev/null 2>&1 && download; } || {
  echo "clickhouse-server cannot be downloaded: $(tail -1 "$packages/errors")" >&2
  exit 1
}
for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$root" || exit 1; done
[ -x "$root/usr/sbin/clickhouse-server" ] || {
  echo "the packages hold no clickhouse-server" >&2
  exit 1
}
echo "$root"
