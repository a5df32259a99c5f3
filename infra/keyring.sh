#!/usr/bin/env bash
# Rotates a keyring, in two steps with ten minutes in between:
#
#   infra/keyring.sh add SECRET            adds a version, which nothing is made with yet
#   infra/keyring.sh use SECRET            makes the newest version current
#   infra/keyring.sh drop SECRET VERSION   takes a version out; what was made with it is lost
#
# SECRET is the output LoginSecretArn or SealingSecretArn of the stack. Prints the names of the
# versions; the keys themselves go through pipes only. When to take which step: docs/operating.md.
set -euo pipefail

case "${1:-}/$#" in
add/2 | use/2 | drop/3) ;;
*)
    sed -n '4,6s/^# *//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac

ring=$(aws secretsmanager get-secret-value --secret-id "$2" \
    --query SecretString --output text | python3 -c '
import json, secrets, sys

step, version = sys.argv[1:]
ring = json.load(sys.stdin)
versions = sorted((name for name in ring if name != "current"), key=int)
if step == "add":
    versions.append(str(int(versions[-1]) + 1))
    ring[versions[-1]] = secrets.token_hex(32)
elif step == "use":
    ring["current"] = versions[-1]
elif version not in versions or version == ring["current"]:
    sys.exit(f"version {version} is current, or not there; nothing was changed")
else:
    versions.remove(version)
    del ring[version]
current = ring["current"]
print(f"versions {versions}, current {current}", file=sys.stderr)
print(json.dumps(ring))
' "$1" "${3:-}")
printf '%s' "$ring" | aws secretsmanager put-secret-value --secret-id "$2" \
    --secret-string file:///dev/stdin --query VersionId --output text
