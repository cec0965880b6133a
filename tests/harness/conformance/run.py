"""Runs the conformance lists with boto3 against an endpoint.

    python run.py http://127.0.0.1:4579 [case name ...]

The lists are the *.json files beside this one. Each holds cases:

    name    what the case says about the service
    pool    fields of a pool that is made first and known as ${id} and ${arn}
    steps   calls, in order

and each step:

    call        the operation
    with        its input
    as          access key id, instead of the ordinary one
    in          region, instead of the ordinary one
    every_page  follow NextToken and join the pages
    save        variable: member of the output
    expect      a part of the output: objects may have more members, lists not
    lacks       dotted paths that the output does not have
    includes    list member of the output: an element that it has, in part
    excludes    list member of the output: an element that it does not have
    refused     the error code; without it the call must succeed
    saying      a part of the error message

Texts may hold ${name} (unique for the case), ${region}, ${account} and saved
variables. {"$repeat": [text, n]}, {"$map": [n, key, value]} and
{"$list": [n, item]} stand for what is too long to write; ${n} counts inside
the last two. {"$prefix": text} expects a text that begins so. Pools made by a
case are deleted after it.
"""

import json
import pathlib
import sys
import uuid

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"
KEY = "CONFORMANCE"


class Mismatch(Exception):
    pass


class Cloud:
    """Clients by service, access key and region, without any check or retry of their own."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.clients = {}

    def call(self, operation, given, key=KEY, region=REGION):
        service = "sts" if operation == "GetCallerIdentity" else "cognito-identity"
        client = self.clients.get((service, key, region))
        if client is None:
            client = self.clients[service, key, region] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name=region,
                aws_access_key_id=key,
                aws_secret_access_key="secret",
                config=Config(
                    parameter_validation=False,
                    retries={"total_max_attempts": 1},
                    proxies={},
                ),
            )
        output = getattr(client, xform_name(operation))(**given)
        output.pop("ResponseMetadata", None)
        return output


def filled(value, variables):
    """The value with its variables and generators written out."""
    if isinstance(value, str):
        for name, text in variables.items():
            value = value.replace("${" + name + "}", text)
        return value
    if isinstance(value, list):
        return [filled(item, variables) for item in value]
    if not isinstance(value, dict):
        return value
    if "$repeat" in value:
        text, times = value["$repeat"]
        return text * times
    if "$map" in value:
        times, key, item = value["$map"]
        numbered = [variables | {"n": str(n)} for n in range(1, times + 1)]
        return {filled(key, each): filled(item, each) for each in numbered}
    if "$list" in value:
        times, item = value["$list"]
        return [filled(item, variables | {"n": str(n)}) for n in range(1, times + 1)]
    return {filled(key, variables): filled(item, variables) for key, item in value.items()}


def matches(expected, actual):
    if isinstance(expected, dict) and "$prefix" in expected:
        return isinstance(actual, str) and actual.startswith(expected["$prefix"])
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key in actual and matches(item, actual[key]) for key, item in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(expected) == len(actual)
            and all(map(matches, expected, actual))
        )
    return expected == actual and isinstance(expected, bool) == isinstance(actual, bool)


def has(output, path):
    for part in path.split("."):
        if isinstance(output, list):
            if int(part) >= len(output):
                return False
            output = output[int(part)]
        elif part in output:
            output = output[part]
        else:
            return False
    return True


def perform(cloud, step, given):
    options = {"key": step.get("as", KEY), "region": step.get("in", REGION)}
    output = cloud.call(step["call"], given, **options)
    while step.get("every_page") and "NextToken" in output:
        page = cloud.call(step["call"], given | {"NextToken": output.pop("NextToken")}, **options)
        for member, value in page.items():
            output[member] = output[member] + value if isinstance(value, list) else value
    return output


def check_output(step, output, variables):
    if not matches(filled(step.get("expect", {}), variables), output):
        raise Mismatch(f"unexpected output {output}")
    for path in step.get("lacks", []):
        if has(output, path):
            raise Mismatch(f"{path} should be absent from {output}")
    for wanted, verdict in (("includes", True), ("excludes", False)):
        for member, element in filled(step.get(wanted, {}), variables).items():
            if any(matches(element, actual) for actual in output[member]) is not verdict:
                raise Mismatch(f"{member} of {output} {wanted} {element}: not so")


def check_refusal(step, error, variables):
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code != step.get("refused"):
        raise Mismatch(f"refused with {code}: {message}")
    saying = filled(step.get("saying", ""), variables)
    if saying not in message:
        raise Mismatch(f"{message!r} does not say {saying!r}")


def run_step(cloud, step, variables, made):
    try:
        output = perform(cloud, step, filled(step["with"], variables))
    except ClientError as error:
        return check_refusal(step, error, variables)
    if step["call"] == "CreateIdentityPool":
        made.append(output["IdentityPoolId"])
    if "refused" in step:
        raise Mismatch(f"{step['call']} was not refused: {output}")
    check_output(step, output, variables)
    for variable, member in step.get("save", {}).items():
        variables[variable] = output[member]


def run_case(cloud, case, account):
    variables = {"name": f"case-{uuid.uuid4()}", "region": REGION, "account": account}
    made, steps = [], list(case["steps"])
    if "pool" in case:
        pool = {"IdentityPoolName": "${name}", "AllowUnauthenticatedIdentities": False}
        first = {"call": "CreateIdentityPool", "with": pool | case["pool"]}
        steps.insert(0, first | {"save": {"id": "IdentityPoolId"}})
    try:
        for number, step in enumerate(steps, 1):
            try:
                run_step(cloud, step, variables, made)
            except Mismatch as mismatch:
                raise Mismatch(f"step {number}, {step['call']}: {mismatch}") from None
            if "id" in variables:
                resource = f"identitypool/{variables['id']}"
                variables["arn"] = f"arn:aws:cognito-identity:{REGION}:{account}:{resource}"
    finally:
        for pool in made:
            try:
                cloud.call("DeleteIdentityPool", {"IdentityPoolId": pool})
            except ClientError:
                pass  # The case has deleted it.


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: run.py ENDPOINT [case name ...]")
    cloud, chosen = Cloud(sys.argv[1]), sys.argv[2:]
    account = cloud.call("GetCallerIdentity", {})["Account"]
    passed = failed = 0
    for path in sorted(pathlib.Path(__file__).parent.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            if chosen and case["name"] not in chosen:
                continue
            try:
                run_case(cloud, case, account)
            except Mismatch as mismatch:
                failed += 1
                print(f"FAILED  {case['name']}: {mismatch}")
            else:
                passed += 1
                print(f"passed  {case['name']}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
