#!/usr/bin/env bash
# Checks template.yaml and infra/guarded-api.yaml without an AWS account: cfn-lint and checkov on
# each as it is written and on what SAM's transform makes of it; whether tracing is on or off, and
# calls move, as their parameters say. Fails on any finding. Installs pinned tools into target/ by
# itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# checkov has an environment of its own: it wants older versions of what the others share with it.
source infra/tools.sh
tools template-venv cfn-lint==1.58.0 aws-sam-translator==1.115.0 boto3==1.43.106 botocore==1.43.106
tools checkov-venv checkov==3.3.30

out="$PWD/target/template"
mkdir -p "$out"
failed=0

# check WHAT COMMAND...
check() {
    if "${@:2}"; then
        printf 'ok: %s\n' "$1"
    else
        printf 'FAILED: %s\n' "$1"
        failed=1
    fi
}

# lint WHAT FILE OPTION...: warnings count as well as errors, so W3037 (an action that IAM does not
# know) is fatal.
lint() {
    check "$1" target/template-venv/bin/cfn-lint --regions us-east-1 eu-central-1 \
        --non-zero-exit-code warning "${@:3}" --template "$2"
}

# translate FILE OUTPUT [NAME=VALUE...]
translate() {
    target/template-venv/bin/python infra/translate-template.py "$1" "${@:3}" >"$2"
}

for source in template.yaml infra/guarded-api.yaml; do
    name=$(basename "$source" .yaml)
    lint "$source" "$source"
    # The source hides most of what can be wrong: roles, routes and permissions are there only after
    # the transform. With tracing, because the transform leaves all of it out otherwise, and its
    # parameter is then used by nothing.
    parameters=()
    if [ "$name" = template ]; then parameters=(Tracing=Active); fi
    check "$source can be translated" translate "$source" "$out/$name.json" \
        ${parameters[@]+"${parameters[@]}"}
    # W2001, W7001: the transform uses some parameters and mappings up.
    lint "$source, translated" "$out/$name.json" --ignore-checks W2001 W7001
done

for pair in Active:on PassThrough:on Disabled:off; do
    translate template.yaml "$out/tracing.json" "Tracing=${pair%:*}"
    check "Tracing=${pair%:*}" python3 infra/check-tracing.py "$out/tracing.json" "${pair#*:}"
done
for tracing in Active PassThrough Disabled; do
    translate template.yaml "$out/tracing-$tracing.json" "Tracing=$tracing"
done
for pair in Active:PassThrough PassThrough:Disabled Disabled:Active; do
    check "versions are made anew from Tracing=${pair%:*} to ${pair#*:}" \
        python3 infra/check-versions.py "$out/tracing-${pair%:*}.json" \
        "$out/tracing-${pair#*:}.json"
done

for rollout in AllAtOnce Canary10Percent5Minutes Linear10PercentEvery1Minute; do
    translate template.yaml "$out/rollout.json" "Rollout=$rollout"
    check "Rollout=$rollout" python3 infra/check-rollout.py "$out/rollout.json" "$rollout"
done

check "checkov" target/checkov-venv/bin/checkov --config-file infra/checkov.yaml \
    -f template.yaml infra/guarded-api.yaml "$out/template.json" "$out/guarded-api.json"
exit $failed
