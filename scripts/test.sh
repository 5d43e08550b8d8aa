#!/usr/bin/env bash
# Runs every test of the workspace: with cargo-nextest when it is there, with cargo test when not. There are no
# doctests: examples are programs, tests and pages, which readers and lints see too.
set -euo pipefail

cargo=${CARGO:-cargo}
source "$(dirname "${BASH_SOURCE[0]}")/linted-build.sh"

if "$cargo" nextest --version >/dev/null 2>&1; then
  "$cargo" nextest run --locked --workspace ${CI:+--profile ci} "$@"
else
  echo "cargo-nextest is not installed; cargo test does the same, one crate after the other." >&2
  echo "hint: https://nexte.st/docs/installation/pre-built-binaries/" >&2
  "$cargo" test --locked --workspace --all-targets "$@"
fi
