#!/usr/bin/env bash
# Runs a command with the servers of the distributed engine beside it: scripts/test-servers.sh npm test
#
# Starts redis-server and FerretDB where they can be had, says in one line each what was started or left
# out and why, and sets REDIS_URL and MONGODB_URL. A server that the environment names already is used
# as it is. With --peer the protocol peer of EventStoreDB is started too and named by EVENTSTOREDB_URL;
# without it the tests start peers of their own, and take a server that is named for a real one. What was
# started is stopped in the end, whatever happens, and leaves nothing on the disk.
set -euo pipefail
peer=no
if [ "${1:-}" = --peer ]; then
  peer=yes
  shift
fi
[ $# -gt 0 ] || { echo "usage: $0 [--peer] <command> [argument...]" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
# The pinned Node, whoever calls: the machine's own may be older.
export PATH="$root/node_modules/.bin:$PATH"
# In memory where that has room (KiB): FerretDB waits for the disk at every write.
parent=${TMPDIR:-/tmp}
room=$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1) || room=0
[ "${room:-0}" -lt 4194304 ] || parent=/dev/shm
directory=$(mktemp -d "$parent/daybook-servers.XXXXXX")
started=()

stop() {
  trap - EXIT INT TERM HUP
  if [ ${#started[@]} -gt 0 ]; then
    kill "${started[@]}" 2>/dev/null || true
    # One that does not hear is not waited for for ever.
    for _ in $(seq 50); do
      kill -0 "${started[@]}" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "${started[@]}" 2>/dev/null || true
    wait "${started[@]}" 2>/dev/null || true
  fi
  rm -rf "$directory"
}
trap stop EXIT
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM HUP

say() { echo "test-servers: $*" >&2; }
free_port() {
  node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => {
    console.log(s.address().port); s.close() })'
}
# Waits until a command succeeds: at most 10 s, and only while the process lives.
until_ready() {
  local process=$1
  shift
  for _ in $(seq 200); do
    "$@" >/dev/null 2>&1 && return 0
    kill -0 "$process" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

start_redis() {
  if [ -n "${REDIS_URL:-}" ]; then say 'Redis: the one of REDIS_URL'; return; fi
  if ! command -v redis-server >/dev/null; then
    say 'Redis: left out, redis-server is not installed'
    return
  fi
  local port process
  port=$(free_port)
  redis-server --bind 127.0.0.1 --port "$port" --dir "$directory" --save '' --appendonly no \
    --maxmemory-policy noeviction --loglevel warning >"$directory/redis.log" 2>&1 &
  process=$!
  started+=("$process")
  if until_ready "$process" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"; then
    export REDIS_URL="redis://127.0.0.1:$port"
    say "Redis: started, $(redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/')"
  else
    say "Redis: left out, it did not start: $(tail -n 1 "$directory/redis.log")"
  fi
}

start_ferretdb() {
  if [ -n "${MONGODB_URL:-}" ]; then say 'MongoDB: the one of MONGODB_URL'; return; fi
  local program process
  if ! program=$("$root/scripts/build-ferretdb.sh" 2>"$directory/build.log"); then
    say "FerretDB: left out, $(tail -n 1 "$directory/build.log")"
    return
  fi
  "$program" 127.0.0.1:0 "$directory/ferretdb" >"$directory/ferretdb.url" 2>"$directory/ferretdb.log" &
  process=$!
  started+=("$process")
  if until_ready "$process" grep -q mongodb: "$directory/ferretdb.url"; then
    MONGODB_URL=$(cat "$directory/ferretdb.url")
    export MONGODB_URL
    say 'FerretDB: started, 1.24 (speaks the protocol of MongoDB)'
  else
    say "FerretDB: left out, it did not start: $(tail -n 1 "$directory/ferretdb.log")"
  fi
}

start_peer() {
  if [ -n "${EVENTSTOREDB_URL:-}" ]; then say 'EventStoreDB: the one of EVENTSTOREDB_URL'; return; fi
  local process
  node "$root/test/support/eventstoredb/main.ts" --directory "$directory/esdb" \
    >"$directory/esdb.url" 2>"$directory/esdb.log" &
  process=$!
  started+=("$process")
  if until_ready "$process" grep -q esdb: "$directory/esdb.url"; then
    EVENTSTOREDB_URL=$(grep -m 1 -o 'esdb://[^ ]*' "$directory/esdb.url")
    export EVENTSTOREDB_URL
    say 'EventStoreDB: started its protocol peer, for tests and demonstrations'
  else
    say "EventStoreDB: left out, its peer did not start: $(tail -n 1 "$directory/esdb.log")"
  fi
}

start_redis
start_ferretdb
[ $peer = no ] || start_peer
# In the background, so that a signal ends the wait: first the command, then its servers.
"$@" &
command=$!
end() {
  kill -TERM "$command" 2>/dev/null || true
  wait "$command" 2>/dev/null || true
  stop
  exit "$1"
}
trap 'end 130' INT
trap 'end 143' TERM HUP
status=0
wait "$command" || status=$?
exit "$status"
