# Sourced by the other scripts: makes .venv and fills it, once for each content of the requirements.
# shellcheck shell=bash
CALLER=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

say() { printf '== %s\n' "$*" >&2; }
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# apt_install PACKAGE...: install Debian packages, or say in one sentence what is needed and fail.
apt_install() {
    if ! command -v apt-get >/dev/null; then
        fail "This machine lacks what Debian calls $*: install that and run this script again."
    elif [ "$(id -u)" != 0 ]; then
        fail "This machine lacks $*: run 'sudo apt-get install $*' and run this script again."
    fi
    say "Installing with apt-get: $*"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# find_python: print the first Python of 3.10 or newer ($PYTHON, if set, is the only candidate).
find_python() {
    local name
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
    fail "No Python of 3.10 or newer was found: install one, or name it with PYTHON=/path/to/python."
}

# make_environment: create .venv, or mend one whose Python has gone.
make_environment() {
    if .venv/bin/python -c 'import pip' 2>/dev/null; then return; fi
    local python
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then apt_install python3-venv; fi
    say "Creating .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

# install_requirements FILE: install FILE into .venv, unless its content is what was installed last.
install_requirements() {
    local stamp=".venv/installed-$1" wanted
    wanted=$(cat requirements.txt "$1" <(pwd) | .venv/bin/python -c \
        'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
    say "Installing this project into .venv, and what $1 asks for:" \
        "$(sed 's/#.*//; /^-r/d; /^ *$/d' "$1" | tr '\n' ' ')"
    say "The first time takes some minutes and up to 7 GB: PyTorch's usual build for Linux carries its GPU libraries."
    .venv/bin/python -m pip install --disable-pip-version-check --quiet -r "$1" -e . >&2
    printf '%s\n' "$wanted" >"$stamp"
}

# system_libraries: install the shared libraries that the face landmarker loads, where they are missing.
system_libraries() {
    [ "$(uname -s)" = Linux ] || return 0
    local missing
    missing=$(.venv/bin/python - <<'PYTHON'
import ctypes

PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxcb.so.1": "libxcb1",
}
for library, package in PACKAGES.items():
    try:
        ctypes.CDLL(library)
    except OSError:
        print(package)
PYTHON
    )
    # shellcheck disable=SC2086  # one word a package
    if [ -n "$missing" ]; then apt_install $missing; fi
}

# graphics_libraries: install Mesa's software renderer where OpenGL can't be started; synthetic heads are rendered by it.
graphics_libraries() {
    [ "$(uname -s)" = Linux ] || return 0
    if .venv/bin/python -c 'import moderngl; moderngl.create_standalone_context(backend="egl")' 2>/dev/null; then return; fi
    apt_install libegl1 libgl1-mesa-dri
}

# run WORDS...: become this project's Python in the folder of who called, where names of files are meant.
run() {
    local root=$PWD
    cd "$CALLER" || exit
    exec "$root/.venv/bin/python" "$@"
}

# set_up FILE: what any of the scripts needs.
set_up() {
    make_environment
    system_libraries
    install_requirements "$1"
}
