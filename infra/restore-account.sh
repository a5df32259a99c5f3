#!/usr/bin/env bash
# Makes one account in the stack's table what it was in a restored one:
#
#   infra/restore-account.sh RESTORED_TABLE TABLE ACCOUNT_ID
#
# Its rows come back as they were, without sessions, and suspended; those that were made since go.
# So do the rows that say which address is whose. The audit trail, a partition of its own, stays as
# it is. May be run again. What to do before and after: docs/operating.md.
set -euo pipefail
[ $# -eq 3 ] || { sed -n '4s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
restored=$1 table=$2 account=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# rows TABLE KIND ARGUMENT...: those of one of the account's partitions.
rows() {
    aws dynamodb query --table-name "$1" --consistent-read --output json "${@:3}" \
        --key-condition-expression 'pk = :pk' \
        --expression-attribute-values "{\":pk\":{\"S\":\"$2#$account\"}}"
}
for kind in ACCT SANDBOX; do
    rows "$restored" "$kind" >"$work/then-$kind"
    rows "$table" "$kind" --projection-expression 'pk, sk, limits_version' >"$work/now-$kind"
done
rows "$table" METER --projection-expression limits_version >"$work/meter"

python3 - "$work" "$table" <<'PY'
import json, sys

work, table = sys.argv[1:]
then, now = (
    [
        row
        for kind in ("ACCT", "SANDBOX")
        for row in json.load(open(f"{work}/{time}-{kind}"))["Items"]
    ]
    for time in ("then", "now")
)
if not any(row["sk"]["S"] == "ACCOUNT" for row in then):
    sys.exit("the restored table does not have this account")
# What was ended since, by whoever lost a laptop, would come back: sessions stay over, and no key
# works before somebody has looked and resumes the account.
for row in then:
    if row["sk"]["S"].startswith("MEMBER#"):
        row["sessions"] = {"M": {}}
    if row["sk"]["S"] == "ACCOUNT" or row["sk"]["S"].startswith("KEY#"):
        row["suspended"] = {"BOOL": True}
# The meter goes by the newest limits that it knows. These are to be the newest, for each key from
# the resumption on.
meter = json.load(open(f"{work}/meter"))["Items"]
rows = [row for row in then + now + meter if "limits_version" in row]
versions = [int(row["limits_version"]["N"]) for row in rows]
for row in then:
    if row["sk"]["S"] == "ACCOUNT" and versions:
        row["limits_version"] = {"N": str(max(versions) + 1)}
kept = {row["sk"]["S"] for row in then}
gone = [row for row in now if row["sk"]["S"] not in kept]
requests = [{"PutRequest": {"Item": row}} for row in then]
requests += [{"DeleteRequest": {"Key": {"pk": row["pk"], "sk": row["sk"]}}} for row in gone]
with open(f"{work}/batches", "w") as batches:
    for start in range(0, len(requests), 25):
        print(json.dumps({table: requests[start : start + 25]}), file=batches)
for name, rows in (("members", then), ("strangers", gone)):
    with open(f"{work}/{name}", "w") as members:
        for row in rows:
            kind, _, member = row["sk"]["S"].partition("#")
            if kind == "MEMBER":
                print(member, file=members)
print(f"{len(then)} rows come back, {len(gone)} go")
PY

while read -r batch; do
    left=$(printf '%s' "$batch" | aws dynamodb batch-write-item \
        --request-items file:///dev/stdin --query 'length(UnprocessedItems)' --output text)
    [ "$left" = 0 ] || { echo "the table is throttled; run this again" >&2; exit 1; }
done <"$work/batches"

# The hash of a member's address is in the member's id. An address that has become another member's
# stays theirs.
owner() { printf '{"pk":{"S":"ADDR#%s"},"sk":{"S":"OWNER"}}' "${1:4:22}"; }
change() {
    "$@" --table-name "$table" \
        --expression-attribute-values "{\":me\":{\"S\":\"$member\"}}" 2>"$work/error" && return
    grep -q ConditionalCheckFailedException "$work/error" || { cat "$work/error" >&2; exit 1; }
    echo "the address of $member is another member's now, or nobody's"
}
while read -r member; do
    aws dynamodb get-item --table-name "$restored" --consistent-read \
        --key "$(owner "$member")" --query Item --output json >"$work/owner"
    change aws dynamodb put-item --item "file://$work/owner" \
        --condition-expression 'attribute_not_exists(pk) OR member_id = :me' </dev/null
done <"$work/members"
while read -r member; do
    change aws dynamodb delete-item --key "$(owner "$member")" \
        --condition-expression 'member_id = :me' </dev/null
done <"$work/strangers"
