#!/bin/sh
# copy-log.sh FROM TO: copies the files of EventStoreDB, which may be running, into the empty folder TO, in
# the order that its makers ask for: a checkpoint never says more than the files copied after it hold. The
# copy can be started from. No scavenge may run meanwhile.
set -eu
from=$1
to=$2
if [ -n "$(ls -A "$to" 2>/dev/null || true)" ]; then
  echo "$to is not empty" >&2
  exit 1
fi
mkdir -p "$to"
to=$(cd "$to" && pwd)
cd "$from"
if ! [ -f writer.chk ]; then
  echo "$from holds no EventStoreDB" >&2
  exit 1
fi

copy_index() {
  rm -rf "$to/index"
  [ -d index ] || return 0
  find index -type f -name '*.chk' -exec cp -p --parents {} "$to" \; || return 1
  find index -type f ! -name '*.chk' -exec cp -p --parents {} "$to" \; || return 1
  # Where the map has changed, files were merged under the copy.
  cmp -s index/indexmap "$to/index/indexmap" || ! [ -f index/indexmap ]
}

tries=0
until copy_index; do
  tries=$((tries + 1))
  if [ "$tries" -ge 10 ]; then
    echo 'the index changes faster than it can be copied' >&2
    exit 1
  fi
done
cp -p ./*.chk "$to"
cp -p chunk-* "$to"
# What came after the checkpoint is cut off when the copy is started.
cp -p "$to/chaser.chk" "$to/truncate.chk"
echo "copied $(ls "$to" | grep -c '^chunk-') chunks"
