#!/usr/bin/env bash
# Runs the functions under cargo-lambda, beside the desk's back ends: the login journey through
# `cargo lambda watch`, and every sample event through `cargo lambda invoke`. Installs the pinned
# cargo-lambda into target/ by itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source infra/tools.sh
source infra/log-in.sh
cargo_lambda
cargo lambda --version

work=$(mktemp -d)
children=()
finish() {
    status=$?
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if [ $status -ne 0 ]; then tail -n 40 "$work"/*.log; fi
    rm -rf "$work"
    exit $status
}
trap finish EXIT

free_port() {
    python3 -c '
import socket

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])'
}
expect() {
    if [ "$2" != "$3" ]; then printf 'FAILED: %s: expected %s, got %s\n' "$1" "$2" "$3"; exit 1; fi
    printf 'ok: %s\n' "$1"
}

# Built before they are asked for: watch starts a function by `cargo run` at its first request,
# which waits for a build.
cargo build --locked --package frontdesk-functions
cargo build --locked --package frontdesk-desk --example desk

port=$(free_port)
target/debug/examples/desk --ephemeral --port 0 --no-console-build --backends \
    --lambda-url "http://127.0.0.1:$port" >"$work/desk.log" 2>&1 &
children+=($!)
for _ in $(seq 100); do grep -q '^The desk is at ' "$work/desk.log" && break; sleep 0.1; done
desk=$(sed -n 's/^The desk is at \([^ ]*\) .*$/\1/p' "$work/desk.log")

# The time-out is also how long a function may wait for its next request: it ends behind that, and
# is asked in vain.
cargo lambda watch --ignore-changes --disable-cors --concurrency 2 --timeout 86400 \
    -A 127.0.0.1 -P "$port" --env-file .frontdesk/backends.env >"$work/watch.log" 2>&1 &
children+=($!)
api="http://127.0.0.1:$port"
for _ in $(seq 100); do curl -s -o "$work/up" "$api/api/session" && break; sleep 0.1; done

token=$(log_in "$api" "$desk" | field session_token)
auth="authorization: Bearer $token"
expect "a session" 200 "$(curl -sS -o "$work/out" -w '%{http_code}' -H "$auth" "$api/api/session")"
account=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["account"]["id"])' <"$work/out")
state=""
for _ in $(seq 100); do
    state=$(curl -sS -H "$auth" "$api/api/sandbox" | field state)
    [ "$state" = ready ] && break
    sleep 0.1
done
expect "the Sandbox, provisioned by the stream" ready "$state"
call -o "$work/key" -H "$auth" -d '{"name":"cargo-lambda"}' "$api/api/keys"
key=$(field api_key <"$work/key")
id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["key"]["id"])' <"$work/key")
status() { call -o "$work/out" -w '%{http_code}' "$@"; }
guarded() { status -H "x-api-key: $key" -d '{}' "$desk/heify/get-configurations"; }
expect "the guarded API with the key" 200 "$(guarded)"
expect "deleting the key" 204 "$(status -X DELETE -H "$auth" "$api/api/keys/$id")"
expect "the guarded API with the deleted key" 403 "$(guarded)"

# What the real process writes: the instance of a 5xx leads to its line, with the cause. The
# function has not started yet, and finds a keyring that cannot be read; what is invoked after it
# needs none.
secret=$(sed -n 's/^SEALING_SECRET_ARN=//p' .frontdesk/backends.env | tr -d '"')
manager=$(sed -n 's/^AWS_ENDPOINT_URL_SECRETS_MANAGER=//p' .frontdesk/backends.env | tr -d '"')
# As the operator: the stand-ins look at the access key of a signature.
operator='Credential=desk/20260101/us-east-1/secretsmanager/aws4_request'
curl -sS -o "$work/out" -H "authorization: AWS4-HMAC-SHA256 $operator" \
    -H 'x-amz-target: secretsmanager.PutSecretValue' \
    -d "{\"SecretId\":\"$secret\",\"SecretString\":\"[]\"}" "$manager"
instance=$(curl -sS -X POST -H "$auth" "$api/api/sandbox/key" | field instance)
line=$(grep -F "\"request_id\":\"${instance##*:}\"" "$work/watch.log" | sed 's/^[^{]*//')
found=$(printf '%s' "$line" | python3 -c '
import json, sys

line = json.load(sys.stdin)
print(line["function"], line["outcome"], line["cause"])')
expect "the one line of a 5xx" \
    "reveal-sandbox-key internal_error the secret is not a JSON object of texts" "$found"

invoke() {
    cargo lambda invoke "$1" -A 127.0.0.1 -P "$port" --data-file "$2" >"$work/invoke.log" 2>&1
}
for event in tests/fixtures/events/*.json; do
    name=$(basename "$event" .json)
    function=${name%%.*}
    # The account of the sample is of a desk that never was.
    sed "s/acct_000000000000/$account/" "$event" >"$work/event.json"
    invoke "$function" "$work/event.json" ||
        { printf 'FAILED: cargo lambda invoke %s\n' "$name"; exit 1; }
    printf 'ok: cargo lambda invoke %s\n' "$name"
done
