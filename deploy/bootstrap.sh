#!/bin/sh
# Makes .venv with the pinned packages, and installs the system packages that are missing where it may.
#
#   sh deploy/bootstrap.sh demo    what `make demo` needs: nothing but the virtual environment
#   sh deploy/bootstrap.sh test    also a sound server, an MQTT broker and Alertmanager for the tests to start
#
# A second call with nothing changed ends at once. PYTHON names another interpreter (3.11 or newer).
set -eu

CONSTRAINTS=deploy/constraints.txt
PEERS=deploy/peers.txt
STAMP=.venv/installed
NEEDED_MIB=7000        # a fresh .venv is 5.6 GiB, most of it CUDA libraries that torch brings along
NEEDED_AGAIN_MIB=500   # a .venv that only changes
DEMO_PACKAGES="libportaudio2"
TEST_PACKAGES="libportaudio2 libasound2-plugins pulseaudio pulseaudio-utils mosquitto openssl ffmpeg prometheus-alertmanager chromium"

STARTED=$(date +%s)

say() {
    printf '[%3d s] %s\n' "$(($(date +%s) - STARTED))" "$*" >&2
}

fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    for hint in "$@"; do
        printf '  %s\n' "$hint" >&2
    done
    exit 1
}

# --- system packages -----------------------------------------------------------------------------

missing_packages() {
    for package in "$@"; do
        if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            printf '%s ' "$package"
        fi
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

# Installs the named Debian packages; returns 1 when it may not or cannot.
apt_install() {
    may_install || return 1
    say "installing system packages: $*"
    log=$(mktemp)
    if as_root apt-get update -q >"$log" 2>&1 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" \
            >>"$log" 2>&1 </dev/null; then
        rm -f "$log"
        return 0
    fi
    tail -n 15 "$log" >&2
    rm -f "$log"
    return 1
}

install_line() {
    if [ "$(id -u)" = 0 ]; then
        printf 'apt-get update && apt-get install -y --no-install-recommends %s' "$*"
    else
        printf 'sudo apt-get update && sudo apt-get install -y --no-install-recommends %s' "$*"
    fi
}

# Missing system packages never stop the demo; on CI they stop the tests, elsewhere those tests skip.
system_packages() {
    if ! command -v dpkg-query >/dev/null 2>&1; then
        say "this is no Debian: PortAudio, PulseAudio, Mosquitto and Alertmanager are yours to install"
        return 0
    fi
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086  # a list of words
    if apt_install $missing; then
        return 0
    fi
    # shellcheck disable=SC2086
    line=$(install_line $missing)
    if [ "$MODE" = test ] && [ -n "${CI:-}" ]; then
        fail "the tests need system packages that could not be installed" "$line"
    elif [ "$MODE" = test ]; then
        say "going on without some system packages; the tests that need them will not pass. To have them:"
    else
        say "going on; a microphone needs a system package that is missing. To have it:"
    fi
    printf '  %s\n' "$line" >&2
}

# --- Python --------------------------------------------------------------------------------------

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-python3.11 /usr/bin/python3.11 python3 python3.12 python3.13}; do
        if is_new_enough "$candidate"; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    return 1
}

make_venv() {
    if .venv/bin/python -m pip --version >/dev/null 2>&1 && is_new_enough .venv/bin/python; then
        return 0
    fi
    python=$(find_python) || fail "no Python 3.11 or newer was found" \
        "on Debian 12: $(install_line python3 python3-venv)" "or name one: make PYTHON=/path/to/python3 demo"
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
        apt_install "$package" || fail "$python cannot make a virtual environment" "$(install_line "$package")"
    fi
    say "making .venv with $("$python" --version 2>&1)"
    "$python" -m venv --clear .venv
}

check_disk() {
    needed=$NEEDED_MIB
    if ls -d .venv/lib/python3*/site-packages/torch >/dev/null 2>&1; then
        needed=$NEEDED_AGAIN_MIB
    fi
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
    if [ "$free" -lt "$needed" ]; then
        fail "installing takes $needed MiB of disk here, $free MiB are free" \
            "free some, or put the clone on another disk; pip also keeps a cache (pip cache purge empties it)"
    fi
}

fingerprint() {
    # The folder is part of it: scripts in .venv/bin hold absolute paths and break when it moves.
    { pwd && cat pyproject.toml "$CONSTRAINTS" "$PEERS" deploy/bootstrap.sh; } | cksum
}

is_installed() {
    [ -x .venv/bin/python ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$(fingerprint)" ]
}

install_python_packages() {
    check_disk
    make_venv
    rm -f "$STAMP"
    say "installing the pinned Python packages; the first time takes some minutes"
    set -- --quiet --no-input --disable-pip-version-check --constraint "$CONSTRAINTS"
    # setuptools first and no build isolation: pip would fetch an unpinned one to build this package with.
    if ! .venv/bin/python -m pip install "$@" pip setuptools ||
        ! .venv/bin/python -m pip install "$@" --no-build-isolation --editable '.[all]' ||
        ! .venv/bin/python -m pip install "$@" --no-deps --requirement "$PEERS"; then
        fail "pip could not install everything; its own words are above" "the same command again goes on from here"
    fi
    fingerprint >"$STAMP"
    say "installed"
}

MODE=${1:-}
cd "$(dirname "$0")/.."
# shellcheck disable=SC2086  # lists of words
case $MODE in
demo)
    # The demo runs without its system packages, so they are tried once and not at every start.
    if ! is_installed; then
        install_python_packages
        system_packages $DEMO_PACKAGES
    fi
    ;;
test)
    is_installed || install_python_packages
    system_packages $TEST_PACKAGES
    ;;
*) fail "say what for: sh deploy/bootstrap.sh demo|test" ;;
esac
