# Sourced by bin/node and bin/test, which set `root`: makes $root/.venv when it is missing or out of date.
# One function is called from outside: `prepare node` or `prepare dev`.

venv=${root:?}/.venv

say() { printf 'gyrostat: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# True when nothing is to be done. Builtins only: this runs before every command.
fresh() {
    stamp=$venv/.gyrostat-$1
    [ -r "$stamp" ] && read -r made_at <"$stamp" && [ "$made_at" = "$root" ] && [ -x "$venv/bin/python" ] &&
        [ ! "$root/pyproject.toml" -nt "$stamp" ] && [ ! "$root/requirements.txt" -nt "$stamp" ] &&
        { [ "$1" = node ] || [ ! "$root/requirements-dev.txt" -nt "$stamp" ]; }
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Each is run, not only looked up: a pyenv shim exists for versions that are not switched on.
find_python() {
    for python in python3.13 python3.12 python3.11 python3; do
        command -v "$python" >/dev/null && new_enough "$python" && return
    done
    die "needs Python 3.11 or newer on PATH; none of python3.13, python3.12, python3.11, python3 is"
}

# The kernel holds the lock on the open file and lets go when its last holder dies: no stale locks.
lock() {
    [ -w "$root" ] || die "cannot write in $root, where .venv goes"
    exec 9>"$root/.venv.lock"
    "$python" -c 'import fcntl; fcntl.flock(0, fcntl.LOCK_EX | fcntl.LOCK_NB)' <&9 2>/dev/null && return
    say "another gyrostat is making .venv; waiting ..."
    "$python" -c 'import fcntl; fcntl.flock(0, fcntl.LOCK_EX)' <&9 || die "cannot lock $root/.venv.lock"
}

# What an environment depends on: the pins and the tables of pyproject.toml that say what is installed.
# Editing a lint rule makes pyproject.toml newer, and changes nothing here.
wanted() {
    {
        cat "$root/requirements.txt"
        [ "$1" = node ] || cat "$root/requirements-dev.txt"
        awk '/^\[/ { on = /^\[+(project|build-system|tool\.hatch)[].]/ } on && NF && !/^ *#/' "$root/pyproject.toml"
    } | cksum
}

# Runs one step; its output is shown only when it fails.
quietly() {
    "$@" >"$root/.venv.log" 2>&1 </dev/null && return
    cat "$root/.venv.log" >&2
    die "could not make $venv (output above): $*"
}

install() {
    if command -v uv >/dev/null; then
        [ -x "$venv/bin/python" ] || quietly uv venv --quiet --allow-existing --python "$python" "$venv"
        quietly uv pip install --quiet --python "$venv/bin/python" -r "$1"
        quietly uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e "$root"
    else
        [ -x "$venv/bin/python" ] || quietly "$python" -m venv "$venv"
        [ -x "$venv/bin/pip" ] || quietly "$venv/bin/python" -m ensurepip
        quietly "$venv/bin/python" -m pip install --no-input --disable-pip-version-check -r "$1"
        quietly "$venv/bin/python" -m pip install --no-input --disable-pip-version-check \
            --no-deps --no-build-isolation -e "$root"
    fi
}

# An interrupted build, a moved checkout or a vanished interpreter means: from nothing. Else only what changed.
build() {
    stamp=$venv/.gyrostat-$1
    made_at=$root
    [ ! -r "$venv/.gyrostat-node" ] || read -r made_at <"$venv/.gyrostat-node" || made_at=
    if [ -e "$venv/.gyrostat-unfinished" ] || [ "$made_at" != "$root" ] || ! new_enough "$venv/bin/python"; then
        rm -rf "$venv"
        say "making .venv (once, about 20 s) ..."
    elif [ -r "$stamp" ] && [ "$(sed 1d "$stamp")" = "$(wanted "$1")" ]; then
        touch "$stamp"
        return
    else
        say "bringing .venv up to date ..."
    fi
    mkdir -p "$venv"
    : >"$venv/.gyrostat-unfinished"
    rm -f "$venv"/.gyrostat-node "$venv"/.gyrostat-dev
    case $1 in
        node) install "$root/requirements.txt" ;;
        dev) install "$root/requirements-dev.txt" ;;
    esac
    for kind in node "$1"; do
        { printf '%s\n' "$root" && wanted "$kind"; } >"$venv/.gyrostat-$kind"
    done
    rm -f "$venv/.gyrostat-unfinished" "$root/.venv.log"
}

prepare() {
    fresh "$1" && return
    find_python
    lock
    fresh "$1" || build "$1"
    exec 9>&-
}
