#!/usr/bin/env bash
# Copies all rows of one account from a restored table into the stack's table, over those that lie there:
#
#   infra/copy-account.sh RESTORED_TABLE TABLE ACCOUNT_ID
#
# Rows that were made since then stay. May be run again. What to do before and after: docs/operating.md.
set -euo pipefail
[ $# -eq 3 ] || { sed -n '4s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

aws dynamodb query --table-name "$1" --consistent-read --key-condition-expression 'pk = :pk' \
    --expression-attribute-values '{":pk":{"S":"ACCT#'"$3"'"}}' --output json | python3 -c '
import json, sys

table, rows = sys.argv[1], json.load(sys.stdin)["Items"]
if not rows:
    sys.exit("that table has no rows of this account")
for start in range(0, len(rows), 25):
    print(json.dumps({table: [{"PutRequest": {"Item": row}} for row in rows[start : start + 25]]}))
print(f"{len(rows)} rows", file=sys.stderr)
' "$2" | while read -r batch; do
    left=$(printf '%s' "$batch" | aws dynamodb batch-write-item --request-items file:///dev/stdin --query 'length(UnprocessedItems)' --output text)
    [ "$left" = 0 ] || { echo "the table is throttled; run this again" >&2; exit 1; }
done
