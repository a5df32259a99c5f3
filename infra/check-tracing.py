"""Whether a translated template traces, all of it or nothing: check-tracing.py FILE on|off."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as translated:
    template = json.load(translated)
resources = template["Resources"]
functions = {
    name: r["Properties"] for name, r in resources.items() if r["Type"] == "AWS::Lambda::Function"
}
roles = {name: function["Role"]["Fn::GetAtt"][0] for name, function in functions.items()}
traced = {name for name, function in functions.items() if "TracingConfig" in function}
only_while_on = {"Fn::Not": [{"Fn::Equals": [{"Ref": "Tracing"}, "Disabled"]}]}


def may_send(role):
    """Whether the role lets its function send traces."""
    for policy in role["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if "Fn::If" in statement:
                condition, while_on, while_off = statement["Fn::If"]
                if template["Conditions"][condition] != only_while_on:
                    sys.exit(f"nobody knows when it holds here: {condition}")
                statement = while_on if sys.argv[2] == "on" else while_off
            if "xray:" in json.dumps(statement):
                return True
    return False


others = {
    name
    for name, r in resources.items()
    if "xray:" in json.dumps(r) and r["Type"] != "AWS::IAM::Role"
}
if others:
    sys.exit(f"may be there later than the function that is traced: {sorted(others)}")
permitted = {name for name, role in roles.items() if may_send(resources[role])}
expected = set(functions) if sys.argv[2] == "on" else set()
if not functions or (traced, permitted) != (expected, expected):
    sys.exit(f"traced: {sorted(traced)}; may send traces: {sorted(permitted)}")
