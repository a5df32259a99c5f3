"""Whether a translated template traces, all of it or nothing: check-tracing.py FILE on|off."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as translated:
    resources = json.load(translated)["Resources"]
functions = {name: r["Properties"] for name, r in resources.items() if r["Type"] == "AWS::Lambda::Function"}
traced = {name for name, function in functions.items() if "TracingConfig" in function}
role = {name: json.dumps(resources[function["Role"]["Fn::GetAtt"][0]]).lower() for name, function in functions.items()}
permitted = {name for name in functions if "xray" in role[name]}
expected = set(functions) if sys.argv[2] == "on" else set()
if not functions or (traced, permitted) != (expected, expected):
    sys.exit(f"traced: {sorted(traced)}; may send traces: {sorted(permitted)}")
