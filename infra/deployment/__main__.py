"""`python infra/deployment PROGRAM BUILT CARGO WORK`: what SAM built, checked, deployed and used.

It is deployed into an emulator. PROGRAM is ministack, BUILT what `sam build` made, CARGO what
`cargo lambda build` made, WORK a folder for logs.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import artefacts
import journey
import permissions
from check import Failed, expect, ok
from emulator import Emulator
from stack import BUCKET, ROOT, Stack, functions, translate

# What infra/first-deployment-check.sh finds to be right in the emulator ...
SEEN_IN_THE_EMULATOR = [
    "the stack is complete",
    "everybody calls the code and the settings that were deployed last",
    "the gateway has every route of the template",
    "what is stored outlives the stack",
    "a call without a session gets a problem of ours",
    "the authorizer refuses a key that is none",
    "deliver-mail may send by configuration-set",
    "the trigger of DeliverMail is on",
    "every alarm is there, and tells somebody",
    "somebody is subscribed to the alarms",
]
# ... and what not: here is no console, nobody protected the table, and the emulator keeps neither
# recovery nor expiry of a table, counts nothing of triggers, knows no leading keys, and has another
# list of identities for the newer SES.
LEFT_TO_THE_OPERATOR = {
    "mails and browsers go to where the console is",
    "the table cannot be deleted by mistake",
    "the table keeps its last 35 days",
    "old rows go",
    "VerifyCode may change rows of both kinds in one transaction",
    "InviteMember may change rows of both kinds in one transaction",
    "RegisterAccount may change rows of both kinds in one transaction",
    "ChangeAccount may change rows of both kinds in one transaction",
    "create-key may add to the trail beside its own rows",
    "SES knows the sender",
    "the trigger of DeliverMail counts what it reads",
    "the trigger of ProvisionSandbox counts what it reads",
    "the console is there",
}


def main(program, built, cargo, work):
    template = built / "template.yaml"
    binaries = functions(translate(template))
    programs = artefacts.check(binaries, built, cargo)
    with Emulator(program, work) as emulator:
        emulator.client("s3").create_bucket(Bucket=BUCKET)
        emulator.client("ses").verify_domain_identity(Domain="example.com")

        frontdesk = Stack(emulator, "frontdesk", template, programs)
        frontdesk.deploy(
            ConsoleOrigin="https://desk.example.com",
            MailFrom="login@example.com",
            # Everybody here is in one network.
            NetworkCodeLimit="100000",
            AlarmEmail="operators@example.com",
        )
        guarded = {
            kind: Stack(emulator, f"guarded-{kind}", ROOT / "infra/guarded-api.yaml")
            for kind in ("http", "rest")
        }
        for kind, stack in guarded.items():
            stack.deploy(AuthorizeKeyArn=frontdesk.outputs["AuthorizeKeyArn"], Kind=kind)
        # Sandbox keys are validated against the guarded API, which asks Frontdesk about them.
        url = urlsplit(guarded["http"].outputs["Url"])
        api = f"http://localhost:{emulator.port}/_aws/execute-api/{url.hostname.split('.')[0]}"
        frontdesk.deploy(ProductApiUrl=f"{api}/$default{url.path}")

        world = journey.World(emulator, frontdesk, guarded)
        versions = {function: world.version(logical) for logical, function in binaries.items()}
        new = {function for function, version in versions.items() if version != "1"}
        expect(
            "a changed setting makes a new version of the functions that have it",
            {"provision-sandbox", "test-sandbox"},
            new,
        )
        admin = journey.from_login_to_key(world)
        journey.invitation(world, admin)
        journey.the_rest(world, admin)
        operators_script(emulator, frontdesk.name, admin.account)
        journey.sweep(world, permissions.lose_login_event(world, permissions.Permissions(world)))
        first_deployment_check(emulator, frontdesk.name)
        permissions.check(world, binaries)


def operators_script(emulator, stack, account):
    """What an operator runs against AWS: an answer, an export, and a refusal in words."""

    def run(*words):
        return subprocess.run(
            [ROOT / "infra/account.sh", "--stack", stack, *words],
            env={**os.environ, **emulator.credentials(), "AWS_ENDPOINT_URL": emulator.url},
            capture_output=True,
            text=True,
            check=False,
        )

    described = run("describe", account)
    if described.returncode:
        raise Failed(f"infra/account.sh describe: {described.stderr}")
    told = json.loads(described.stdout)["account"]["id"]
    expect("infra/account.sh describes an account", account, told)
    events = [json.loads(line) for line in run("export", account).stdout.splitlines()]
    expect("infra/account.sh exports a trail", "account_created", events[0]["action"])
    refused = run("suspend", "acct_000000000000")
    in_words = refused.returncode == 1 and "There is no account with this id." in refused.stderr
    expect("infra/account.sh says why something is refused", True, in_words)


def first_deployment_check(emulator, stack):
    """What an operator runs against AWS, as far as the emulator carries.

    It may not know something. What it knows is right, and what is missing here is named.
    """
    environment = {**os.environ, **emulator.credentials(), "AWS_ENDPOINT_URL": emulator.url}
    ran = subprocess.run(
        [ROOT / "infra/first-deployment-check.sh", stack],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    print(ran.stdout, ran.stderr, sep="")
    found = {line[6:] for line in ran.stdout.splitlines() if line.startswith("ok ")}
    for what in SEEN_IN_THE_EMULATOR:
        expect(f"the check of a first deployment sees that {what}", True, what in found)
    looks = [line[6:] for line in ran.stdout.splitlines() if line.startswith("LOOK ")]
    looked_at = {look.split(": ")[0] for look in looks}
    expect("it finds what is not done here", LEFT_TO_THE_OPERATOR, looked_at)


if __name__ == "__main__":
    started = time.monotonic()
    try:
        main(*(Path(argument).absolute() for argument in sys.argv[1:]))
    except Failed as failed:
        sys.exit(f"FAILED: {failed}")
    ok(f"all of it, in {time.monotonic() - started:.0f} s")
