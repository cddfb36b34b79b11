#!/usr/bin/env bash
# Builds the MongoDB-protocol server of the tests (test/support/ferretdb) and prints the program's path.
# What is built once stays in node_modules/.cache until its sources change. The first build takes about
# a minute and needs the Go module proxy. Exit code 3: Go is missing or too old, nothing was built.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source="$root/test/support/ferretdb"
needed=1.24

if ! command -v go >/dev/null; then
  echo "FerretDB needs Go $needed or newer to be built; there is no go on the PATH" >&2
  exit 3
fi
# The toolchain that is there: one that would have to be fetched first does not count.
found=$(GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
if [ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" != "$needed" ]; then
  echo "FerretDB needs Go $needed or newer to be built; this is Go $found" >&2
  exit 3
fi

digest=$(cat "$source/main.go" "$source/go.mod" "$source/go.sum" | sha256sum | cut -c 1-16)
cache="$root/node_modules/.cache/daybook-ferretdb"
program="$cache/ferretdb-$found-$digest"
if [ ! -x "$program" ]; then
  mkdir -p "$cache"
  # Whole before it has its name, since several tests may build at once.
  draft=$(mktemp "$cache/draft.XXXXXX")
  trap 'rm -f "$draft"' EXIT
  (cd "$source" && GOTOOLCHAIN=local CGO_ENABLED=0 go build -buildvcs=false -trimpath \
    -mod=readonly -tags ferretdb_no_postgresql -ldflags '-s -w' -o "$draft" .) >&2
  chmod 755 "$draft"
  mv "$draft" "$program"
fi
echo "$program"
