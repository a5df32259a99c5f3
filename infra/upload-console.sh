#!/usr/bin/env bash
# Builds the console and uploads it to where CloudFront serves it from, and what the deployment says
# of itself beside it: infra/upload-console.sh STACK [--settings-only]
#
# The assets go first, for a page must not name a file that is not there yet. Those of earlier
# builds stay, for pages that are still open; their names have a hash of their content, so none is
# ever overwritten by another. The settings change by a deployment alone, without another build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stack=${1:?the name of the stack}
only=${2:-}
if [ -n "$only" ] && [ "$only" != --settings-only ]; then
    echo "usage: infra/upload-console.sh STACK [--settings-only]" >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
aws cloudformation describe-stacks --stack-name "$stack" \
    --query "Stacks[0].Outputs" --output json >"$work/outputs.json"
# The bucket's name; the settings go into their file.
bucket=$(python3 -c '
import json, sys
with open(sys.argv[1]) as file:
    outputs = {output["OutputKey"]: output["OutputValue"] for output in json.load(file)}
lines = [line for line in outputs["ConsoleSettings"].split("\n") if line]
with open(sys.argv[2], "w") as file:
    json.dump(dict(line.split("=", 1) for line in lines), file)
print(outputs["ConsoleBucketName"])' "$work/outputs.json" "$work/settings.json")

if [ -z "$only" ]; then
    (cd web && npm ci && npm run build)
    aws s3 cp --recursive web/dist/assets "s3://$bucket/assets" \
        --cache-control "public, max-age=31536000, immutable"
    aws s3 cp --recursive web/dist "s3://$bucket" --exclude "assets/*" --exclude ".*" \
        --cache-control "no-cache"
fi
aws s3 cp "$work/settings.json" "s3://$bucket/settings.json" \
    --cache-control "no-store" --content-type application/json
