# shellcheck shell=bash
# To be sourced, at the root of the repository. tools NAME PACKAGE...: a Python environment
# target/NAME with exactly these.
tools() {
    local venv="target/$1"
    if [ "$(cat "$venv/tools" 2>/dev/null)" != "$*" ]; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check "${@:2}"
        printf '%s' "$*" >"$venv/tools"
    fi
}

# cargo-lambda, and the zig that it links with, in PATH.
cargo_lambda() {
    tools cargo-lambda-venv cargo-lambda==1.9.2 ziglang==0.17.1
    export PATH="$PWD/target/cargo-lambda-venv/bin:$PATH"
}

# cargo_tool NAME VERSION: a tool of crates.io's in target/ci-tools/bin. Unoptimised: it runs once,
# its build is what takes time.
cargo_tool() {
    if cargo install --list --root target/ci-tools | grep -q "^$1 v$2:$"; then return; fi
    cargo install "$1" --version "$2" --locked --debug --force --root target/ci-tools
}
