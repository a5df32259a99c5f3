"""Takes each granted action from its function, one at a time.

Each time the function is expected to fail, and for the lack of it.
"""

import copy
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from check import Failed, expect, ok, until

LOG = "Lambda's own service writes the log as the function; the emulator asks nobody"
STREAM = "Lambda's own service reads the stream as the function; the emulator asks nobody"
RECORD_KEPT = (
    "Lambda's own service keeps a record that was given up as the function; "
    "the emulator keeps none in S3"
)
# What may be taken away without anything failing here, and why. An explanation that explains
# nothing fails as well.
SURVIVORS = {
    "logs:CreateLogStream": LOG,
    "logs:PutLogEvents": LOG,
    "dynamodb:ListStreams": STREAM,
    "dynamodb:DescribeStream": STREAM,
    "dynamodb:GetShardIterator": STREAM,
    "dynamodb:GetRecords": STREAM,
    "s3:PutObject": RECORD_KEPT,
    "s3:ListBucket": RECORD_KEPT,
}


class Permissions:
    """The roles of the deployed functions."""

    def __init__(self, world):
        self.world = world
        self.iam, self.lambdas, self.logs = (
            world.emulator.client(service) for service in ("iam", "lambda", "logs")
        )

    def role(self, logical):
        return self.lambdas.get_function_configuration(
            FunctionName=self.world.frontdesk.made[logical]
        )["Role"].rsplit("/", 1)[-1]

    def policies(self, logical):
        """The inline policies by name, and the names of the attached ones."""
        role = self.role(logical)
        names = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
        attached = self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        inline = {
            name: self.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in names
        }
        return inline, [policy["PolicyName"] for policy in attached]

    @contextmanager
    def without(self, logical, action):
        """The function lacks the action, in all its statements, until the end of the block."""
        role, (inline, _) = self.role(logical), self.policies(logical)
        changed = {}
        for name, document in inline.items():
            less = copy.deepcopy(document)
            for statement in less["Statement"]:
                statement["Action"] = [
                    granted for granted in actions(statement) if granted != action
                ]
            less["Statement"] = [
                statement for statement in less["Statement"] if statement["Action"]
            ]
            if less != document:
                changed[name] = document
                self.put(role, name, less)
        try:
            yield
        finally:
            for name, document in changed.items():
                self.put(role, name, document)

    def put(self, role, name, document):
        if document["Statement"]:
            self.iam.put_role_policy(
                RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document)
            )
        else:
            self.iam.delete_role_policy(RoleName=role, PolicyName=name)

    def refusals(self, function, account=""):
        """The lines in which the function says that AWS refused it something, of this account."""
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{self.world.frontdesk.name}-{function}"
        )
        return [
            event["message"]
            for page in pages
            for event in page["events"]
            if "AccessDenied" in event["message"] and account in event["message"]
        ]

    def start_anew(self, logical):
        """Moves the function's alias to a new version, whose process has fetched no secret yet."""
        name = self.world.frontdesk.made[logical]
        timeout = self.lambdas.get_function_configuration(FunctionName=name)["Timeout"]
        # Something has to change, or there is no new version.
        self.lambdas.update_function_configuration(FunctionName=name, Timeout=timeout + 1)
        version = self.lambdas.publish_version(FunctionName=name)["Version"]
        self.lambdas.update_alias(FunctionName=name, Name="live", FunctionVersion=version)


def actions(statement):
    return statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]


class Work:
    """What each function is for.

    Each method makes ready what it needs, and gives what is to be done then: whether it succeeds.
    """

    def __init__(self, world, permissions):
        self.world, self.permissions = world, permissions
        self.admin = world.customer()
        self.admin.ready()

    def answers(self, method, path, status, body=None, caller=None):
        return lambda: (caller or self.admin).call(method, path, body).status == status

    def request_code(self):
        address, _ = self.world.register()
        return lambda: self.world.ask_for_code(address).status == 202

    def verify_code(self):
        """It accepts an invitation by the first login; another one finds it accepted."""
        address, _ = self.world.register()
        challenges = [self.world.challenge(address) for _ in range(2)]
        return lambda: all(
            self.world.verify(challenge, code).status == 200 for challenge, code in challenges
        )

    def end_session(self):
        return self.answers("POST", "/api/logout", 204, caller=self.world.customer())

    def get_session(self):
        return self.answers("GET", "/api/session", 200)

    def get_sandbox(self):
        return self.answers("GET", "/api/sandbox", 200)

    def get_usage(self):
        return self.answers("GET", "/api/usage", 200)

    def test_sandbox(self):
        return self.answers("POST", "/api/sandbox/test", 200)

    def retry_sandbox(self):
        admin = self.world.customer()
        admin.ready()
        return self.answers("POST", "/api/sandbox/provision", 202, caller=admin)

    def reveal_sandbox_key(self):
        return self.answers("POST", "/api/sandbox/key", 200)

    def list_keys(self):
        return self.answers("GET", "/api/keys", 200)

    def create_key(self):
        # A repetition looks at what the first request made.
        admin = self.world.customer()
        return lambda: all(admin.create_key("once").status == 201 for _ in range(2))

    def change_key(self):
        """It schedules the reminders of a key that ends, and has none of one that does not."""
        admin = self.world.customer()
        path = f"/api/keys/{admin.create_key().body['key']['id']}"
        ends = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
        return lambda: all(
            admin.call("PATCH", path, {"expires_at": at}).status == 200 for at in (ends, None)
        )

    def rotate_key(self):
        admin = self.world.customer()
        path = f"/api/keys/{admin.create_key().body['key']['id']}/rotate"
        headers = {"Idempotency-Key": "once"}
        return lambda: admin.call("POST", path, None, headers).status == 201

    def delete_key(self):
        admin = self.world.customer()
        return self.answers(
            "DELETE", f"/api/keys/{admin.create_key().body['key']['id']}", 204, caller=admin
        )

    def list_members(self):
        return self.answers("GET", "/api/team", 200)

    def list_activity(self):
        return lambda: self.acted(self.admin.call("GET", "/api/activity").body)

    def acted(self, told):
        """Whether it is told who the admin is."""
        events = told.get("events", [])
        return any((event["actor"] or {}).get("email") for event in events)

    def invite_member(self):
        """It invites in the place of an invitation that has ended, and says who is registered."""
        admin = self.world.customer()
        _, invited = admin.invite()
        self.world.invoke(
            "ChangeAccount",
            {"account_id": admin.account, "act": "set_limits", "member_limit": 2},
        )
        member = invited.body["member"]["id"]
        partition, long_ago = f"ACCT#{admin.account}", {"N": "1"}
        self.world.set(self.world.rows(partition, "MEMBER#" + member)[0], invited_until=long_ago)
        account = self.world.rows(partition, "ACCOUNT")[0]
        self.world.set(account, invited={"M": {member: long_ago}})
        again = {"email": self.world.register()[0]}
        other = self.world.customer()

        def work():
            named = other.call("POST", "/api/team", again).status == 409
            return admin.invite()[1].status == 201 and named

        return work

    def resend_invitation(self):
        admin = self.world.customer()
        member = admin.invite()[1].body["member"]["id"]
        return self.answers("POST", f"/api/team/{member}/invitation", 202, caller=admin)

    def decline_invitation(self):
        """By the link that was mailed."""
        address, _ = self.world.customer().invite()
        link = self.world.mailed_link(address)
        return self.answers("POST", "/api/invitation/decline", 204, {"invitation": link})

    def change_role(self):
        """Of one who is invited, and so far only that."""
        admin = self.world.customer()
        path = f"/api/team/{admin.invite()[1].body['member']['id']}"
        return self.answers("PATCH", path, 200, {"role": "admin"}, admin)

    def revoke_member(self):
        admin = self.world.customer()
        return self.answers(
            "DELETE", f"/api/team/{admin.invite()[1].body['member']['id']}", 204, caller=admin
        )

    def leave_team(self):
        """Who was invited, and has logged in since."""
        address, _ = self.world.customer().invite()
        return self.answers("DELETE", "/api/team/me", 204, caller=self.world.login(address))

    def list_sessions(self):
        return self.answers("GET", "/api/sessions", 200)

    def revoke_session(self):
        """It ends its own session, and no other one is left to end."""
        admin = self.world.customer()
        sessions = admin.call("GET", "/api/sessions").body["sessions"]
        return self.answers("DELETE", f"/api/sessions/{sessions[0]['id']}", 204, caller=admin)

    def authorize_key(self):
        return self.checks_a_key(self.world.product)

    def check_key(self):
        return self.checks_a_key(self.world.check)

    def checks_a_key(self, ask):
        """A key's first use is marked, and that a month's calls are used up is told.

        What takes too long is done at the next use.
        """
        admin = self.world.customer()
        made = admin.create_key().body
        limited = self.world.customer()
        limited.ready()
        used_up = limited.create_key().body["api_key"]
        limits = {"account_id": limited.account, "act": "set_limits", "limits": {"per_month": 1}}
        self.world.invoke("ChangeAccount", limits)

        def is_marked():
            keys = admin.call("GET", "/api/keys").body["keys"]
            return any(key["last_used_at"] for key in keys if key["id"] == made["key"]["id"])

        def is_used():
            return ask(made["api_key"]).status == 200

        def is_told():
            ask(used_up)
            return bool(self.world.rows(f"USAGE#{limited.account}", "WARNING#"))

        return lambda: (
            any(is_used() and is_marked() for _ in range(5)) and any(is_told() for _ in range(5))
        )

    def register_account(self):
        """It makes an account, for which an invitation elsewhere gives way."""
        invited, _ = self.world.customer().invite()
        request = {"name": "Example Company", "admin_email": invited}
        return lambda: not self.world.invoke("RegisterAccount", request)[1]

    def change_account(self):
        """It suspends an account, which concerns its keys, and adds and removes an admin."""
        address, registered = self.world.register()
        admin = f"new-{address}"
        acts = [
            {"act": "suspend"},
            {"act": "add_admin", "email": admin},
            {"act": "remove_member", "email": admin},
        ]
        requests = [{"account_id": registered["account"]["id"], **act} for act in acts]
        return lambda: all(
            not failed
            for _, failed in [self.world.invoke("ChangeAccount", one) for one in requests]
        )

    def describe_account(self):
        return lambda: self.acted(self.told("DescribeAccount"))

    def export_activity(self):
        return lambda: self.acted(self.told("ExportActivity"))

    def told(self, function):
        return self.world.invoke(function, {"account_id": self.admin.account})[0]

    def deliver_mail(self):
        address, _ = self.world.register()

        def work():
            self.world.ask_for_code(address)
            return self.world.delivers(
                "DeliverMail", lambda row: row["type"]["S"] == "mail" and row["to"]["S"] == address
            )

        return work

    def note_mail_event(self):
        """It marks a member whose mail came back."""
        admin = self.world.customer()
        member = admin.invite()[1].body["member"]["id"]
        tags = {
            "account": [admin.account],
            "member": [member],
            "invitation": ["1"],
            "last_login": ["never"],
        }
        bounce = {"bounceType": "Permanent"}
        told = {"eventType": "Bounce", "bounce": bounce, "mail": {"tags": tags}}
        event = {"Records": [{"Sns": {"Message": json.dumps(told)}}]}

        def work():
            _, failed = self.world.invoke("NoteMailEvent", event)
            members = admin.call("GET", "/api/team").body["members"]
            return not failed and any(one["mail_problem"] == "bounced" for one in members)

        return work

    def provision_sandbox(self):
        """It makes the Sandbox key at the first login, and replaces one that was rejected."""
        address, registered = self.world.register()
        challenge, code = self.world.challenge(address)
        admin = self.world.customer()
        admin.ready()
        self.world.spoil_sandbox_key(admin)

        def of(account, kind):
            return lambda row: row["type"]["S"] == kind and row["account_id"]["S"] == account

        def work():
            self.world.verify(challenge, code)
            first = self.world.delivers(
                "ProvisionSandbox", of(registered["account"]["id"], "login_event")
            )
            admin.call("POST", "/api/sandbox/provision")
            return (
                self.world.delivers("ProvisionSandbox", of(admin.account, "provision_request"))
                and first
            )

        return work

    def sweep(self):
        """It redelivers a login event, finishes a suspension, and ends an invitation."""
        lose_login_event(self.world, self.permissions)
        _, registered = self.world.register()
        account = self.world.rows(f"ACCT#{registered['account']['id']}", "ACCOUNT")[0]
        half = {"suspended": {"BOOL": True}, "duty": {"S": "duty#0"}, "due_at": {"N": "1"}}
        self.world.set(account, **half)
        admin = self.world.customer()
        invited = admin.invite()[1].body["member"]["id"]
        place = f"ACCT#{admin.account}", f"MEMBER#{invited}"
        long_ago = {"N": "1"}
        self.world.set(self.world.rows(*place)[0], invited_until=long_ago, due_at=long_ago)

        def work():
            answer, failed = self.world.invoke("Sweep", {})
            return not failed and answer["driven"] > 1 and not self.world.rows(*place)

        return work


def lose_login_event(world, permissions):
    """A login event that its worker could not process when the stream showed it, and is overdue.

    Returns its row. The emulator takes a reported record for done; so it is lost here, which should
    never happen, and which the sweep is for.
    """
    with permissions.without("ProvisionSandbox", "dynamodb:GetItem"):
        admin = world.customer()
        # Records of other accounts, which a sweep drove, may come in between.
        shown = lambda: len(permissions.refusals("provision-sandbox", admin.account))
        until("the stream shows the login event", lambda: shown() > 0)
        event = world.rows(f"ACCT#{admin.account}", "EVENT#")[0]
        world.set(event, due_at={"N": "1"})
        until("the stream shows it again", lambda: shown() > 1)
    return event


def check(world, functions):
    """Of {logical id: binary}."""
    permissions = Permissions(world)
    work = Work(world, permissions)
    survivors, explained, refused = set(), set(), 0
    for logical, function in functions.items():
        inline, attached = permissions.policies(logical)
        if attached:
            raise Failed(f"{function} has {attached}, of which nobody says what it is for")
        granted = {
            action
            for document in inline.values()
            for statement in document["Statement"]
            for action in actions(statement)
        }
        if not all(":" in action and "*" not in action for action in granted):
            raise Failed(f"{function} is granted by a wildcard: {granted}")
        explained |= {(function, action) for action in granted if action in SURVIVORS}
        prepare = getattr(work, function.replace("-", "_"))
        if not prepare()():
            raise Failed(f"{function} fails with all its permissions")
        for action in sorted(granted):
            act, before = prepare(), len(permissions.refusals(function))
            with permissions.without(logical, action):
                if action == "secretsmanager:GetSecretValue":
                    permissions.start_anew(logical)
                succeeded = act()
            if succeeded:
                survivors.add((function, action))
                continue
            said = permissions.refusals(function)[before:]
            # Of SES, the functions log the code alone: its words name addresses.
            if not [line for line in said if action in line or action.startswith("ses:")]:
                raise Failed(
                    f"{function} without {action} failed, but not for the lack of it: {said}"
                )
            refused += 1
        needless = {action for name, action in survivors if name == function}
        ok(f"{function} needs each of {', '.join(sorted(granted - needless))}")
    for action, why in SURVIVORS.items():
        of = sorted(function for function, survivor in survivors if survivor == action)
        print(f"not needed here: {action} of {len(of)} functions: {why}")
    expect(
        "permissions that nothing needed, and nobody explains", [], sorted(survivors - explained)
    )
    expect("explanations of permissions that are needed", [], sorted(explained - survivors))
    expect(
        "explanations of permissions that nobody has",
        [],
        sorted(SURVIVORS.keys() - {action for _, action in explained}),
    )
    ok(
        f"{refused} permissions of {len(functions)} functions taken away one by one, "
        "each of them missed"
    )
