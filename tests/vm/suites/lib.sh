# shellcheck shell=sh
# lib.sh - what the guest's suites share. They run as root in the guest, in the staged tree.
#
# Each part prints "N passed, N failed" last; tests/vm/run adds them up.

build=$PWD/build
groups=/sys/fs/cgroup
passed=0
failed=0

# part TITLE COMMAND... - a program that counts for itself, as tests/run-unit does.
part() {
    printf '== %s\n' "$1"
    shift
    "$@" || true
}

# try TITLE COMMAND... - one check, which holds when the command ends with 0; what it said is shown otherwise.
try() {
    title=$1
    shift
    if said=$("$@" 2>&1); then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$title"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s: %s\n%s\n' "$title" "$*" "$said"
    fi
}

# says WORDS COMMAND... - the command's output has these words; its status does not matter.
says() {
    words=$1
    shift
    output=$("$@" 2>&1) || true
    printf '%s\n' "$output"
    case $output in *"$words"*) ;; *) return 1 ;; esac
}

counts() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    passed=0
    failed=0
}

box_tests() { # NAME... - paths of tests/box's programs
    for name; do printf '%s\n' "$build/box/test_$name"; done
}

# shellcheck disable=SC2034 # the suites that source this read it
box_all="artifacts closed ends files joins life limits run walls"

# A few languages, so that the service starts in seconds on an emulated machine.
few_languages() {
    for id in bash c17 python3; do cp "deploy/languages/$id.yaml" "$1"; done
}

# no_groups_left - every keeper's group is gone.
no_groups_left() {
    left=$(find $groups -type d -name 'minos-[0-9]*-[0-9]*')
    [ -z "$left" ] || { printf '%s\n' "$left" && return 1; }
}

no_processes_left() {
    left=$(pgrep -a '^minos') || return 0
    printf '%s\n' "$left"
    return 1
}

# --- modules: what the kernel has modprobe load is done by the host's root, and charged to nobody ---

wanted=/var/lib/modules-wanted

watch_modules() {
    modprobe=$(cat /proc/sys/kernel/modprobe)
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>%s\nexec %s "$@"\n' $wanted "$modprobe" >/var/lib/note-module
    chmod 755 /var/lib/note-module
    echo /var/lib/note-module >/proc/sys/kernel/modprobe
    python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_SEQPACKET)' 2>/dev/null
    try "what the kernel wants of modprobe is seen" grep net-pf-2-proto-0-type-5 $wanted
    : >$wanted
}

# File systems are the judge's own; a program that has no format is named in docs/THREATS.md.
no_module_wanted() {
    ! grep -Ev -- '-- (fs-|binfmt-)' $wanted
}

# until_holds SECONDS COMMAND... - try again until it holds.
until_holds() {
    rounds=$1
    shift
    while [ "$rounds" -gt 0 ]; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 1
        rounds=$((rounds - 1))
    done
    "$@"
}

# --- ordinary users, and groups that are theirs ---

# make_user NAME UID [FIRST_SUBORDINATE_ID]
make_user() {
    printf '%s:x:%d:%d::/tmp/%s:/bin/sh\n' "$1" "$2" "$2" "$1" >>/etc/passwd
    printf '%s:x:%d:\n' "$1" "$2" >>/etc/group
    printf '%s:*:20000:0:99999:7:::\n' "$1" >>/etc/shadow
    install -d -o "$2" -g "$2" "/tmp/$1"
    [ -z "${3:-}" ] || for file in /etc/subuid /etc/subgid; do
        printf '%s:%d:65536\n' "$1" "$3" >>$file
    done
}

# as_user NAME COMMAND... - in a new group that was given to the user, as systemd's Delegate=yes does.
as_user() {
    user=$1
    shift
    group=$(mktemp -d $groups/given-XXXXXX)
    chmod 755 "$group"
    chown "$user" "$group" "$group/cgroup.procs" "$group/cgroup.threads" "$group/cgroup.subtree_control"
    in_group "$group" setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all \
        env HOME="/tmp/$user" USER="$user" "$@"
}

# without_group NAME COMMAND... - as that user in a group that stays root's.
without_group() {
    user=$1
    shift
    group=$groups/kept-$$
    mkdir -p "$group"
    in_group "$group" setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all \
        env HOME="/tmp/$user" USER="$user" "$@"
}

in_group() {
    sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$@"
}

# --- the service ---

hello_programs() { # DIR - a hello in each of the few languages, and two that must not be accepted
    printf 'print("Hello, world!")\n' >"$1/hello.py"
    printf '#include <stdio.h>\nint main(void) { puts("Hello, world!"); return 0; }\n' >"$1/hello.c"
    printf 'echo "Hello, world!"\n' >"$1/hello.sh"
    printf 'echo "Goodbye."\n' >"$1/goodbye.sh"
    printf 'while :; do :; done\n' >"$1/endless.sh"
    printf 'Hello, world!\n' >"$1/expected"
    chmod 755 "$1"
    chmod 644 "$1"/*.* "$1/expected"
}

# judge MINOS URL KEY_FILE PROGRAM WORDS - submit, wait, and find the words in what is shown
judge() {
    says "$5" "$1" submit "$4" --wait --url "$2" --key-file "$3" --expected "${4%/*}/expected" \
        --limit cpu_time="${MINOS_TEST_SLOWNESS:-1}"s --limit wall_time=60s
}

judge_all() { # MINOS URL KEY_FILE
    programs=$(mktemp -d /tmp/programs-XXXXXX)
    hello_programs "$programs"
    for name in hello.py hello.c hello.sh; do
        try "$name is accepted" judge "$1" "$2" "$3" "$programs/$name" accepted
    done
    try "a wrong answer is seen" judge "$1" "$2" "$3" "$programs/goodbye.sh" "wrong"
    try "an endless loop is stopped" judge "$1" "$2" "$3" "$programs/endless.sh" "time"
}

# up_cycle WHO USER DATA - `minos up` as that user in a group of his: judge, stop, look what is left.
# As root where USER is root.
up_cycle() {
    who=$1 user=$2 data=$3
    said_ready=$(mktemp /tmp/ready-XXXXXX)
    chmod 666 "$said_ready"
    # shellcheck disable=SC2016
    set -- sh -c 'exec "$0" up --listen 127.0.0.1:0 --data "$1" --slots 1 --set log.level=warn --set worker.groundwork=false >"$2" 2>&1' \
        "$build/minos" "$data" "$said_ready"
    if [ "$user" = root ]; then "$@" & else as_user "$user" "$@" & fi
    up=$!
    until_holds 60 grep -q '^ready ' "$said_ready"
    printf -- '-- %s: %s\n' "$who" "$(cat "$said_ready")"
    url=$(sed -n 's/^ready //p' "$said_ready")
    try "$who: it serves" test -n "$url"
    judge_all "$build/minos" "$url" "$data/admin.key"
    pkill -TERM -x minos
    wait $up
    try "$who: it stopped as asked" test $? -eq 0
    try "$who: no process is left" no_processes_left
    try "$who: no control group is left" no_groups_left
}
