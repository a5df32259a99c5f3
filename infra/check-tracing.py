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
# Whoever may send traces: by a policy of its own, or by the one that is there while tracing is on.
granting = {
    name: r
    for name, r in resources.items()
    if r["Type"].startswith("AWS::IAM::") and "xray:" in json.dumps(r)
}
only_while_on = {"Fn::Not": [{"Fn::Equals": [{"Ref": "Tracing"}, "Disabled"]}]}
always = {
    name
    for name, r in granting.items()
    if template["Conditions"].get(r.get("Condition")) != only_while_on
}
if always:
    sys.exit(f"may send traces whatever Tracing says: {sorted(always)}")
granted = (
    {role["Ref"] for r in granting.values() for role in r["Properties"]["Roles"]}
    if sys.argv[2] == "on"
    else set()
)
permitted = {name for name, role in roles.items() if role in granted}
expected = set(functions) if sys.argv[2] == "on" else set()
if not functions or (traced, permitted) != (expected, expected):
    sys.exit(f"traced: {sorted(traced)}; may send traces: {sorted(permitted)}")
