#!/usr/bin/env bash
# Calls a function of a deployed stack with each memory size, and prints what Lambda billed:
#
#     infra/memory.sh FUNCTION EVENT [CALLS]
#
# FUNCTION is its name in AWS, EVENT a file with what it is called with, CALLS how often for each
# size (100). The calls are real: take a key that you have made for it, or an address of your own.
# What has a limit, as codes for an address have, is refused beyond it, and that is measured then.
# They go to the newest, unpublished version, whose size is put back at the end, also by an
# interrupt; what your customers call is a published one and stays as it is.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
function=$1 event=$2 calls=${3:-100}
if [ ! -r "$event" ]; then echo "error: $event cannot be read." >&2 && exit 2; fi
case $calls in
'' | 0* | *[!0-9]*) echo "error: CALLS is a number, $calls is none." >&2 && exit 2 ;;
esac

of_function() { aws lambda "$@" --function-name "$function"; }
set_size() {
    of_function update-function-configuration --memory-size "$1" --query MemorySize --output text \
        >/dev/null
    of_function wait function-updated-v2
}

size_before=$(of_function get-function-configuration --query MemorySize --output text)
work=$(mktemp -d)
finish() {
    status=$?
    trap - EXIT
    set_size "$size_before" || echo "error: put MemorySize back to $size_before by hand." >&2
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

sizes=(128 256 512 1024 1769)
for size in "${sizes[@]}"; do
    set_size "$size"
    for number in $(seq "$calls"); do
        printf '\r%s MB: %s of %s' "$size" "$number" "$calls" >&2
        said=$(of_function invoke --payload "fileb://$event" --log-type Tail \
            --query '[FunctionError, LogResult]' --output text "$work/answer")
        if [ "${said%%[[:space:]]*}" != None ]; then
            printf '\nerror: the function failed:\n' >&2
            cat "$work/answer" >&2
            exit 1
        fi
        printf '%s\n' "${said##*[[:space:]]}" | base64 -d | grep '^REPORT' >>"$work/$size"
    done
    printf '\n' >&2
done

python3 - "$work" "${sizes[@]}" <<'PYTHON'
import pathlib
import re
import statistics
import sys

# US dollars for a GB-second of arm64, in us-east-1.
PRICE = 0.0000133334
ROW = "{:>5} {:>9} {:>9} {:>9} {:>9} {:>14}"

print(ROW.format("MB", "start ms", "p50 ms", "p99 ms", "billed ms", "dollars/million"))
for size in sys.argv[2:]:
    reports = pathlib.Path(sys.argv[1], size).read_text().splitlines()

    def figures(name, of):
        found = (re.search(rf"(?:^|\t){name}: ([0-9.]+) ms", report) for report in of)
        return [float(figure[1]) for figure in found if figure]

    starts = figures("Init Duration", reports)
    warm = [report for report in reports if "Init Duration" not in report] or reports
    taken, billed = sorted(figures("Duration", warm)), figures("Billed Duration", warm)
    mean = statistics.mean(billed)
    print(
        ROW.format(
            size,
            f"{statistics.median(starts):.1f}" if starts else "-",
            f"{statistics.median(taken):.1f}",
            f"{taken[round(0.99 * (len(taken) - 1))]:.1f}",
            f"{mean:.1f}",
            f"{mean / 1000 * int(size) / 1024 * PRICE * 1e6:.3f}",
        )
    )
PYTHON
