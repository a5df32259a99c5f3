#!/usr/bin/env bash
# Holds openapi.yaml against a running desk: requests that the document allows, and some that it
# does not, with a session and without, and for every answer whether the document has it so. What is
# left out, and why, is in schemathesis.toml. Installs the pinned Schemathesis into target/ by
# itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source infra/tools.sh
source infra/log-in.sh
tools schemathesis-venv schemathesis==4.32.5
root=$PWD

cargo build --locked --package frontdesk-desk --example desk
work=$(mktemp -d)
# Codes are asked for from one address, and more often than a network may.
target/debug/examples/desk --ephemeral --port 0 --no-console-build --set NetworkCodeLimit=100000 \
    >"$work/desk.log" 2>&1 &
desk_pid=$!
finish() {
    status=$?
    kill "$desk_pid" 2>/dev/null || true
    wait "$desk_pid" 2>/dev/null || true
    [ $status -eq 0 ] || tail -n 20 "$work/desk.log"
    rm -rf "$work"
    exit $status
}
trap finish EXIT
for _ in $(seq 100); do grep -q '^Frontdesk is at ' "$work/desk.log" && break; sleep 0.1; done
desk=$(sed -n 's/^Frontdesk is at //p' "$work/desk.log")

answer=$(log_in "$desk" "$desk")
SESSION=$(field session_token <<<"$answer")
account=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["account"]["id"])' <<<"$answer")
API_KEY=$(call -H "authorization: Bearer $SESSION" "$desk/api/keys" -d '{"name":"Checked"}' |
    field api_key)
export SESSION API_KEY
# So that limits are met late, and not by everything.
call -o "$work/out" "$desk/_local/accounts" \
    -d "{\"account_id\":\"$account\",\"key_limit\":90,\"member_limit\":200}"

cases=0
# hold OPTION...: one run over the operations that the options choose.
hold() {
    # It leaves notes of its own where it is run.
    (cd "$work" && "$root/target/schemathesis-venv/bin/st" \
        --config-file "$root/infra/schemathesis.toml" run "$root/openapi.yaml" --url "$desk" "$@") \
        >"$work/told" 2>&1 || { cat "$work/told"; exit 1; }
    local some
    some=$(sed -n 's/^ *\([0-9]*\) generated.*$/\1/p' "$work/told")
    cases=$((cases + some))
}
ends=(endSession revokeSession)
hold "${ends[@]/#/--exclude-operation-id=}"
# These end the session that the others show.
hold "${ends[@]/#/--include-operation-id=}"
SESSION=none API_KEY=none hold --phases coverage
printf '\nproof\topenapi.yaml tells what the API answers\t%s\t0\t0\t-\n' "$cases"
