#!/bin/sh
# Guess: pip says so when an index is busy: that it answered 503 (Service Unavailable) or 429 (Too Many Requests).
# Seen: with pip 26.3 both end in "No matching distribution found", the words for a project that does not exist, without any
#   other word on the terminal. 503 is asked again for some seconds before, in silence; 429 is not asked again at all.
# Where it matters: one busy moment of an index or mirror in one of a hundred cells reads like a wrong requirement.
#   matrix-runner's explanation of these words names the other meaning; uv tells the status, and its cells are tried again.
set -eu
room=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$room"' EXIT
server=
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install pip==26.3
cat >busy.py <<'P'
import http.server

class Busy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("asked", "a") as asked:
            asked.write("x")
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy)
open("port", "w").write(str(server.server_address[1]))
server.serve_forever()
P
python3 busy.py &
server=$!
while [ ! -s port ]; do sleep 0.1; done
address=http://127.0.0.1:$(cat port)
as_seen=yes
for status in 503 429; do
    rm -f asked
    # The page of the project exists no less than on any other day: the index only has no time for it.
    said=$(tools/bin/pip --isolated --disable-pip-version-check download --no-cache-dir --no-deps --dest got \
        --index-url "$address/$status/simple" six 2>&1) && as_seen=no
    echo "== the index answers $status, to $(wc -c <asked) questions; pip $(tools/bin/pip --version | cut -d' ' -f2) says:"
    echo "$said"
    case $said in *"No matching distribution found"*) ;; *) as_seen=no ;; esac
    case $said in *"$status "* | *"Retry"* | *"Too Many"* | *"Unavailable"*) as_seen=no ;; esac
    [ "$status" = 503 ] || [ "$(wc -c <asked)" -eq 1 ] || as_seen=no
done
[ $as_seen = yes ] || { echo "CHANGED"; exit 1; }
