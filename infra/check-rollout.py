"""Whether a translated template moves calls as `Rollout` says: check-rollout.py FILE ROLLOUT.

All at once, nothing may stand in the way of a deployment: no CodeDeploy, and no alarm that it asks.
Otherwise the functions that matter most move slowly, each watched by an alarm that there is.
"""

import json
import sys

SLOW = ["AuthorizeKey", "CheckKey", "GetSession", "VerifyCode"]

with open(sys.argv[1], encoding="utf-8") as translated:
    template = json.load(translated)
rollout = sys.argv[2]
resources = template["Resources"]


def of_kind(kind):
    return {name: r for name, r in resources.items() if r["Type"] == kind}


aliases = of_kind("AWS::Lambda::Alias")
groups = of_kind("AWS::CodeDeploy::DeploymentGroup")
moved = {
    alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"]
    for alias in aliases.values()
    if "UpdatePolicy" in alias
}
expected = set() if rollout == "AllAtOnce" else {f"{name}DeploymentGroup" for name in SLOW}
if not aliases or set(groups) != expected or moved != expected:
    sys.exit(f"moved by CodeDeploy: {sorted(groups)}, aliases that wait for it: {sorted(moved)}")
if rollout == "AllAtOnce":
    left = [name for name, r in resources.items() if "CodeDeploy" in r["Type"] + name]
    if left:
        sys.exit(f"is there although nothing is moved slowly: {left}")

alarms = {
    alarm["Properties"].get("AlarmName", {}).get("Fn::Sub")
    for alarm in of_kind("AWS::CloudWatch::Alarm").values()
}
for name, group in groups.items():
    properties = group["Properties"]
    config = json.dumps(properties["DeploymentConfigName"])
    if rollout not in config:
        sys.exit(f"{name} moves by {config}")
    called = {alarm["Name"]["Fn::Sub"] for alarm in properties["AlarmConfiguration"]["Alarms"]}
    if not called or not called <= alarms:
        sys.exit(f"{name} asks {sorted(called)}, of which not all exist")
