# shellcheck shell=bash
# common.sh - what deploy/up and deploy/check share: steps, packages, the build. Sourced, never run.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
# An unprivileged reader of the logs is fine; they hold no secret.
log_dir=build/log
mkdir -p "$log_dir"

# Read by the scripts that source this.
# shellcheck disable=SC2034
build_packages=(gcc make pkg-config libmicrohttpd-dev libseccomp-dev libjansson-dev libsqlite3-dev
    libyaml-dev libcurl4-openssl-dev nettle-dev libc6-dev)
# shellcheck disable=SC2034
language_packages=(gcc g++ python3 default-jdk-headless nodejs perl bash)

say() {
    printf '==> %s\n' "$*"
}

fail() {
    printf '%s: %s\n' "$0" "$*" >&2
    exit 1
}

# logged NAME WHAT COMMAND... - run a command with its output in a log; on failure show the end of it.
logged() {
    local log="$log_dir/$1.log" what="$2"
    shift 2
    if ! "$@" >"$log" 2>&1; then
        tail -n 25 "$log" >&2
        fail "$what failed; the whole log is in $PWD/$log"
    fi
}

need_root() {
    [ "$(id -u)" -eq 0 ] || fail "run this as root: it installs packages and builds cells"
}

# install_packages NAME... - by apt, only those that are missing.
install_packages() {
    local missing=() package have
    have=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null |
        awk '$1 == "ii" { print $2 }' || true)
    for package in "$@"; do
        grep -qxF "$package" <<<"$have" || missing+=("$package")
    done
    if [ "${#missing[@]}" -eq 0 ]; then
        say "packages: nothing is missing"
        return
    fi
    command -v apt-get >/dev/null || fail "there is no apt-get; install yourself: ${missing[*]}"
    say "packages: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    logged apt-update "apt-get update" apt-get update -q
    logged apt-install "apt-get install" \
        apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# build ARGUMENT... - make, on all cores.
build() {
    say "build: make $*"
    logged build "make $*" make -j"$(nproc)" "$@"
}
