"""Whether a change makes a new version of every function: check-versions.py BEFORE AFTER.

Both are translated templates. A version is made anew when its logical id is another one, or when
its description is: CloudFormation then replaces it.
"""

import json
import re
import sys


def versions(path):
    with open(path, encoding="utf-8") as translated:
        template = json.load(translated)

    def description(properties):
        return re.sub(
            r"\$\{(\w+)\}",
            lambda name: str(template["Parameters"][name[1]].get("Default")),
            properties["Description"]["Fn::Sub"],
        )

    return {
        resource["Properties"]["FunctionName"]["Ref"]: (name, description(resource["Properties"]))
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Version"
    }


before, after = versions(sys.argv[1]), versions(sys.argv[2])
same = sorted(function for function in before if before[function] == after[function])
if not before or set(before) != set(after) or same:
    sys.exit(f"stay at their version: {same}")
