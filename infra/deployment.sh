#!/usr/bin/env bash
# Deploys the real template with the release binaries into an emulator of AWS, and goes through it:
# `sam validate`, `cargo lambda build`, `sam build`, their artefacts, the deployment, the journey
# over HTTP, and each permission taken away. No AWS account and no Docker. Installs pinned tools
# into target/ by itself; qemu-user-static and libc6-arm64-cross must be there, because the
# functions are built for arm64.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for tool in qemu-aarch64-static node; do
    command -v "$tool" >/dev/null || { echo "FAILED: $tool is missing"; exit 1; }
done
if [ ! -e /usr/aarch64-linux-gnu/lib/libc.so.6 ]; then
    echo "FAILED: libc6-arm64-cross is missing"
    exit 1
fi

source infra/tools.sh
cargo_lambda
tools sam-venv aws-sam-cli==1.170.0 aws-lambda-builders==1.67.0 aws-sam-translator==1.115.0 \
    cfn-lint==1.58.0
tools awscli-venv awscli==1.46.3
tools emulator-venv ministack==1.5.33 aws-sam-translator==1.115.0 boto3==1.43.106 botocore==1.43.106
export SAM_CLI_TELEMETRY=0
sam=target/sam-venv/bin/sam
rustup target add aarch64-unknown-linux-gnu

step() {
    printf '\n-- %s (after %d s)\n' "$1" "$SECONDS"
}

step "sam validate --lint"
"$sam" validate --lint
"$sam" validate --lint --template-file infra/guarded-api.yaml

# The one build of all programs; `sam build`, which asks for them one by one, then finds each of
# them up to date.
step "cargo lambda build --release --arm64"
rm -rf target/lambda .aws-sam
cargo lambda build --release --arm64 --locked

step "sam build"
"$sam" build

step "the emulator"
mkdir -p target/deployment
export PATH="$PWD/target/awscli-venv/bin:$PATH"
target/emulator-venv/bin/python infra/deployment target/emulator-venv/bin/ministack \
    .aws-sam/build target/lambda target/deployment || {
    status=$?
    tail -n 40 target/deployment/emulator.log || true
    exit $status
}
step "done"
