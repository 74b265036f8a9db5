#!/bin/sh
# Guess: the authority that a Docker client is told of (`TLSConfig(ca_cert=...)`, or DOCKER_CERT_PATH) decides whether it
#   believes a daemon's certificate. A bundle for package indexes, in REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, has nothing
#   to do with that.
# Seen: docker 7.2.0 for Python with requests 2.34.2: with REQUESTS_CA_BUNDLE set, the same client no longer believes the
#   same daemon. The SDK puts the authority into the session, and requests prefers the variable to the session's (its issue
#   3829). Docker's own command, with the same variables, connects.
# Where it matters: machines behind a company's proxy, which set the variable for pip, with a remote Docker. matrix-runner
#   passes the authority with each request (engine/docker/sdk/sdk_client).
set -eu
room=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$room"' EXIT
cd "$room"
server=
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install docker==7.2.0 requests==2.34.2 certifi==2026.10.18 trustme==1.2.1
tools/bin/python - <<'PY'
import trustme
authority = trustme.CA()
authority.cert_pem.write_to_path("ca.pem")
authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path("server.pem")
PY
cat >daemon.py <<'PY'
import http.server, json, ssl
class Daemon(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"ApiVersion": "1.41", "MinAPIVersion": "1.24", "Version": "1"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("server.pem")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Daemon)
server.socket = context.wrap_socket(server.socket, server_side=True)
open("port.part", "w").write(str(server.server_address[1]))
__import__("os").rename("port.part", "port")
server.serve_forever()
PY
tools/bin/python daemon.py &
server=$!
while ! [ -e port ]; do sleep 0.1; done
cat >ask.py <<'PY'
import docker, docker.tls, sys
authority = docker.tls.TLSConfig(ca_cert="ca.pem", verify=True)
try:
    docker.APIClient(f"tcp://127.0.0.1:{open('port').read()}", tls=authority, version="auto")
    print("believed")
except docker.errors.DockerException as error:
    print("refused" if "CERTIFICATE_VERIFY_FAILED" in str(error) else error)
PY
alone=$(env -u REQUESTS_CA_BUNDLE -u CURL_CA_BUNDLE tools/bin/python ask.py)
beside=$(REQUESTS_CA_BUNDLE=$(tools/bin/python -m certifi) tools/bin/python ask.py)
echo "docker 7.2.0, requests 2.34.2: without REQUESTS_CA_BUNDLE $alone, with it $beside"
[ "$alone $beside" = "believed refused" ] || { echo CHANGED; exit 1; }
