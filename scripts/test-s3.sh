#!/usr/bin/env bash
# Backs up into S3-compatible storage and back, over TLS, against a server on this machine.
#
# Fetches moto (which speaks S3) with pip into target/s3, makes a certificate of its own, starts the server on
# loopback, makes a bucket and runs the test that is otherwise left out. Needs python3, openssl and pgbackrest; with
# AWS_ENDPOINT_URL_S3 set, and the other variables and UNDERPIN_TEST_BUCKET=s3://BUCKET/PREFIX, it uses that service instead.
#
# Exits 3 when something cannot be had here.
set -euo pipefail

readonly packages=('moto[s3,server]==5.2.5' cheroot==11.1.2)
readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly home=${CARGO_TARGET_DIR:-$root/target}/s3
readonly python=$home/env/bin/python3

say() { printf '%s\n' "$*" >&2; }

lacks() { say "error: $1 is missing."; exit 3; }

fetch() {
  [[ -x $home/env/bin/moto_server ]] && return
  say "fetching ${packages[*]}"
  rm -rf "$home/env"
  python3 -m venv "$home/env" && "$python" -m pip install --quiet "${packages[@]}" >&2 ||
    { rm -rf "$home/env"; say "error: ${packages[*]} cannot be fetched."; exit 3; }
}

certify() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
  chmod 755 "$work"
  chmod 644 "$work/cert.pem"
}

# A port that is free now; nobody else here asks for it within the next moment.
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# moto in a server that keeps connections open: the one that comes with it cuts each of them after its answer, which
# OpenSSL 3 takes for an attack.
serve() {
  exec "$python" - "$1" "$work/cert.pem" "$work/key.pem" <<'PYTHON'
import sys
from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

port, certificate, key = sys.argv[1:]
objects = set()

def counted(environ, respond):
    if environ["REQUEST_METHOD"] == "PUT" and environ["PATH_INFO"].strip("/").count("/"):
        objects.add(environ["PATH_INFO"])
        print(len(objects), "objects were written", file=sys.stderr, flush=True)
    return moto(environ, respond)

moto = DomainDispatcherApplication(create_backend_app)
server = Server(("127.0.0.1", int(port)), counted, numthreads=8)
server.ssl_adapter = BuiltinSSLAdapter(certificate, key)
server.start()
PYTHON
}

make_bucket() {
  "$python" - <<'PYTHON'
import os, time, boto3

s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"], verify=os.environ["AWS_CA_BUNDLE"])
for attempt in range(300):
    try:
        s3.create_bucket(Bucket="backups", CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]})
        break
    except Exception:
        if attempt == 299:
            raise
        time.sleep(0.1)
PYTHON
}

start() {
  local port
  port=$(free_port)
  certify
  export AWS_ACCESS_KEY_ID=underpin AWS_SECRET_ACCESS_KEY=only-a-test AWS_REGION=eu-central-1
  export AWS_ENDPOINT_URL_S3=https://localhost:$port AWS_CA_BUNDLE=$work/cert.pem UNDERPIN_TEST_BUCKET=s3://backups/shop
  serve "$port" >"$work/log" 2>&1 &
  server=$!
  make_bucket
}

command -v pgbackrest >/dev/null || lacks pgbackrest
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$work"' EXIT
if [[ -z ${AWS_ENDPOINT_URL_S3:-} ]]; then
  command -v python3 >/dev/null || lacks python3
  command -v openssl >/dev/null || lacks openssl
  mkdir -p "$home"
  fetch
  start
fi
cd "$root"
${CARGO:-cargo} test --locked -p underpin-lab --test main -- --ignored --exact engines::a_repository_in_s3_brings_every_point_back
# What came back was in the storage and nowhere else.
[[ ! -f $work/log ]] || say "$(grep 'objects were written' "$work/log" | tail -1) to s3://backups."
