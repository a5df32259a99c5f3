#!/usr/bin/env bash
# Checks template.yaml and infra/guarded-api.yaml without an AWS account: cfn-lint on each as it is written, then on what
# SAM's transform makes of it. Fails on any finding. Installs pinned tools into target/ by itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

TOOLS="cfn-lint==1.58.0 aws-sam-translator==1.115.0 boto3==1.43.106 botocore==1.43.106"
venv="$PWD/target/template-venv"
if [ "$(cat "$venv/tools" 2>/dev/null)" != "$TOOLS" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    # shellcheck disable=SC2086  # One word for each tool.
    "$venv/bin/pip" install --quiet --disable-pip-version-check $TOOLS
    printf '%s' "$TOOLS" >"$venv/tools"
fi

out="$PWD/target/template"
mkdir -p "$out"
failed=0

# lint WHAT FILE: warnings count as well as errors, so W3037 (an action that IAM does not know) is fatal.
lint() {
    if "$venv/bin/cfn-lint" --regions us-east-1 eu-central-1 --non-zero-exit-code warning --template "$2"; then
        printf 'ok: %s\n' "$1"
    else
        printf 'FAILED: %s\n' "$1"
        failed=1
    fi
}

for source in template.yaml infra/guarded-api.yaml; do
    name=$(basename "$source" .yaml)
    lint "$source" "$source"
    # The source hides most of what can be wrong: roles, routes and permissions are there only after the transform.
    # With tracing, because the transform leaves all of it out otherwise, and its parameter is then used by nothing.
    parameters=()
    if [ "$name" = template ]; then parameters=(Tracing=Active); fi
    if "$venv/bin/python" infra/translate-template.py "$source" ${parameters[@]+"${parameters[@]}"} >"$out/$name.json"; then
        lint "$source, translated" "$out/$name.json"
    else
        printf 'FAILED: %s cannot be translated\n' "$source"
        failed=1
    fi
done
exit $failed
