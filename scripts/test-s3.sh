#!/usr/bin/env bash
# Backs up into S3-compatible storage and back, over TLS, against a server on this machine.
#
# Fetches moto (a server that speaks S3) with pip into target/s3, makes a certificate of its own, starts the server on
# loopback, makes a bucket and runs the test that is otherwise left out. Needs python3, openssl and pgbackrest; with
# AWS_ENDPOINT_URL_S3 set, and the other variables and UNDERPIN_TEST_BUCKET=s3://BUCKET/PREFIX, it uses that service instead.
#
# Exits 3 when something cannot be had here.
set -euo pipefail

readonly package='moto[s3,server]==5.2.5'
readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly home=${CARGO_TARGET_DIR:-$root/target}/s3
readonly python=$home/env/bin/python3

say() { printf '%s\n' "$*" >&2; }

lacks() { say "error: $1 is missing."; exit 3; }

fetch() {
  [[ -x $home/env/bin/moto_server ]] && return
  say "fetching $package"
  rm -rf "$home/env"
  python3 -m venv "$home/env" && "$python" -m pip install --quiet "$package" >&2 ||
    { rm -rf "$home/env"; say "error: $package cannot be fetched."; exit 3; }
}

certify() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
  chmod 755 "$work"
  chmod 644 "$work/cert.pem"
}

# A port that is free now; nobody else here asks for it within the next moment.
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

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
  "$home/env/bin/moto_server" --host 127.0.0.1 --port "$port" --ssl-cert "$work/cert.pem" --ssl-key "$work/key.pem" \
    >"$work/log" 2>&1 &
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
if [[ -f $work/log ]]; then
  # What is there is in the storage and nowhere else.
  say "$(grep -c '"PUT ' "$work/log") objects written, $(grep -c '"GET ' "$work/log") requests for reading."
fi
