# To be sourced: from here on, cargo lints the crates of the workspace while it builds them. Warnings are errors.
#
# Without clippy on the machine nothing changes, and builds are plain.
if command -v clippy-driver >/dev/null; then
  export RUSTC_WORKSPACE_WRAPPER=clippy-driver
  export CLIPPY_ARGS=-Dwarnings # clippy's own variable for what `cargo clippy -- …` is given
fi

# rustc's allocator in huge pages, where the kernel gives them on request, and none given back before a process ends.
# On a virtual machine whose host hands out memory page by page, this halved the time of a build. Other programs
# don't read the variable.
export MALLOC_CONF=${MALLOC_CONF-thp:always,metadata_thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1,narenas:2}
