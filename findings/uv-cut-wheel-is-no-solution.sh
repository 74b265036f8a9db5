#!/bin/sh
# Guess: a connection that breaks off in the middle of a wheel is an error of the network for uv, and is asked again, as it
#   is with the pages of an index.
# Seen: uv 0.13.9 reads a wheel's metadata out of its stream, and takes an end before the promised length for the wheel's
#   own: "No solution found when resolving dependencies", as the wheel "has an invalid package format". That it asked more
#   than once, and that bytes were missing, it does not say. pip 26.3 sees the missing bytes, tries five times to fetch the rest, and says that the network is at fault.
# Where it matters: a mirror or proxy that cuts one transfer of thousands reads like a damaged release of a requirement.
#   matrix-runner knows the words, names both meanings, and tries the step again.
set -eu
room=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$room"' EXIT
server=
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install pip==26.3 uv==0.13.9
tools/bin/pip -q --disable-pip-version-check download --no-deps --dest real six==1.17.0
cat >cutting.py <<'P'
import http.server, pathlib

(wheel,) = pathlib.Path("real").glob("*.whl")
content = wheel.read_bytes()

class Cutting(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_wheel = self.path.endswith(".whl")
        if is_wheel:
            with open("asked", "a") as asked:
                asked.write("x")
        body = content if is_wheel else f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if is_wheel else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # Half of the wheel that was promised; pages come whole.
        self.wfile.write(body[: len(body) // 2] if is_wheel else body)
        self.close_connection = True

    do_HEAD = do_GET

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cutting)
open("port", "w").write(str(server.server_address[1]))
server.serve_forever()
P
python3 cutting.py &
server=$!
while [ ! -s port ]; do sleep 0.1; done
index=http://127.0.0.1:$(cat port)/simple
uv=$(tools/bin/uv pip install --python tools --no-cache --no-config --target got --default-index "$index" six 2>&1) || true
echo "== uv 0.13.9, which asked for the wheel $(wc -c <asked) times:"
echo "$uv"
rm -f asked
pip=$(tools/bin/pip --isolated --disable-pip-version-check install --progress-bar off --no-cache-dir --target got --index-url "$index" six 2>&1) || true
echo "== pip 26.3, which asked for the wheel $(wc -c <asked) times:"
echo "$pip"
case $uv in *"No solution found"*"invalid package format"*) ;; *) echo "CHANGED: uv"; exit 1 ;; esac
case $pip in *"issue with network connectivity"*) ;; *) echo "CHANGED: pip"; exit 1 ;; esac
