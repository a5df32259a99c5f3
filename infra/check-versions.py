"""Whether a change makes a new version of every function: check-versions.py BEFORE AFTER.

Both are translated templates. A version is made anew when its logical id is another one, or when
its description is: CloudFormation then replaces it.
"""

import json
import sys


def versions(path):
    with open(path, encoding="utf-8") as translated:
        resources = json.load(translated)["Resources"]
    return {
        resource["Properties"]["FunctionName"]["Ref"]: (name, resource["Properties"]["Description"])
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Version"
    }


before, after = versions(sys.argv[1]), versions(sys.argv[2])
same = sorted(function for function in before if before[function] == after[function])
if not before or set(before) != set(after) or same:
    sys.exit(f"stay at their version: {same}")
