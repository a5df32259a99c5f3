#!/usr/bin/env bash
# Goes through what only AWS itself can show of a deployment, and changes nothing:
#
#   infra/first-deployment-check.sh STACK
#
# Needs the AWS CLI with the credentials and the region of the stack, curl, and Python 3. Each line
# begins with what was found: `ok`, `LOOK` (with what to do; the script then ends with 1), or `-`
# (cannot be seen with these credentials, or from here). What every line is for:
# docs/operating.md, "What only AWS can show".
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
stack=${1:?the name of the stack}
looks=0

ok() { printf 'ok    %s\n' "$1"; }
unseen() { printf -- '-     %s: cannot be seen from here\n' "$1"; }
look() {
    printf 'LOOK  %s\n      %s\n' "$1" "$2"
    looks=$((looks + 1))
}
# expect WHAT EXPECTED FOUND WHAT_TO_DO. Nothing found is not seen.
expect() {
    case "$3" in
    "" | None) unseen "$1" ;;
    "$2") ok "$1" ;;
    *) look "$1: $3" "$4" ;;
    esac
}
# ask SERVICE COMMAND ... QUERY: one text, or nothing if it cannot be asked.
ask() {
    aws "${@:1:$#-1}" --query "${*: -1}" --output text 2>>"$errors" || true
}
# The status of an answer; nothing if there is none.
status() {
    local found
    found=$(curl -sS --max-time 20 -o "$answer" -D "$headers" -w '%{http_code}' "$@" 2>>"$errors")
    if [ "$found" != 000 ]; then printf '%s' "$found"; fi
}
header() { sed -n "s/^$1: *//Ip" "$headers" | tr -d '\r'; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
errors="$work/errors"
answer="$work/answer"
headers="$work/headers"

described=$(aws cloudformation describe-stacks --stack-name "$stack" --output json 2>"$errors") || {
    cat "$errors" >&2
    echo "$stack cannot be described: is it in this region, and are these its credentials?" >&2
    exit 2
}
# of Outputs|Parameters NAME
of() {
    printf '%s' "$described" | python3 -c '
import json, sys
kind, name = sys.argv[1:]
for pair in json.load(sys.stdin)["Stacks"][0].get(kind) or []:
    if pair[kind[:-1] + "Key"] == name:
        print(pair[kind[:-1] + "Value"])' "$1" "$2"
}
resources=$(aws cloudformation list-stack-resources --stack-name "$stack" --output text \
    --query 'StackResourceSummaries[].[LogicalResourceId, PhysicalResourceId]' 2>>"$errors")
# id LOGICAL_ID: what it is called in this AWS account.
id() { printf '%s\n' "$resources" | awk -F '\t' -v id="$1" '$1 == id { print $2 }'; }
account=$(ask sts get-caller-identity Account)
region=$(of Outputs ApiEndpoint | cut -d . -f 3)
table=$(of Outputs TableName)
sender=$(of Parameters MailFrom)

echo "-- The stack"
status_of_stack=$(ask cloudformation describe-stacks --stack-name "$stack" 'Stacks[0].StackStatus')
case "$status_of_stack" in
CREATE_COMPLETE | UPDATE_COMPLETE) ok "the stack is $status_of_stack" ;;
*) look "the stack is $status_of_stack" "see docs/operating.md, When the first deployment fails" ;;
esac
expect "mails and browsers go to where the console is" "$(of Outputs ConsoleUrl)" \
    "$(of Parameters ConsoleOrigin)" "deploy with ConsoleOrigin=$(of Outputs ConsoleUrl)"

echo "-- What is stored"
expect "the table cannot be deleted by mistake" True \
    "$(ask dynamodb describe-table --table-name "$table" Table.DeletionProtectionEnabled)" \
    "aws dynamodb update-table --table-name $table --deletion-protection-enabled"
recovery=ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus
expect "the table keeps its last 35 days" ENABLED "$(ask dynamodb describe-continuous-backups \
    --table-name "$table" $recovery)" "deploy again: the template asks for it"
expect "old rows go" ENABLED "$(ask dynamodb describe-time-to-live --table-name "$table" \
    TimeToLiveDescription.TimeToLiveStatus)" "deploy again: the template asks for it"

echo "-- The functions"
# configuration FUNCTION VERSION
configuration() {
    ask lambda get-function-configuration --function-name "$(id "$1")" --qualifier "$2" \
        '[CodeSha256, Timeout, MemorySize, TracingConfig.Mode, to_string(Environment.Variables)]'
}
functions=$(awk '/^  [A-Za-z]+:$/ { id = substr($1, 1, length($1) - 1) }
    /Type: AWS::Serverless::Function/ { print id }' template.yaml)
seen="" behind=""
for function in $functions; do
    called=$(configuration "$function" live)
    seen=${seen:-$called}
    [ "$called" = "$(configuration "$function" "\$LATEST")" ] || behind="$behind $function"
done
expect "everybody calls the code and the settings that were deployed last" "all" \
    "${seen:+all$behind}" "deploy again, with another Description of these functions"
deployed=$(ask apigatewayv2 get-routes --api-id "$(id Api)" 'length(Items)')
expect "the gateway has every route of the template" \
    "$(grep -c '^            Path: ' template.yaml)" "$deployed" \
    "aws apigatewayv2 get-routes --api-id $(id Api), and compare with template.yaml"
expect "a call without a session gets a problem of ours" 401 \
    "$(status "$(of Outputs ApiEndpoint)/api/session")" "the log of get-session says why"
printf '{"headers":{"x-api-key":"nobody"},"version":"2.0","type":"REQUEST"}' >"$work/event"
aws lambda invoke --function-name "$(of Outputs AuthorizeKeyArn)" \
    --payload "fileb://$work/event" "$answer" >"$work/invoked" 2>>"$errors" || : >"$answer"
refused=$(grep -qE '"isAuthorized": *false|"Effect": *"Deny"' "$answer" && echo refused)
expect "the authorizer refuses a key that is none" refused "${refused:-$(cat "$answer")}" \
    "the log of authorize-key says why"

echo "-- Permissions"
# simulate FUNCTION ACTION RESOURCE CONTEXT...
simulate() {
    ask iam simulate-principal-policy --policy-source-arn \
        "arn:aws:iam::$account:role/$(id "$1Role")" --action-names "$2" --resource-arns "$3" \
        --context-entries "${@:4}" 'EvaluationResults[0].EvalDecision'
}
rows="ContextKeyName=dynamodb:LeadingKeys,ContextKeyType=stringList"
arn="arn:aws:dynamodb:$region:$account:table/$table"
for pair in VerifyCode:UpdateItem InviteMember:PutItem RegisterAccount:PutItem; do
    expect "${pair%:*} may change rows of both kinds in one transaction" allowed \
        "$(simulate "${pair%:*}" "dynamodb:${pair#*:}" "$arn" \
            "$rows,ContextKeyValues=ADDR#a,ACCT#b")" \
        "look for AccessDenied in its log after a login, an invitation, a registration"
done
from="ContextKeyName=ses:FromAddress,ContextKeyType=string,ContextKeyValues=$sender"
for resource in "identity/$sender" configuration-set/any; do
    expect "deliver-mail may send by ${resource%/*}" allowed "$(simulate DeliverMail \
        ses:SendEmail "arn:aws:ses:$region:$account:$resource" "$from")" \
        "look at the role of deliver-mail"
done
denied=""
for group in $(printf '%s\n' "$resources" | awk -F '\t' '$1 ~ /Logs$/ { print $2 }'); do
    found=$(ask logs filter-log-events --log-group-name "$group" --filter-pattern AccessDenied \
        --start-time "$((($(date +%s) - 3600) * 1000))" --limit 1 'length(events)')
    case "$found" in 0 | "" | None) ;; *) denied="$denied $group" ;; esac
done
expect "nothing was denied to a function in the last hour" "ok" "ok$denied" \
    "the lines with AccessDenied name the action and the resource"

echo "-- Mail"
sending=""
for identity in "$sender" "${sender#*@}"; do
    found=$(ask sesv2 get-email-identity --email-identity "$identity" VerifiedForSendingStatus)
    if [ "$found" = True ]; then sending=True; fi
    sending=${sending:-$found}
done
expect "SES knows $sender" True "$sending" \
    "aws sesv2 create-email-identity --email-identity ${sender#*@}"
expect "SES lets mail out of this AWS account" True "$(ask sesv2 get-account SendingEnabled)" \
    "SES's console says why it was paused"
expect "strangers get mail" True "$(ask sesv2 get-account ProductionAccessEnabled)" \
    "see docs/operating.md, Leaving the SES sandbox"

echo "-- Streams and room"
room=$(ask lambda get-account-settings AccountLimit.ConcurrentExecutions)
lanes=$(of Parameters StreamConcurrency)
needed=$((8 * ${lanes:-1} + 2))
case "$room" in
"" | None) unseen "room for the workers and the key check" ;;
*)
    if [ "$room" -lt "$needed" ]; then
        look "$room concurrent executions, and the stream's workers may take $((needed - 2))" \
            "deploy with StreamConcurrency=1, and ask for more"
    elif [ "$room" -lt 100 ]; then
        look "$room concurrent executions for everything in this region" \
            "ask for more: docs/operating.md, First deployment, step 1"
    else
        ok "$room concurrent executions"
    fi
    ;;
esac
for function in DeliverMail ProvisionSandbox; do
    uuid=$(id "${function}Committed")
    expect "the trigger of $function is on" Enabled \
        "$(ask lambda get-event-source-mapping --uuid "$uuid" State)" \
        "aws lambda update-event-source-mapping --uuid $uuid --enabled"
    expect "it counts what it reads" EventCount \
        "$(ask lambda get-event-source-mapping --uuid "$uuid" 'MetricsConfig.Metrics[0]')" \
        "deploy again: the template asks for it"
done

echo "-- The console"
console=$(of Outputs ConsoleUrl)
expect "the console is there" 200 "$(status -H 'accept: text/html' "$console/")" \
    "infra/upload-console.sh $stack"
first=$(status "$console/api/no-such-path" && printf ' ' && header x-request-id)
second=$(status "$console/api/no-such-path" && printf ' ' && header x-request-id)
case "$first/$second" in
404\ *)
    if [ "$first" = "$second" ]; then
        look "CloudFront hands one person's error to the next" "CustomErrorResponses of Console"
    else
        ok "CloudFront keeps no error"
    fi
    ;;
*) unseen "CloudFront keeps no error" ;;
esac

echo "-- Alarms"
topic=$(of Outputs AlarmTopicArn)
# ours STATE: how many alarms of this stack are in a state.
ours() {
    ask cloudwatch describe-alarms --alarm-name-prefix "$stack-" \
        "length(MetricAlarms[?AlarmActions[?@=='$topic'] && contains('$1', StateValue)])"
}
expect "every alarm is there, and tells somebody" \
    "$(grep -c 'Type: AWS::CloudWatch::Alarm' template.yaml)" \
    "$(ours "OK ALARM INSUFFICIENT_DATA")" "deploy again: the template asks for them"
expect "no alarm is on" 0 "$(ours ALARM)" "see docs/operating.md, Alarms"
case "$(ask sns list-subscriptions-by-topic --topic-arn "$topic" \
    'Subscriptions[].SubscriptionArn')" in
*PendingConfirmation*) look "a subscription waits to be confirmed" "click the link in its mail" ;;
*arn:*) ok "somebody is subscribed to the alarms" ;;
*) look "nobody is subscribed to the alarms" "deploy with AlarmEmail, or subscribe to the topic" ;;
esac

if [ "$looks" -gt 0 ]; then
    printf '%d to look at.\n' "$looks"
    exit 1
fi
echo "Nothing to look at."
