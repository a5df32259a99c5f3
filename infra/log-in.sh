# shellcheck shell=bash
# To be sourced: how a script logs in at a desk.

# call OPTION...: a request whose body is JSON.
call() { curl -sS -H 'content-type: application/json' "$@"; }

# field NAME <<< JSON: the text of one field.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# log_in API DESK: what the API answers to the first account's admin, who logs in with the code
# from the desk's inbox and asks for the session's token.
log_in() {
    local challenge code="" _
    call -o /dev/null -X DELETE "$2/_local/mail"
    challenge=$(call "$1/api/login/code" -d '{"email":"admin@example.com","accept_terms":true}' |
        field challenge)
    for _ in $(seq 100); do
        code=$(call "$2/_local/mail" | sed -n 's/^.*"code":"\([0-9]*\)".*$/\1/p')
        [ -n "$code" ] && break
        sleep 0.1
    done
    call "$1/api/login/verify" \
        -d "{\"challenge\":\"$challenge\",\"code\":\"$code\",\"session\":\"bearer\"}"
}
