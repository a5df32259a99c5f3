#!/usr/bin/env bash
# Goes through what only AWS itself can show of a deployment, and changes nothing:
#
#   infra/first-deployment-check.sh STACK
#
# Needs the AWS CLI with the credentials and the region of the stack, curl, and Python 3. Each line
# begins with what was found: `ok`, `LOOK` (with what to do), or `-` (cannot be seen from here, or
# with these credentials). Ends with 1 when there is something to look at, else with 3 when
# something could not be seen. What every line is for: docs/operating.md, "What only AWS can show".
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
stack=${1:?the name of the stack}
looks=0 unseen=0

ok() { printf 'ok    %s\n' "$1"; }
unseen() {
    printf -- '-     %s: cannot be seen from here\n' "$1"
    unseen=$((unseen + 1))
}
look() {
    printf 'LOOK  %s\n      %s\n' "$1" "$2"
    looks=$((looks + 1))
}
# expect WHAT EXPECTED FOUND WHAT_TO_DO
expect() {
    case "$3" in
    "?" | "") unseen "$1" ;;
    "$2") ok "$1" ;;
    *) look "$1: $3" "$4" ;;
    esac
}
# ask SERVICE COMMAND ... QUERY: a text; `missing` when there is no such thing, `?` when it cannot
# be asked.
ask() {
    if aws "${@:1:$#-1}" --query "${*: -1}" --output text >"$work/asked" 2>"$errors"; then
        cat "$work/asked"
    elif grep -qE 'NotFound|NoSuch|does not exist' "$errors"; then
        printf 'missing'
    else
        printf '?'
    fi
}
# count SERVICE COMMAND ... QUERY: how many words are told, on however many pages.
count() {
    local found
    found=$(ask "$@")
    case "$found" in
    "?" | missing) printf '%s' "$found" ;;
    *) printf '%s' "$found" | grep -v '^None$' | wc -w | tr -d ' ' ;;
    esac
}
# The status of an answer over HTTP.
status() {
    curl -sS --max-time 20 -o "$answer" -D "$headers" -w '%{http_code}' "$@" 2>"$errors" |
        sed 's/^000$/no answer/'
}
header() { sed -n "s/^$1: *//Ip" "$headers" | tr -d '\r'; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
errors="$work/errors" answer="$work/answer" headers="$work/headers"

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
resources=$(ask cloudformation list-stack-resources --stack-name "$stack" \
    'StackResourceSummaries[].[LogicalResourceId, PhysicalResourceId]')
# id LOGICAL_ID: what it is called in this AWS account.
id() { printf '%s\n' "$resources" | awk -F '\t' -v id="$1" '$1 == id { print $2 }'; }
account=$(ask sts get-caller-identity Account)
partition=$(ask sts get-caller-identity Arn | cut -d : -f 2)
region=$(of Outputs ApiEndpoint | cut -d . -f 3)
table=$(of Outputs TableName)
sender=$(of Parameters MailFrom)

echo "-- The stack"
state=$(ask cloudformation describe-stacks --stack-name "$stack" 'Stacks[0].StackStatus')
case "$state" in
CREATE_COMPLETE | UPDATE_COMPLETE) ok "the stack is complete" ;;
*) look "the stack is $state" "see docs/operating.md, When the first deployment fails" ;;
esac
expect "mails and browsers go to where the console is" "$(of Outputs ConsoleUrl)" \
    "$(of Parameters ConsoleOrigin)" "deploy with ConsoleOrigin=$(of Outputs ConsoleUrl)"

echo "-- What is stored"
retained=$(aws cloudformation get-template --stack-name "$stack" --template-stage Processed \
    --query TemplateBody --output json 2>"$errors" | python3 -c '
import json, sys
body = json.load(sys.stdin)
resources = (body if isinstance(body, dict) else json.loads(body))["Resources"]
stored = ["Table", "LoginSecret", "SealingSecret", "FailedRecords"]
print(*sorted({resources[name].get("DeletionPolicy", "Delete") for name in stored}))' 2>/dev/null)
expect "what is stored outlives the stack" RetainExceptOnCreate "${retained:-?}" \
    "deploy again: the template asks for it"
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
behind=all
for function in $functions; do
    called=$(configuration "$function" live)
    if [ "$called" = "?" ]; then behind="?" && break; fi
    [ "$called" = "$(configuration "$function" "\$LATEST")" ] || behind="not $function"
done
expect "everybody calls the code and the settings that were deployed last" all "$behind" \
    "deploy again, with another Description of this function"
expect "the gateway has every route of the template" \
    "$(grep -c '^            Path: ' template.yaml)" \
    "$(count apigatewayv2 get-routes --api-id "$(id Api)" 'Items[].RouteId')" \
    "aws apigatewayv2 get-routes --api-id $(id Api), and compare with template.yaml"
expect "a call without a session gets a problem of ours" 401 \
    "$(status "$(of Outputs ApiEndpoint)/api/session")" "the log of get-session says why"
printf '{"version":"2.0","type":"REQUEST","routeArn":"%s","headers":{"x-api-key":"nobody"}}' \
    "arn:$partition:execute-api:$region:$account:check/\$default/POST/check" >"$work/event"
: >"$answer"
aws lambda invoke --function-name "$(of Outputs AuthorizeKeyArn)" --payload "fileb://$work/event" \
    "$answer" >"$work/invoked" 2>"$errors" || cp "$errors" "$answer"
refused=$(grep -qE '"isAuthorized": *false|"Effect": *"Deny"' "$answer" && echo refused)
expect "the authorizer refuses a key that is none" refused "${refused:-$(tr '\n' ' ' <"$answer")}" \
    "the log of authorize-key says why"

expect "the key check over HTTP refuses who has no key" 403 "$(status "$(of Outputs CheckUrl)")" \
    "the log of check-key says why"

echo "-- Permissions"
# simulate FUNCTION ACTION RESOURCE CONTEXT...
simulate() {
    ask iam simulate-principal-policy --policy-source-arn \
        "arn:$partition:iam::$account:role/$(id "$1Role")" --action-names "$2" \
        --resource-arns "$3" --context-entries "${@:4}" 'EvaluationResults[0].EvalDecision'
}
keys="ContextKeyName=dynamodb:LeadingKeys,ContextKeyType=stringList"
rows="arn:$partition:dynamodb:$region:$account:table/$table"
for pair in VerifyCode:UpdateItem InviteMember:PutItem RegisterAccount:PutItem \
    ChangeAccount:DeleteItem; do
    expect "${pair%:*} may change rows of both kinds in one transaction" allowed \
        "$(simulate "${pair%:*}" "dynamodb:${pair#*:}" "$rows" \
            "$keys,ContextKeyValues=ADDR#a,ACCT#b")" "look at the role of ${pair%:*}"
done
expect "create-key may add to the trail beside its own rows" allowed "$(simulate CreateKey \
    dynamodb:PutItem "$rows" "$keys,ContextKeyValues=ACCT#a,AUDIT#a")" \
    "look at the role of create-key"
reached=nobody
for function in $functions; do
    actions=(dynamodb:{GetItem,ConditionCheckItem,UpdateItem,DeleteItem})
    case $function in
    ListActivity | DescribeAccount | ExportActivity) ;;
    *) actions+=(dynamodb:{Query,BatchGetItem}) ;;
    esac
    case "$(count iam simulate-principal-policy --policy-source-arn \
        "arn:$partition:iam::$account:role/$(id "${function}Role")" --resource-arns "$rows" \
        --action-names "${actions[@]}" \
        --context-entries "$keys,ContextKeyValues=AUDIT#a" \
        "EvaluationResults[?EvalDecision=='allowed'].EvalActionName")" in
    0) ;;
    "?" | missing) reached="?" && break ;;
    *) reached=$function ;;
    esac
done
expect "nobody may change the trail, or read it who does not tell of it" nobody "$reached" \
    "look at the role of $reached"
from="ContextKeyName=ses:FromAddress,ContextKeyType=string,ContextKeyValues=$sender"
for resource in "identity/$sender" "configuration-set/$(id MailConfigurationSet)"; do
    expect "deliver-mail may send by ${resource%/*}" allowed "$(simulate DeliverMail \
        ses:SendEmail "arn:$partition:ses:$region:$account:$resource" "$from")" \
        "look at the role of deliver-mail"
done
# A regular expression, for a term would have to be a whole word.
denied=nowhere
for group in $(printf '%s\n' "$resources" | awk -F '\t' '$1 ~ /Logs$/ { print $2 }'); do
    case "$(count logs filter-log-events --log-group-name "$group" --max-items 1 \
        --filter-pattern '%AccessDenied%' --start-time "$((($(date +%s) - 3600) * 1000))" \
        'events[].eventId')" in
    0) ;;
    "?" | missing) denied="?" && break ;;
    *) denied="in $group" ;;
    esac
done
expect "nothing was denied to a function in the last hour" nowhere "$denied" \
    "the lines with AccessDenied name the action and the resource"

echo "-- Mail"
known=$(ask sesv2 get-email-identity --email-identity "$sender" VerifiedForSendingStatus)
if [ "$known" != True ]; then
    known=$(ask sesv2 get-email-identity --email-identity "${sender#*@}" VerifiedForSendingStatus)
fi
expect "SES knows the sender" True "$known" \
    "aws sesv2 create-email-identity --email-identity ${sender#*@}"
expect "SES lets mail out of this AWS account" True "$(ask sesv2 get-account SendingEnabled)" \
    "SES's console says why it was paused"
expect "strangers get mail" True "$(ask sesv2 get-account ProductionAccessEnabled)" \
    "see docs/operating.md, Leaving the SES sandbox"

echo "-- Streams and room"
room=$(ask lambda get-account-settings AccountLimit.ConcurrentExecutions)
lanes=$(of Parameters StreamConcurrency)
workers=$((8 * ${lanes:-1}))
if ! [ "$room" -ge 0 ] 2>/dev/null; then
    unseen "there is room for the workers and the key check"
elif [ "$room" -le "$workers" ]; then
    look "$room concurrent executions, and the stream's workers may take $workers" \
        "deploy with StreamConcurrency=1, and ask for more"
elif [ "$room" -lt 100 ]; then
    look "$room concurrent executions for everything in this region" \
        "ask for more: docs/operating.md, First deployment, step 1"
else
    ok "there is room for the workers and the key check"
fi
for function in DeliverMail ProvisionSandbox; do
    uuid=$(id "${function}Committed")
    expect "the trigger of $function is on" Enabled \
        "$(ask lambda get-event-source-mapping --uuid "$uuid" State)" \
        "aws lambda update-event-source-mapping --uuid $uuid --enabled"
    expect "the trigger of $function counts what it reads" EventCount \
        "$(ask lambda get-event-source-mapping --uuid "$uuid" 'MetricsConfig.Metrics[0]')" \
        "deploy again: the template asks for it"
done

echo "-- The console"
console=$(of Outputs ConsoleUrl)
expect "the console is there" 200 "$(status -H 'accept: text/html' "$console/")" \
    "infra/upload-console.sh $stack"
first="$(status "$console/api/no-such-path") $(header x-request-id)"
second="$(status "$console/api/no-such-path") $(header x-request-id)"
case "$first" in
"404 "?*) expect "CloudFront keeps no error" "another answer" \
    "$([ "$first" = "$second" ] && echo "the same answer" || echo "another answer")" \
    "look at CustomErrorResponses of Console" ;;
*) unseen "CloudFront keeps no error" ;;
esac

echo "-- Alarms"
topic=$(of Outputs AlarmTopicArn)
# alarms STATE...: how many of this stack are in one of these states.
alarms() {
    count cloudwatch describe-alarms --alarm-name-prefix "$stack-" \
        "MetricAlarms[?AlarmActions[?@=='$topic'] && contains('$*', StateValue)].AlarmName"
}
expect "every alarm is there, and tells somebody" \
    "$(grep -c 'Type: AWS::CloudWatch::Alarm' template.yaml)" \
    "$(alarms OK ALARM INSUFFICIENT_DATA)" "deploy again: the template asks for them"
expect "no alarm is on" 0 "$(alarms ALARM)" "see docs/operating.md, Alarms"
case "$(ask sns list-subscriptions-by-topic --topic-arn "$topic" \
    'Subscriptions[].SubscriptionArn')" in
*PendingConfirmation*) look "a subscription waits to be confirmed" "click the link in its mail" ;;
*arn:*) ok "somebody is subscribed to the alarms" ;;
"?") unseen "somebody is subscribed to the alarms" ;;
*) look "nobody is subscribed to the alarms" "deploy with AlarmEmail, or subscribe to the topic" ;;
esac

printf '%d to look at, %d that could not be seen.\n' "$looks" "$unseen"
if [ "$looks" -gt 0 ]; then exit 1; fi
if [ "$unseen" -gt 0 ]; then exit 3; fi
