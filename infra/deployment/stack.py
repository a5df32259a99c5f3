"""The templates, as SAM translates them, in the emulator.

And all that had to be changed, or is not exercised there.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from artefacts import pack
from check import Failed, ok

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "artefacts"

# What is made in the emulator, some of it in name only, and exercised by nothing here. A new kind
# of resource has to be put here or into EXERCISED.
NOT_EXERCISED = {
    "AWS::CloudFront::Distribution": (
        "a record without a network of servers; `cargo desk` serves the console by its rules "
        "(console_hosting)"
    ),
    "AWS::CloudFront::Function": "belongs to the distribution",
    "AWS::CloudFront::OriginAccessControl": "belongs to the distribution",
    "AWS::CloudFront::ResponseHeadersPolicy": "belongs to the distribution",
    "AWS::Lambda::EventInvokeConfig": "nothing is invoked without waiting for the answer",
    "AWS::Lambda::Permission": "in the emulator, every gateway may invoke every function",
    "AWS::S3::Bucket": (
        "the console is not uploaded, and the emulator keeps no records in S3 that were given up"
    ),
    "AWS::S3::BucketPolicy": "lets the distribution read the console, and nobody asks through it",
    "AWS::CloudWatch::Alarm": "a record; nothing measures in the emulator what CloudWatch measures",
    "AWS::CloudWatch::Dashboard": "a page for people",
    "AWS::Logs::MetricFilter": (
        "feeds alarms; that the lines have the fields it looks for is tested in shared/edge"
    ),
    "AWS::SES::ConfigurationSet": "a name that mails carry; no mail comes back in the emulator",
    "AWS::SES::ConfigurationSetEventDestination": "no mail comes back; the function is invoked",
    "AWS::SNS::Topic": "gets what alarms say, and what becomes of mails",
    "AWS::SNS::TopicPolicy": "lets SES publish, and no mail comes back",
    "AWS::SNS::Subscription": "gets what alarms say, and what becomes of mails",
    "AWS::Scheduler::Schedule": (
        "fires every five minutes, which is not waited for; sweep is invoked instead"
    ),
}
EXERCISED = {
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::SecretsManager::Secret",
}

# The very program that Lambda would get, under an emulator of the processor, since it is made for
# another one than ours.
BOOTSTRAP = (
    b'#!/bin/sh\nexec qemu-aarch64-static -L /usr/aarch64-linux-gnu "$LAMBDA_TASK_ROOT/program"\n'
)


def translate(source, parameters=None):
    """What SAM's transform makes of a template, for these values of its parameters."""
    given = [f"{name}={value}" for name, value in (parameters or {}).items()]
    done = subprocess.run(
        [sys.executable, ROOT / "infra/translate-template.py", source, *given],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{source} cannot be translated: {done.stderr}")
    return json.loads(done.stdout)


def of_kind(template, kind):
    return {
        logical: resource
        for logical, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def functions(template):
    """{logical id: binary} of the functions that are built from a binary."""
    found = {
        logical: function.get("Metadata", {})
        for logical, function in of_kind(template, "AWS::Lambda::Function").items()
    }
    return {
        logical: metadata["BuildProperties"]["Binary"]
        for logical, metadata in found.items()
        if "BuildProperties" in metadata
    }


def adapt(template, name, say):
    """Changes what the emulator cannot do as it stands.

    Says each change, and what is not exercised.
    """
    resources = template["Resources"]

    def adapted(what, why):
        say(f"adapted: {name}: {what}: {why}")

    for logical, api in of_kind(template, "AWS::ApiGatewayV2::Api").items():
        if "Body" not in api["Properties"]:
            continue
        routes = routes_of(api["Properties"].pop("Body"))
        api["Properties"].update(Name={"Ref": "AWS::StackName"}, ProtocolType="HTTP")
        for number, (route, operation) in enumerate(sorted(routes.items())):
            integration = operation["x-amazon-apigateway-integration"]
            resources[f"{logical}Integration{number}"] = {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": {"Ref": logical},
                    "IntegrationType": integration["type"].upper(),
                    "IntegrationUri": integration["uri"],
                    "PayloadFormatVersion": integration["payloadFormatVersion"],
                },
            }
            resources[f"{logical}Route{number}"] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": logical},
                    "RouteKey": route,
                    "Target": {
                        "Fn::Join": [
                            "/",
                            ["integrations", {"Ref": f"{logical}Integration{number}"}],
                        ]
                    },
                },
            }
        adapted(
            f"the {len(routes)} routes of {logical}",
            "it does not read an API's OpenAPI body; each route is a resource of its own",
        )

    unmeasured = [
        logical
        for logical, alarm in of_kind(template, "AWS::CloudWatch::Alarm").items()
        if "Metrics" in alarm["Properties"]
    ]
    for logical in unmeasured:
        alarm = resources[logical]["Properties"]
        del alarm["Metrics"]
        alarm.update(Namespace="Frontdesk", MetricName=logical, Statistic="Sum", Period=300)
    if unmeasured:
        adapted(
            f"{len(unmeasured)} alarms look at one metric",
            "it knows no alarm over an expression",
        )

    for logical, role in of_kind(template, "AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement.get("Action") == "ses:SendEmail":
                    statement["Resource"] = "*"
                    del statement["Condition"]
                    adapted(
                        f"{logical} may send mail as anybody",
                        "it knows neither what SendEmail is about nor ses:FromAddress",
                    )

    for logical, authorizer in of_kind(template, "AWS::ApiGatewayV2::Authorizer").items():
        authorizer["Properties"].setdefault("IdentitySource", [])
        adapted(
            f"{logical} has an empty list of identity sources",
            "where there is no list, it looks for the header Authorization",
        )

    unknown = sorted(
        {resource["Type"] for resource in resources.values()} - EXERCISED - NOT_EXERCISED.keys()
    )
    if unknown:
        raise Failed(f"{name}: say of {unknown} whether it is exercised")
    for kind, why in NOT_EXERCISED.items():
        count = len(of_kind(template, kind))
        if count:
            say(f"not exercised: {name}: {count} {kind}: {why}")
    return template


def routes_of(body):
    """{"POST /api/keys": operation}, with `$default` as itself."""
    methods = {"x-amazon-apigateway-any-method": "ANY"}
    routes = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            routes[
                "$default"
                if operation.get("isDefaultRoute")
                else f"{methods.get(method, method.upper())} {path}"
            ] = operation
    return routes


class Stack:
    """A stack in the emulator."""

    def __init__(self, emulator, name, source, programs=None):
        self.emulator, self.name, self.source, self.parameters = emulator, name, source, {}
        self.cloudformation = emulator.client("cloudformation")
        self.code = {}
        for logical, program in (programs or {}).items():
            self.code[logical] = {"S3Bucket": BUCKET, "S3Key": f"{name}/{logical}.zip"}
            body = pack({"bootstrap": BOOTSTRAP, "program": program})
            emulator.client("s3").put_object(
                Bucket=BUCKET, Key=self.code[logical]["S3Key"], Body=body
            )

    def deploy(self, **parameters):
        """Makes the stack, or changes its parameters.

        Each time it is translated anew, as CloudFormation does.
        """
        first = not self.parameters
        self.parameters.update(parameters)
        template = adapt(
            translate(self.source, self.parameters), self.name, print if first else lambda _: None
        )
        for logical, code in self.code.items():
            template["Resources"][logical]["Properties"]["Code"] = code
        change, done = (
            (self.cloudformation.create_stack, "stack_create_complete")
            if first
            else (self.cloudformation.update_stack, "stack_update_complete")
        )
        # From S3, as `sam deploy` does it: the template is too large to be sent along.
        self.emulator.client("s3").put_object(
            Bucket=BUCKET, Key=f"{self.name}.json", Body=json.dumps(template).encode()
        )
        change(
            StackName=self.name,
            TemplateURL=f"{self.emulator.url}/{BUCKET}/{self.name}.json",
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in self.parameters.items()
            ],
        )
        try:
            self.cloudformation.get_waiter(done).wait(
                StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
            )
        except Exception as error:
            events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
            reasons = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
            raise Failed(
                f"{self.name}: {error}: {json.dumps(reasons, default=str, indent=1)}"
            ) from error
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=self.name
        )
        self.made = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in pages
            for one in page["StackResourceSummaries"]
        }
        conditional = {
            logical
            for logical, resource in template["Resources"].items()
            if "Condition" in resource
        }
        missing = template["Resources"].keys() - self.made.keys() - conditional
        if missing:
            raise Failed(f"{self.name} lacks {sorted(missing)}")
        described = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        self.outputs = {
            output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])
        }
        unresolved = {
            key: value for key, value in self.outputs.items() if re.search(r"\$\{", value)
        }
        if unresolved:
            raise Failed(f"{self.name}: outputs are not resolved: {unresolved}")
        ok(f"{self.name} is {'deployed' if first else 'updated'}, {len(self.made)} resources")
