#!/usr/bin/env bash
# Runs the scripts of docs/operating.md with the real AWS CLI against a desk: both keyrings are
# rotated, an old version is taken out, and an account's rows are copied back from another table;
# and against an emulator of AWS, what the console is told is uploaded. Installs the pinned AWS CLI
# and the emulator into target/ by itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source infra/tools.sh
source infra/log-in.sh
tools awscli-venv awscli==1.46.3
tools emulator-venv ministack==1.5.33 aws-sam-translator==1.115.0 boto3==1.43.106 botocore==1.43.106
export PATH="$PWD/target/awscli-venv/bin:$PATH"
aws --version

cargo build --locked --package frontdesk-desk --example desk
work=$(mktemp -d)
target/debug/examples/desk --ephemeral --port 0 --no-console-build >"$work/desk.log" 2>&1 &
desk_pid=$!
emulator_pid=
finish() {
    status=$?
    for pid in $desk_pid $emulator_pid; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    [ $status -eq 0 ] || tail -n 40 "$work"/*.log
    rm -rf "$work"
    exit $status
}
trap finish EXIT
for _ in $(seq 100); do grep -q '^Frontdesk is at ' "$work/desk.log" && break; sleep 0.1; done
desk=$(sed -n 's/^Frontdesk is at //p' "$work/desk.log")
# The page that says what runs names the back ends, each before its address.
address() {
    curl -sS "$desk/_local/" | tr '\n' ' ' | grep -oE "$1<[^:]*http://[0-9.:]+" |
        grep -oE 'http://[0-9.:]+'
}
AWS_ENDPOINT_URL_DYNAMODB=$(address DynamoDB)
AWS_ENDPOINT_URL_SECRETS_MANAGER=$(address 'Secrets Manager')
export AWS_ENDPOINT_URL_DYNAMODB AWS_ENDPOINT_URL_SECRETS_MANAGER
export AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
export AWS_ACCESS_KEY_ID=desk AWS_SECRET_ACCESS_KEY=desk
secret() { echo "arn:aws:secretsmanager:us-east-1:000000000000:secret:frontdesk/$1-Local1"; }
TABLE=$(aws dynamodb list-tables --query 'TableNames[0]' --output text)

expect() {
    if [ "$2" != "$3" ]; then printf 'FAILED: %s: expected %s, got %s\n' "$1" "$2" "$3"; exit 1; fi
    printf 'ok: %s\n' "$1"
}
later() { call -o "$work/out" "$desk/_local/clock" -d '{"advance_seconds":1000}'; }
# Logs in and waits for the Sandbox; the session is in $auth.
login() {
    local token state="" _
    token=$(log_in "$desk" "$desk" | field session_token)
    auth="authorization: Bearer $token"
    for _ in $(seq 100); do
        state=$(row "ACCT#$account" "EVENT#" | python3 -c '
import json, sys
print("pending" in [row["status"]["S"] for row in json.load(sys.stdin)])')
        [ "$state" = False ] && break
        sleep 0.1
    done
    expect "the Sandbox is ready" ready "$(call -H "$auth" "$desk/api/sandbox" | field state)"
}
# row PK SK: the rows whose sort key begins so.
row() {
    aws dynamodb query --table-name "$TABLE" --consistent-read --query Items --output json \
        --key-condition-expression 'pk = :pk AND begins_with(sk, :sk)' \
        --expression-attribute-values "{\":pk\":{\"S\":\"$1\"},\":sk\":{\"S\":\"$2\"}}"
}
reveal() { call -X POST -H "$auth" "$desk/api/sandbox/key" | field api_key; }
sealed() {
    row "SANDBOX#$account" SANDBOX | python3 -c '
import json, sys
print(json.load(sys.stdin)[0]["sandbox_key"]["M"]["sealed"]["M"]["version"]["S"])'
}
# Sealed keys under a version, as the guide counts them.
still_sealed() {
    aws dynamodb scan --table-name "$TABLE" --select COUNT --query Count --output text \
        --filter-expression 'sandbox_key.sealed.version = :old' \
        --expression-attribute-values "{\":old\":{\"S\":\"$1\"}}"
}
account=$(aws dynamodb scan --table-name "$TABLE" --filter-expression 'sk = :a' \
    --expression-attribute-values '{":a":{"S":"ACCOUNT"}}' --query 'Items[0].id.S' --output text)

# --- Rotating the keyrings ------------------------------------------------------------------------

login
key=$(reveal)
expect "the key is sealed under the first version" 1 "$(sealed)"
for keyring in LoginSecret SealingSecret; do infra/keyring.sh add "$(secret $keyring)"; done
later
login
expect "an added version is not used yet" 1 "$(sealed)"
for keyring in LoginSecret SealingSecret; do infra/keyring.sh use "$(secret $keyring)"; done
expect "a key that was sealed before opens" "$key" "$(reveal)"
expect "keys still sealed under the old version" 1 "$(still_sealed 1)"
later
login
expect "the next login seals it under the new version" 2 "$(sealed)"
expect "keys still sealed under the old version" 0 "$(still_sealed 1)"
version=$(aws dynamodb scan --table-name "$TABLE" \
    --filter-expression '#t = :mail AND mail = :code' \
    --expression-attribute-names '{"#t":"type"}' \
    --expression-attribute-values '{":mail":{"S":"mail"},":code":{"S":"login_code"}}' \
    --query 'max_by(Items, &to_number(at.N)).keyring_version.S' --output text)
expect "codes are made under the new version" 2 "$version"
if infra/keyring.sh drop "$(secret SealingSecret)" 2; then
    echo "FAILED: the current version was dropped"
    exit 1
fi
for keyring in LoginSecret SealingSecret; do infra/keyring.sh drop "$(secret $keyring)" 1; done
later
login
expect "without the old version the key opens" "$key" "$(reveal)"

# --- Restoring rows -------------------------------------------------------------------------------

id_of() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]]["id"])' "$1"; }
status() { call -o "$work/out" -w '%{http_code}' -H "$auth" "$@"; }
guarded() { status -H "x-api-key: $1" "$desk/heify/get-configurations" -d '{}'; }
team() {
    call -H "$auth" "$desk/api/team" | python3 -c '
import json, sys
members = json.load(sys.stdin)["members"]
print(*sorted(member["email"].split("@")[0] for member in members))'
}
invite() { status "$desk/api/team" -d "{\"email\":\"$1@example.com\"}"; }

first=$(call -H "$auth" "$desk/api/keys" -d '{"name":"First"}')
first_key=$(echo "$first" | field api_key)
early=$(call -H "$auth" "$desk/api/team" -d '{"email":"early@example.com"}' | id_of member)
infra/account.sh --desk "$desk" set-limits "$account" --per-month 100
expect "a call under the limit of then" 200 "$(guarded "$first_key")"
# What a restore to this moment would be.
aws dynamodb create-table --table-name "$TABLE-restored" --billing-mode PAY_PER_REQUEST \
    --query TableDescription.TableName --output text \
    --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S \
    --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE
aws dynamodb scan --table-name "$TABLE" --output json | python3 -c '
import json, sys

for row in json.load(sys.stdin)["Items"]:
    print(json.dumps(row))' >"$work/rows"
while read -r row; do
    aws dynamodb put-item --table-name "$TABLE-restored" --item "$row" </dev/null
done <"$work/rows"

infra/account.sh --desk "$desk" set-limits "$account" --per-month 1000
expect "a call under the limit of since" 200 "$(guarded "$first_key")"
second_key=$(call -H "$auth" "$desk/api/keys" -d '{"name":"Second"}' | field api_key)
expect "deleting a key" 204 "$(status -X DELETE "$desk/api/keys/$(echo "$first" | id_of key)")"
expect "revoking a member" 204 "$(status -X DELETE "$desk/api/team/$early")"
expect "inviting another" 201 "$(invite late)"
expect "who is there" "admin late" "$(team)"

infra/restore-account.sh "$TABLE-restored" "$TABLE" "$account"
infra/restore-account.sh "$TABLE-restored" "$TABLE" "$account"
expect "no key works before somebody has looked" 403 "$(guarded "$first_key")"
infra/account.sh --desk "$desk" resume "$account"
expect "the session of before" 401 "$(status "$desk/api/keys")"
login
expect "the key that was deleted since" 200 "$(guarded "$first_key")"
expect "the limit of then" 100 "$(call -H "$auth" "$desk/api/usage" | field per_month)"
infra/account.sh --desk "$desk" set-limits "$account" --per-month 2
expect "a call over the next limit, with those of since" 429 "$(guarded "$first_key")"
infra/account.sh --desk "$desk" set-limits "$account" --no-limits
expect "the key that was made since" 403 "$(guarded "$second_key")"
expect "the keys that are counted" 2 "$(call -H "$auth" "$desk/api/keys" | field count)"
expect "who is there again" "admin early" "$(team)"
expect "the address of who was revoked since" 409 "$(invite early)"
expect "the address of who was invited since" 201 "$(invite late)"
expect "nothing of the audit trail is gone" True "$(row "AUDIT#$account" 1 | python3 -c '
import json, sys
print({"key_deleted", "member_revoked"} <= {row["action"]["S"] for row in json.load(sys.stdin)})')"
if infra/restore-account.sh "$TABLE-restored" "$TABLE" acct_nobody; then
    echo "FAILED: an unknown account was restored"
    exit 1
fi

# --- What the console is told ---------------------------------------------------------------------

port=$(python3 -c 'import socket; held = socket.socket(); held.bind(("127.0.0.1", 0))
print(held.getsockname()[1])')
env BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" MINISTACK_HOST=localhost HOME="$work" TMPDIR="$work" \
    SFTP_ENABLED=0 IOT_MTLS_ENABLED=0 AWS_ENDPOINT_URL="http://127.0.0.1:$port" \
    target/emulator-venv/bin/ministack >"$work/emulator.log" 2>&1 &
emulator_pid=$!
unset AWS_ENDPOINT_URL_DYNAMODB AWS_ENDPOINT_URL_SECRETS_MANAGER
export AWS_ENDPOINT_URL="http://127.0.0.1:$port"
for _ in $(seq 300); do aws s3 ls >"$work/out" 2>&1 && break; sleep 0.1; done

# The bucket, the parameters and the outputs of the template, and nothing else of it.
part() { sed -n "/^$1/,/^$2/{/^$2/d;p}" template.yaml; }
{
    part Parameters: Rules:
    part Conditions: Mappings:
    echo "Resources: { ConsoleBucket: { Type: AWS::S3::Bucket } }"
    echo "Outputs:"
    part "  ConsoleBucketName:" "  ApiEndpoint:"
} >"$work/console.yaml"
# deploy STACK NAME=VALUE...: a stack with these parameters. (Each its own: the emulator takes a
# change of outputs alone for none.)
deploy() {
    stack=$1
    aws cloudformation deploy --stack-name "$stack" --template-file "$work/console.yaml" \
        --parameter-overrides ConsoleOrigin=https://desk.example.com MailFrom=desk@example.com \
        "${@:2}"
    infra/upload-console.sh "$stack" --settings-only
    bucket=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='ConsoleBucketName'].OutputValue")
}
told() {
    aws s3 cp "s3://$bucket/settings.json" - | python3 -c '
import json, sys
print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}
deploy first 'ProductName=Fish="Chips" & Peas' DocsUrl=https://docs.example.com
expect "the product's name" 'Fish="Chips" & Peas' "$(told product_name)"
expect "the documentation" https://docs.example.com "$(told docs_url)"
expect "terms that are nowhere" "" "$(told terms_url)"
expect "the product API, where no other address is given" \
    https://api.heify.com/get-configurations "$(told product_api_url)"
expect "how it is served" $'no-store\tapplication/json' \
    "$(aws s3api head-object --bucket "$bucket" --key settings.json --output text \
        --query "[CacheControl, ContentType]")"
deploy second ProductApiPublicUrl=https://api.example.com/v1
expect "the product API's address for customers" https://api.example.com/v1 \
    "$(told product_api_url)"
