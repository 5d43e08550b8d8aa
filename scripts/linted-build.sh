# To be sourced: from here on, cargo lints the crates of the workspace while it builds them. Warnings are errors.
#
# Without clippy on the machine nothing changes, and builds are plain.
if command -v clippy-driver >/dev/null; then
  export RUSTC_WORKSPACE_WRAPPER=clippy-driver
  export CLIPPY_ARGS=-Dwarnings # clippy's own variable for what `cargo clippy -- …` is given
fi
