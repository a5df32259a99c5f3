#!/usr/bin/env bash
# Changes the source in one place at a time (cargo-mutants), and shows that a test notices: of
# domain its own unit tests; of store, edge and functions theirs and the simulation at its quick
# size, and where these notice nothing, the tests of `it`. What no test could notice, and why, is in
# .cargo/mutants.toml.
#
# It tries what changed since the commit MUTANTS_BASE, else since main or the commit before, for
# MUTANTS_SECONDS, or ten minutes, at most. `--long`, or PROOFS=long, is domain whole, each
# condition and decision of store, and what tests/mutants/list.rs has: two days. The files are
# changed in place; they are as they were when it ends, also by an interrupt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

long=0
if [ "${1:-}" = --long ] || [ "${PROOFS:-}" = long ]; then long=1; fi

source infra/tools.sh
cargo_tool cargo-mutants 27.1.0
cargo_mutants=target/ci-tools/bin/cargo-mutants
work=target/mutation
rm -rf "$work"
mkdir -p "$work"
began=$SECONDS
most=${MUTANTS_SECONDS:-600}

# What shows a change need not be as small as it gets.
export PROPTEST_CASES=64 PROPTEST_MAX_SHRINK_ITERS=0 PROPTEST_FAILURE_PERSISTENCE=off
export PROOFS=quick CARGO_INCREMENTAL=1
# Not for judges: what tries the same once more, and what looks at the source, where a changed line
# may be too long.
skipped=(--skip=without_any_one_rule --skip=the_same_choices --skip=where_clocks_differ
    --skip=not_all_goes_well --skip=an_outage_says_of_a_ --skip=tidy:: --skip=imports::)

# since: the commit that is compared with, if there is one.
since() {
    local commit
    for commit in "${MUTANTS_BASE:-}" "$(git merge-base HEAD origin/main 2>/dev/null)" HEAD~1; do
        commit=$(git rev-parse --verify --quiet "$commit^{commit}") || continue
        if [ "$commit" != "$(git rev-parse HEAD)" ]; then echo "$commit" && return; fi
    done
}

# lines FILE: how many it has.
lines() { wc -l <"$1"; }

# timed SECONDS COMMAND...: interrupts it when so many have passed since the beginning (124), or
# does not begin (125). For the long size there is as much time as it takes.
timed() {
    local left=$((long ? 0 : $1 - SECONDS + began))
    if [ $long -eq 0 ] && [ $left -le 0 ]; then return 125; fi
    timeout --foreground --signal=INT $left "${@:2}"
}

noticed=0 missed=0 untried=0

# hold PACKAGES SECONDS JUDGE... -- CHOICE...: the mutants of these packages that the options of
# cargo-mutants choose are judged by the tests that cargo's options choose, those that an earlier
# judge noticed left out, until so many seconds have passed.
hold() {
    local packages=() out="$work/${1// /-}" until=$2 judge=() status=0
    for package in $1; do packages+=("--package=frontdesk-$package"); done
    shift 2
    while [ "$1" != -- ]; do judge+=("$1") && shift; done
    shift
    local options=(--iterate --output="$out" "${packages[@]}" "$@")
    mkdir -p "$out"
    "$cargo_mutants" mutants --list "${options[@]}" >"$out/list"
    untried=$(lines "$out/list") missed=0
    : >"$out/missed"
    if [ "$untried" -eq 0 ]; then return; fi
    # First it tries the source as it is: a test that fails anyway would notice everything.
    # At an interrupt it puts back what it has changed, and ends.
    timed "$until" "$cargo_mutants" mutants "${options[@]}" --in-place --timeout=1200 \
        --cargo-arg=--locked "${judge[@]/#/--cargo-arg=}" -- -- "${skipped[@]}" ||
        status=$?
    # 2 and 3: some were missed, or never ended.
    case $status in 0 | 2 | 3 | 124) ;; 125) return ;; *) exit $status ;; esac
    cp "$out/mutants.out/missed.txt" "$out/missed"
    missed=$(lines "$out/missed")
    # What never ends is noticed.
    cat "$out/mutants.out/timeout.txt" >>"$out/mutants.out/caught.txt"
    local caught
    caught=$(lines "$out/mutants.out/caught.txt")
    noticed=$((noticed + caught))
    untried=$((untried - missed - caught - $(lines "$out/mutants.out/unviable.txt")))
}

chosen=()
others="store"
if [ $long -eq 0 ]; then
    base=$(since)
    if [ ! "$base" ]; then
        echo "NOT CHECKED: there is no commit before this one here to compare it with."
        exit
    fi
    git diff "$base" -- shared functions >"$work/diff"
    chosen=(--in-diff="$work/diff")
    others="store edge functions"
fi

hold domain $((most / 3)) --lib -- "${chosen[@]}"
survivors=$missed later=$untried
# By their names: changes of operators and conditions, and of what answers yes or no.
chosen+=(--re=': (delete|replace (match guard|[^\w\s]+ with))|-> (bool|Result<bool.*>) with')
hold "$others" $((most * 2 / 3)) --package=frontdesk-tests --lib --test=simulation -- "${chosen[@]}"
hold "$others" "$most" --package=frontdesk-tests --test=it -- "${chosen[@]}"
survivors=$((survivors + missed)) later=$((later + untried))

if [ $later -gt 0 ]; then
    echo "Time was up. Not tried, or not by the tests of \`it\`: $later"
fi
if [ $survivors -gt 0 ]; then
    echo "No test noticed these changes:"
    cat "$work"/*/missed
    exit 1
fi
if [ $noticed -gt 0 ]; then
    printf '\nproof\tNo change of a decision goes unnoticed\t%s\t0\t0\t%s of %s\n' \
        $noticed $noticed $noticed
elif [ $later -eq 0 ]; then
    echo "Nothing there has changed that could be changed again."
fi
if [ $long -eq 1 ]; then
    env -u PROOFS cargo test --quiet --locked -p frontdesk-tests --test mutants -- --nocapture
fi
