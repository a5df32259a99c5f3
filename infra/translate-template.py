"""What SAM's transform makes of a template, as JSON: translate-template.py FILE [NAME=VALUE...].

No network, no AWS account.
"""

import json
import logging
import sys

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

logging.getLogger("samtranslator").setLevel(logging.ERROR)

with open(sys.argv[1], encoding="utf-8") as source:
    template = yaml_parse(source.read())

# `sam deploy` replaces local code by where it uploaded it to; any address does here.
functions = [r for r in template["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
for holder in [template.get("Globals", {}).get("Function", {})] + [
    function["Properties"] for function in functions
]:
    if "CodeUri" in holder:
        holder["CodeUri"] = "s3://bucket/code.zip"

session = boto3.Session(region_name="us-east-1")
parameters = dict(pair.split("=", 1) for pair in sys.argv[2:])
translated = Translator({}, Parser(), boto_session=session).translate(
    template, parameter_values=parameters
)
# What was translated for one value of a parameter says nothing about its other values.
for name, value in parameters.items():
    translated["Parameters"][name].update(Default=value, AllowedValues=[value])
json.dump(translated, sys.stdout, indent=2)
