#!/usr/bin/env bash
# Makes sure that everything which `make prove` and `make test` need is on this machine.
#
# Looks first, in milliseconds, and does nothing when all is there. On Debian and Ubuntu it installs what is
# missing (as root, or through sudo); elsewhere it prints what to install and exits 3. It starts no server.
#
# --dry-run  say what is missing and what would be installed, install nothing
set -euo pipefail

readonly minimum_rust=1.88
dry_run=no
[[ ${1:-} == --dry-run ]] && dry_run=yes

say() { printf '%s\n' "$*" >&2; }

# The folders in which a PostgreSQL server may lie, newest last.
server_folders() {
  compgen -G '/usr/lib/postgresql/*/bin' || true             # Debian, Ubuntu
  compgen -G '/usr/pgsql-*/bin' || true                      # Fedora, RHEL (PGDG)
  compgen -G '/opt/homebrew/opt/postgresql*/bin' || true     # Homebrew, Apple silicon
  compgen -G '/usr/local/opt/postgresql*/bin' || true        # Homebrew, Intel
  compgen -G '/Applications/Postgres.app/Contents/Versions/*/bin' || true
  compgen -G '/usr/libexec/postgresql*' || true              # Alpine
  if command -v pg_config >/dev/null; then pg_config --bindir; fi
  if command -v postgres >/dev/null; then dirname "$(readlink -f "$(command -v postgres)")"; fi
}

has_server() {
  local folder
  while read -r folder; do
    if [[ -x $folder/initdb && -x $folder/postgres && -x $folder/pg_dump ]] && has_contrib "$folder"; then
      return 0
    fi
  done < <(server_folders)
  return 1
}

# citext stands for contrib: its control file lies beside the server's own.
has_contrib() {
  local version=${1%/bin}
  version=${version##*/}
  [[ -e /usr/share/postgresql/$version/extension/citext.control ]] && return 0
  [[ -x $1/pg_config && -e $("$1/pg_config" --sharedir)/extension/citext.control ]] && return 0
  compgen -G "${1%/bin}/share/*/extension/citext.control" >/dev/null ||
    compgen -G "${1%/bin}/share/extension/citext.control" >/dev/null ||
    compgen -G '/usr/share/postgresql*/extension/citext.control' >/dev/null
}

has_compiler() { command -v cc >/dev/null && [[ -e /usr/include/stdio.h || $(uname) == Darwin ]]; }

# bindgen loads libclang and reads Clang's own headers.
has_libclang() {
  [[ -n ${LIBCLANG_PATH:-} || $(uname) == Darwin ]] && return 0
  { compgen -G '/usr/lib/llvm*/lib/libclang*.so*' || compgen -G '/usr/lib*/libclang*.so*' ||
    compgen -G '/usr/lib/*/libclang-*.so*'; } >/dev/null &&
    { compgen -G '/usr/lib*/llvm*/lib*/clang/*/include/stddef.h' ||
      compgen -G '/usr/lib*/clang/*/include/stddef.h'; } >/dev/null
}

missing=()
command -v git >/dev/null || missing+=(git)
has_server || missing+=(server)
has_compiler || missing+=(compiler)
has_libclang || missing+=(libclang)

# Prints the packages for all that is missing, out of pairs of part and packages.
packages() {
  while (($#)); do
    [[ " ${missing[*]} " == *" $1 "* ]] && printf '%s ' "$2"
    shift 2
  done
}

debian() { packages git git server 'postgresql postgresql-contrib' compiler 'gcc libc6-dev' libclang libclang-dev; }

as_root=()
readonly quiet=/etc/postgresql-common/createcluster.d/underpin.conf

# Debian's own cluster is neither created nor started: Underpin makes private servers. The file that says so to
# postgresql-common is taken away again, so that a later choice of the machine's owner stands.
install_on_debian() {
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      say "error: missing: ${missing[*]}. Neither root nor sudo is at hand."
      say "hint: as root: apt-get update && apt-get install --yes $(debian)"
      exit 3
    fi
    as_root=(sudo)
  fi
  say "Installing $(debian)(missing: ${missing[*]})."
  trap '"${as_root[@]}" rm -f "$quiet"' EXIT
  if ! install_packages; then
    say "error: the packages could not be installed; the reason stands above."
    say "hint: as root: apt-get update && apt-get install --yes $(debian)"
    exit 3
  fi
}

install_packages() {
  "${as_root[@]}" mkdir -p "${quiet%/*}" &&
    echo 'create_main_cluster = false' | "${as_root[@]}" tee "$quiet" >/dev/null &&
    "${as_root[@]}" apt-get update -qq &&
    # shellcheck disable=SC2046  # one word per package
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install --yes --quiet --no-install-recommends $(debian) >&2
}

# Prints the command that installs what is missing, for systems on which we do not do it ourselves.
print_command() {
  say "error: missing: ${missing[*]}."
  if command -v dnf >/dev/null; then
    say "hint: sudo dnf install $(packages git git server 'postgresql-server postgresql-contrib' compiler gcc libclang clang-devel)"
  elif command -v pacman >/dev/null; then
    say "hint: sudo pacman -S --needed $(packages git git server postgresql compiler base-devel libclang clang)"
  elif command -v apk >/dev/null; then
    say "hint: apk add $(packages git git server 'postgresql postgresql-contrib' compiler build-base libclang 'clang-dev clang-libclang')"
  elif command -v zypper >/dev/null; then
    say "hint: sudo zypper install $(packages git git server 'postgresql-server postgresql-contrib' compiler gcc libclang clang-devel)"
  elif [[ $(uname) == Darwin ]]; then
    say "hint: xcode-select --install; brew install $(packages git git server postgresql@18 compiler '' libclang llvm)"
  else
    say "hint: install PostgreSQL 14 to 18 with its contrib modules, a C compiler, libclang and git."
  fi
  exit 3
}

if ((${#missing[@]})); then
  if [[ $dry_run == yes ]]; then
    say "Missing: ${missing[*]}."
    if command -v apt-get >/dev/null; then say "Would install: $(debian)"; fi
    exit 0
  elif command -v apt-get >/dev/null; then
    install_on_debian
  else
    print_command
  fi
fi

# Needed by `underpin pool` and half of `underpin drill storm` only. Where systemd runs, Debian's package starts a service,
# which is for the machine's owner to decide.
if [[ $dry_run == no ]] && ! command -v pgbouncer >/dev/null && [[ ! -x /usr/sbin/pgbouncer ]]; then
  if ((EUID != 0)) || [[ -d /run/systemd/system ]] || ! command -v apt-get >/dev/null ||
    ! apt-get install --yes --quiet --no-install-recommends pgbouncer >&2; then
    say "hint: PgBouncer is missing, so pooling is not measured and its tests have nothing to do (Debian, Ubuntu: apt-get install pgbouncer)."
  fi
fi

# Needed by `underpin drill failover --driver patroni` and its test only; services again, so the same reserve.
if [[ $dry_run == no ]] && ! { command -v patroni && command -v etcd; } >/dev/null; then
  if ((EUID != 0)) || [[ -d /run/systemd/system ]] || ! command -v apt-get >/dev/null ||
    ! apt-get install --yes --quiet --no-install-recommends patroni etcd-server >&2; then
    say "hint: Patroni or etcd is missing, so promotion by Patroni is not tried out (Debian, Ubuntu: apt-get install patroni etcd-server)."
  fi
fi

# Needed by `underpin backup --engine pgbackrest` and its tests only. The package starts nothing.
if [[ $dry_run == no ]] && ! command -v pgbackrest >/dev/null; then
  if ((EUID != 0)) || ! command -v apt-get >/dev/null ||
    ! apt-get install --yes --quiet --no-install-recommends pgbackrest >&2; then
    say "hint: pgBackRest is missing, so encrypted backups and those to S3 are not tested (Debian, Ubuntu: apt-get install pgbackrest)."
  fi
fi

# rustup installs beside the shell's path until the next login.
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
if ! command -v cargo >/dev/null; then
  say "error: Rust is missing; $minimum_rust or newer is needed, and distributions often carry an older one."
  say "hint: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
  exit 3
fi
version=$(cargo --version)
if [[ $version =~ ^cargo\ 1\.([0-9]+) ]] && ((BASH_REMATCH[1] < ${minimum_rust#1.})); then
  say "error: $version is too old; $minimum_rust or newer is needed."
  say "hint: rustup update stable"
  exit 3
fi
