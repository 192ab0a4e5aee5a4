# shellcheck shell=sh
# files.sh - the lists of files that the lints look at; sourced by them, from the top folder.
#
# Programs that the judge runs (languages' samples, hostile programs) are data, not code of ours.

folders="server sandbox worker schema tests deploy"

files_named() { # PATTERN...: our files in the folders whose names match one
    pattern=$1
    set -- -name "$pattern"
    # shellcheck disable=SC2086 # a list of folders
    find $folders -type f "$@" -not -path 'tests/hostile/programs/*' -not -path '*/programs/*' \
        -not -path 'deploy/languages/*' | sort
}

c_files() { files_named '*.c'; }
h_files() { files_named '*.h'; }
ch_files() { files_named '*.[ch]'; }

scripts() { # files that begin with #! and a shell's name
    # shellcheck disable=SC2086
    find $folders .ci -type f -not -path '*/programs/*' -not -name '*.[ch]' -print0 2>/dev/null |
        xargs -0 grep -lE -m1 '^#!(/usr)?/bin/(env )?(ba|da)?sh' | sort
}
