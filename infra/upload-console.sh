#!/usr/bin/env bash
# Builds the console and uploads it to where CloudFront serves it from: infra/upload-console.sh
# STACK
#
# The assets go first, for a page must not name a file that is not there yet. Those of earlier
# builds stay, for pages that are still open; their names have a hash of their content, so none is
# ever overwritten by another.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stack=${1:?the name of the stack}

bucket=$(aws cloudformation describe-stacks --stack-name "$stack" \
    --query "Stacks[0].Outputs[?OutputKey=='ConsoleBucketName'].OutputValue" --output text)

(cd web && npm ci && npm run build)
aws s3 cp --recursive web/dist/assets "s3://$bucket/assets" \
    --cache-control "public, max-age=31536000, immutable"
aws s3 cp --recursive web/dist "s3://$bucket" --exclude "assets/*" --exclude ".*" \
    --cache-control "no-cache"
