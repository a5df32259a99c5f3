#!/usr/bin/env bash
# What operators do with accounts, a line for each act:
#
#   infra/account.sh register NAME ADMIN_EMAIL [--keys N] [--members N] [LIMITS]
#   infra/account.sh describe ACCOUNT
#   infra/account.sh export ACCOUNT
#   infra/account.sh rename ACCOUNT NAME
#   infra/account.sh set-limits ACCOUNT [--keys N] [--members N] [LIMITS]
#   infra/account.sh suspend ACCOUNT
#   infra/account.sh resume ACCOUNT
#   infra/account.sh add-admin ACCOUNT EMAIL
#   infra/account.sh remove-member ACCOUNT EMAIL [--replaced-by EMAIL]
#   infra/account.sh end-sessions ACCOUNT [EMAIL]
#   infra/account.sh revoke-key ACCOUNT KEY
#
# LIMITS are those of calls, all of them at once: [--per-minute N [--burst N]] [--per-month N]. What
# is left out is no limit; --no-limits takes all of them away.
#
# Options, anywhere:
#   --stack NAME   the stack of the deployment (default: $STACK, else frontdesk)
#   --desk URL     the local desk instead, such as http://localhost:9000
#   --by NAME      who acts, for the trail; not with describe and export, which change nothing
#   --help         this text
#
# remove-admin is another word for remove-member. The last admin goes only with --replaced-by.
#
# Prints the answer, a JSON text; export prints the whole trail, oldest first, an event a line.
# Ends with 1 and says why when it is refused, and with 2 when it is not understood. What each act
# does: docs/operating.md.
set -euo pipefail

help() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"; }
say() { printf '%s\n' "$*" >&2; }
misunderstood() {
    say "$1"
    say "infra/account.sh --help tells what there is."
    exit 2
}

stack=${STACK:-frontdesk} desk='' by='' keys='' members='' replaced_by=''
per_minute='' burst='' per_month='' no_limits=''
words=()
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h)
        help
        exit
        ;;
    --no-limits)
        no_limits=yes
        shift
        ;;
    --stack | --desk | --by | --keys | --members | --per-minute | --burst | --per-month | \
        --replaced-by)
        [ $# -ge 2 ] || misunderstood "$1 needs a value."
        name=${1#--}
        printf -v "${name//-/_}" '%s' "$2"
        shift 2
        ;;
    -*) misunderstood "There is no option $1." ;;
    *)
        words+=("$1")
        shift
        ;;
    esac
done
[ ${#words[@]} -gt 0 ] || { help >&2; exit 2; }
act=${words[0]}

# takes LEAST MOST WHAT: how many words there are behind the act.
takes() {
    local given=$((${#words[@]} - 1))
    [ "$given" -ge "$1" ] && [ "$given" -le "$2" ] || misunderstood "$act takes $3."
}
# A text as JSON has it.
text() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    case $text in
    *[[:cntrl:]]*) misunderstood "A name or an address has no control characters." ;;
    esac
    printf '"%s"' "$text"
}
# field NAME VALUE, number NAME VALUE: one more field of the request, if it has a value.
request=''
field() {
    [ -z "$2" ] && return
    local value
    value=$(text "$2")
    request+="${request:+,}\"$1\":$value"
}
number() {
    case $2 in
    '') return ;;
    *[!0-9]*) misunderstood "A limit is a number, not $2." ;;
    esac
    request+="${request:+,}\"$1\":$2"
}

# --- Sending it

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

output() {
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}
# The value of a field of a problem, which is a text.
told() {
    sed -n "s/.*\"$1\":\"\(\([^\"\\\\]\|\\\\.\)*\)\".*/\1/p" "$work/problem" |
        sed 's/\\\(.\)/\1/g'
}
refused() {
    local why code
    why=$(told detail) code=$(told code)
    say "$act: ${why:-$(cat "$work/problem")}${code:+ ($code)}"
    exit 1
}
# send FUNCTION OUTPUT: the answer to the request is in $work/answer.
send() {
    if [ -n "$desk" ]; then at_desk "$1"; else at_aws "$2"; fi
}
at_desk() {
    local status
    status=$(curl -sS -o "$work/answer" -w '%{http_code}' -H 'content-type: application/json' \
        "${desk%/}/_local/operators/$1" -d "{$request}") ||
        { say "$act: no desk answers at $desk."; exit 1; }
    [ "$status" = 200 ] && return
    cp "$work/answer" "$work/problem"
    refused
}
at_aws() {
    local failed
    [ -n "$function" ] || function=$(output "$1") || { say "$act: see above."; exit 1; }
    if [ -z "$function" ] || [ "$function" = None ]; then
        say "$act: the stack $stack has no output $1."
        exit 1
    fi
    printf '{%s}' "$request" >"$work/request"
    failed=$(aws lambda invoke --function-name "$function" --payload "fileb://$work/request" \
        --output text --query FunctionError "$work/answer") ||
        { say "$act: the function could not be invoked; see above."; exit 1; }
    [ "$failed" = None ] && return
    # The message of the error is a problem, as a text.
    sed 's/\\\(["\\]\)/\1/g' "$work/answer" >"$work/problem"
    refused
}
function=''

# change ACT: one act of change-account on the account.
change() {
    field act "$1"
    field by "$by"
    send change-account ChangeAccountFunction
}
show() {
    cat "$work/answer"
    echo
}

case $act in
describe | export)
    [ -z "$by" ] || misunderstood "$act takes no --by: it changes nothing, so nothing is on record."
    ;;
esac
case $act in
register)
    takes 2 2 "a name and the address of the first admin"
    field name "${words[1]}"
    field admin_email "${words[2]}"
    ;;
describe | export | suspend | resume | set-limits)
    takes 1 1 "the id of an account"
    field account_id "${words[1]}"
    ;;
rename)
    takes 2 2 "the id of an account and its new name"
    field account_id "${words[1]}"
    field name "${words[2]}"
    ;;
add-admin | remove-admin | remove-member)
    takes 2 2 "the id of an account and an address"
    field account_id "${words[1]}"
    field email "${words[2]}"
    ;;
end-sessions)
    takes 1 2 "the id of an account, and perhaps an address"
    field account_id "${words[1]}"
    field email "${words[2]:-}"
    ;;
revoke-key)
    takes 2 2 "the id of an account and of a key"
    field account_id "${words[1]}"
    field key_id "${words[2]}"
    ;;
*) misunderstood "There is no act $act." ;;
esac
number key_limit "$keys"
number member_limit "$members"
if [ -n "$per_minute$burst$per_month" ]; then
    [ -z "$no_limits" ] || misunderstood "Limits of calls are set, or taken away by --no-limits."
    others=$request request=''
    number per_minute "$per_minute"
    number burst "$burst"
    number per_month "$per_month"
    request="$others,\"limits\":{$request}"
elif [ -n "$no_limits" ]; then
    request+=',"limits":null'
fi
field replaced_by "$replaced_by"

case $act in
register)
    field by "$by"
    send register-account RegisterAccountFunction
    ;;
describe) send describe-account DescribeAccountFunction ;;
export)
    whole=$request
    while true; do
        send export-activity ExportActivityFunction
        echo >>"$work/answer"
        # One line, perhaps with a space behind commas and colons; in each object names are in their
        # order, and "action" is an event's first.
        sed -e 's/^{"events": *\[//' -e 's/\], *"next":[^]]*}$//' -e 's/}, *{"action":/}\
{"action":/g' "$work/answer" | sed '/^$/d'
        after=$(sed -n 's/.*"next": *"\([0-9A-Za-z]*\)"}$/\1/p' "$work/answer")
        [ -n "$after" ] || exit 0
        request="$whole,\"after\":\"$after\""
    done
    ;;
set-limits) change set_limits ;;
add-admin) change add_admin ;;
remove-admin | remove-member) change remove_member ;;
end-sessions) change end_sessions ;;
revoke-key) change revoke_key ;;
*) change "$act" ;;
esac
show
