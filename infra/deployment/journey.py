"""What people, programs and operators do through the deployed stacks, by HTTP and invocation."""

import itertools
import json
import re
from urllib.parse import urlsplit

from check import Failed, expect, ok, until
from emulator import REGION

# Rows that the stream shows to a worker.
WORK = {"mail", "login_event", "provision_request"}
numbers = itertools.count(1)


class Caller:
    """Somebody with a session: by a token, as programs have it, or a cookie, as browsers do."""

    def __init__(self, world, address, headers, account, member):
        self.world, self.address, self.headers, self.account, self.member = (
            world,
            address,
            headers,
            account,
            member,
        )

    def call(self, method, path, body=None, headers=None):
        return self.world.api(method, path, body, {**self.headers, **(headers or {})})

    def sandbox(self):
        return self.call("GET", "/api/sandbox").body

    def ready(self):
        """Waits for the stream, provision-sandbox and the product API."""
        return until("the Sandbox is ready", lambda: self.sandbox()["state"] == "ready")

    def create_key(self, once=None):
        headers = {"idempotency-key": once} if once else {}
        return self.call("POST", "/api/keys", {"name": "Backend"}, headers)

    def invite(self):
        address = new_address("colleague")
        return address, self.call("POST", "/api/team", {"email": address})


def new_address(name):
    return f"{name}{next(numbers)}@example.com"


class World:
    """Frontdesk in the emulator: as the outside sees it, and what an operator may see inside."""

    def __init__(self, emulator, frontdesk, guarded):
        self.emulator, self.frontdesk, self.guarded = emulator, frontdesk, guarded
        self.host = urlsplit(frontdesk.outputs["ApiEndpoint"]).hostname
        self.lambdas = emulator.client("lambda")
        self.table = emulator.client("dynamodb")

    def api(self, method, path, body=None, headers=None):
        return self.emulator.call(method, self.host, path, body, headers)

    def product(self, key=None, kind="http"):
        """The product API, guarded by the authorizer: an HTTP API or a REST API."""
        url = urlsplit(self.guarded[kind].outputs["Url"])
        return self.emulator.call(
            "POST", local(url.hostname), url.path, {}, {"x-api-key": key} if key else {}
        )

    def check(self, key):
        """The key check over HTTP, as another gateway asks."""
        return self.api("GET", "/api/check", headers={"x-api-key": key})

    def invoke(self, logical, event):
        """A function's answer, and whether it is an error."""
        done = self.lambdas.invoke(
            FunctionName=self.frontdesk.made[logical], Qualifier="live", Payload=json.dumps(event)
        )
        return json.loads(done["Payload"].read()), "FunctionError" in done

    def version(self, logical):
        """Of the function that everybody calls."""
        return self.lambdas.get_alias(FunctionName=self.frontdesk.made[logical], Name="live")[
            "FunctionVersion"
        ]

    def register(self, **more):
        address = new_address("admin")
        answer, failed = self.invoke(
            "RegisterAccount", {"name": "Example Company", "admin_email": address, **more}
        )
        if failed:
            raise Failed(f"register-account: {answer}")
        return address, answer

    def mails(self, address):
        """What SES took for an address, oldest first."""
        mails = self.emulator.call("GET", "localhost", "/_ministack/ses/messages").body["messages"]
        return [mail for sent in mails.values() for mail in sent if address in mail["To"]]

    def ask_for_code(self, address):
        return self.api("POST", "/api/login/code", {"email": address, "accept_terms": True})

    def mailed_code(self, address, before=0):
        """The newest code of an address; other mail may come beside it."""

        def codes():
            bodies = (mail["BodyText"] for mail in self.mails(address)[before:])
            return [found[0] for body in bodies if (found := re.search(r"\b\d{6}\b", body))]

        return until(f"a code is mailed to {address}", codes)[-1]

    def mailed_link(self, address):
        """What the link of an invitation carries that was mailed to an address."""
        mails = until(f"an invitation is mailed to {address}", lambda: self.mails(address))
        return re.search(r"#invitation=(\S+)", mails[-1]["BodyText"])[1]

    def verify(self, challenge, code, session="bearer"):
        return self.api(
            "POST", "/api/login/verify", {"challenge": challenge, "code": code, "session": session}
        )

    def challenge(self, address):
        """A challenge and its code."""
        before = len(self.mails(address))
        asked = self.ask_for_code(address)
        if asked.status != 202:
            raise Failed(f"asking for a code: {asked}")
        return asked.body["challenge"], self.mailed_code(address, before)

    def login(self, address, session="bearer"):
        answer = self.verify(*self.challenge(address), session)
        if answer.status != 200:
            raise Failed(f"login of {address}: {answer}")
        headers = (
            {"authorization": f"Bearer {answer.body['session_token']}"}
            if session == "bearer"
            else {"cookie": cookie(answer)}
        )
        return Caller(
            self, address, headers, answer.body["account"]["id"], answer.body["member"]["id"]
        )

    def customer(self):
        """An account of its own, whose admin has logged in."""
        address, _ = self.register()
        return self.login(address)

    def rows(self, partition, beginning):
        return self.table.query(
            TableName=self.frontdesk.outputs["TableName"],
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": partition}, ":sk": {"S": beginning}},
        )["Items"]

    def delivers(self, logical, wanted):
        """Hands a worker the record of the row that is wanted, which the stream shows it as well.

        Tells whether it has no objection.
        """
        scan = self.table.get_paginator("scan").paginate(
            TableName=self.frontdesk.outputs["TableName"], ConsistentRead=True
        )
        [row] = [
            row
            for page in scan
            for row in page["Items"]
            if "status" in row and row["type"]["S"] in WORK and wanted(row)
        ]
        keys = {"pk": row["pk"], "sk": row["sk"]}
        change = {
            "Keys": keys,
            "NewImage": row,
            "SequenceNumber": "1",
            "SizeBytes": 1,
            "ApproximateCreationDateTime": 1,
        }
        record = {
            "eventID": "1",
            "eventName": "INSERT",
            "eventSource": "aws:dynamodb",
            "awsRegion": REGION,
            "dynamodb": change,
        }
        answer, failed = self.invoke(logical, {"Records": [record]})
        return not failed and answer == {"batchItemFailures": []}

    def spoil_sandbox_key(self, admin):
        """The product API rejects the Sandbox key from now on."""
        [row] = self.rows(f"ACCT#{admin.account}", f"KEY#{admin.sandbox()['key_id']}")
        self.set(row, digest={"S": "A" * len(row["digest"]["S"])})
        rejected = admin.call("POST", "/api/sandbox/test").body
        if rejected["reason"] != "key_rejected":
            raise Failed(f"the Sandbox key is still good: {rejected}")

    def set(self, row, **values):
        """Changes a row as nobody but the AWS account's owner can."""
        names = {f"#{name}": name for name in values}
        self.table.update_item(
            TableName=self.frontdesk.outputs["TableName"],
            Key={"pk": row["pk"], "sk": row["sk"]},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )


def cookie(answer):
    """The session's cookie, as a browser sends it back."""
    cookies = answer.headers.get_all("set-cookie") or []
    session = [cookie for cookie in cookies if cookie.startswith("__Host-frontdesk=")]
    if not session or not all(
        word in session[0] for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/")
    ):
        raise Failed(f"cookies of a login: {cookies}")
    return session[0].split(";")[0]


def local(host):
    """The emulator's name for an API, of the one that AWS has for it."""
    return f"{host.split('.')[0]}.execute-api.localhost"


def from_login_to_key(world):
    """Returns the admin."""
    address, registered = world.register()
    expect("register-account, invoked, makes an account", address, registered["admin"]["email"])
    admin = world.login(address)
    ok("a code is asked for, mailed through SES and verified")
    session = admin.call("GET", "/api/session")
    expect(
        "the session is the admin's",
        (200, "admin", address),
        (session.status, session.body["member"]["role"], session.body["member"]["email"]),
    )
    admin.ready()
    ok("the Sandbox is ready: stream, provision-sandbox, the guarded product API, the authorizer")
    tested = admin.call("POST", "/api/sandbox/test")
    expect("Test Connection", (200, "ready"), (tested.status, tested.body["state"]))
    revealed = admin.call("POST", "/api/sandbox/key")
    expect("the Sandbox key is handed out", 200, revealed.status)
    expect(
        "the product API takes it, and is told that it is the Sandbox's",
        (200, True),
        opened(world.product(revealed.body["api_key"]), "sandbox"),
    )

    created = admin.create_key()
    expect("a key is created", 201, created.status)
    key, key_id = created.body["api_key"], created.body["key"]["id"]
    expect(
        "it is listed behind the Sandbox key",
        [True, False],
        [key["sandbox"] for key in admin.call("GET", "/api/keys").body["keys"]],
    )
    bad = {
        "no key": None,
        "a malformed key": "fd_live_nonsense",
        "a key with a wrong checksum": f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}",
    }
    for kind in world.guarded:
        expect(
            f"the product API ({kind}) takes it, and is told whose it is",
            (200, admin.account),
            opened(world.product(key, kind), "account_id"),
        )
        for what, instead in bad.items():
            expect(
                f"the product API ({kind}) refuses {what}", 403, world.product(instead, kind).status
            )
    expect("the key is deleted", 204, admin.call("DELETE", f"/api/keys/{key_id}").status)
    for kind in world.guarded:
        expect(
            f"the product API ({kind}) refuses it on the next call",
            403,
            world.product(key, kind).status,
        )
    return admin


def opened(answer, field):
    return answer.status, answer.body.get(field)


def invitation(world, admin):
    address, invited = admin.invite()
    expect("a colleague is invited", 201, invited.status)
    mail = until("the invitation is mailed", lambda: world.mails(address))[0]
    expect(
        "it comes from Frontdesk and leads to the console",
        ("login@example.com", True),
        (mail["Source"], "https://desk.example.com/#invitation=" in mail["BodyText"]),
    )
    colleague = world.login(address, session="cookie")
    expect("the colleague logs in with a cookie", 200, colleague.call("GET", "/api/session").status)
    expect("and sees the keys", 200, colleague.call("GET", "/api/keys").status)
    expect("but not the team", (403, "admin_required"), problem(colleague.call("GET", "/api/team")))
    elsewhere = {
        **colleague.headers,
        "origin": "https://elsewhere.example",
        "sec-fetch-site": "cross-site",
    }
    expect(
        "another site cannot use that cookie",
        (403, "cross_site"),
        problem(world.api("POST", "/api/logout", headers=elsewhere)),
    )
    expect(
        "the colleague is revoked",
        204,
        admin.call("DELETE", f"/api/team/{colleague.member}").status,
    )
    expect(
        "and refused on the next call",
        (401, "session_ended"),
        problem(colleague.call("GET", "/api/session")),
    )


def problem(answer):
    return answer.status, answer.body.get("code") if isinstance(answer.body, dict) else answer.body


def sweep(world, lost):
    """A duty that the stream lost is redelivered by a sweep, and done."""
    now = lambda: world.rows(lost["pk"]["S"], lost["sk"]["S"])[0]["status"]["S"]
    expect("a login event that the stream lost is pending", "pending", now())
    answer, failed = world.invoke("Sweep", {})
    expect("the sweep, invoked, finds it", (False, {"driven": 1, "given_up": 0}), (failed, answer))
    until("the login event is done", lambda: now() == "done")
    ok("what it drove is done")


def the_rest(world, admin):
    """Routes that belong to no longer story."""
    expect(
        "an unknown address is a problem document",
        (404, "not_found"),
        problem(world.api("GET", "/api/nothing")),
    )
    expect(
        "a wrong method too", (405, "method_not_allowed"), problem(world.api("PUT", "/api/keys"))
    )
    expect("no session", (401, "session_required"), problem(world.api("GET", "/api/session")))
    expect("logout", 204, admin.call("POST", "/api/logout").status)
    expect(
        "the session is over", (401, "session_ended"), problem(admin.call("GET", "/api/session"))
    )
