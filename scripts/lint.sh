#!/usr/bin/env bash
# Checks formatting, lints and the rules of the house, and leaves everything built for the tests.
#
# clippy-driver stands in for rustc on the crates of the workspace, as `cargo clippy` does it; but it builds
# instead of checking. What it compiles is what scripts/test.sh runs, so nothing is compiled twice.
set -euo pipefail

cargo=${CARGO:-cargo}
source "$(dirname "${BASH_SOURCE[0]}")/linted-build.sh"

"$cargo" fmt --all --check
"$cargo" build --locked --workspace --all-targets
"${CARGO_TARGET_DIR:-target}/debug/xtask" tidy
