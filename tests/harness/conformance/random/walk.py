"""Random sequences of calls against two endpoints, which have to answer alike.

    python walk.py FIRST_ENDPOINT SECOND_ENDPOINT [sequences] [seed]

The first is our fake, the second an emulator of other authors. Sequences are drawn by
numbered seeds; a difference prints the call, both answers and the seed that repeats it.
Differences that are known stand in differences.json beside this file, each with the reason
why it does not matter: the calls, where in their answers, after which other calls of the
sequence, and why. One that never shows fails too, unless only some sequences were asked for.

Compared is what is said: ids by the order in which they were given out, refusals by their
code, and a member that is missing equals one that is empty or false. Not drawn are updates
that leave parameters out: AWS, and the fake, set them to their defaults; MiniStack keeps
them. The operator sends them all. Nor are role mappings for a provider that the pool lacks:
AWS, and the fake, refuse them; MiniStack does not look.
"""

import json
import pathlib
import random
import sys

from botocore.exceptions import ClientError
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from run import Cloud, REGION  # noqa: E402 (the folder above)

SEQUENCES = 100
CALLS = 30
PROVIDER = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Staff"
SAML = "arn:aws:iam::210987654321:saml-provider/corp"
OIDC = "arn:aws:iam::210987654321:oidc-provider/login.example.com"
ROLE = "arn:aws:iam::<account>:role/"
KEYS = ["team", "stage", "cognito-identity.dev/owner"]


def spoken(value):
    """Without members that say nothing: one side leaves them out where the other has them empty."""
    if isinstance(value, list):
        return [spoken(item) for item in value]
    if isinstance(value, dict):
        said = {key: spoken(item) for key, item in value.items()}
        return {key: item for key, item in said.items() if item not in (None, False, "", [], {})}
    return value


class Side:
    """One endpoint, and the pools that the sequence has made there."""

    def __init__(self, endpoint):
        self.cloud = Cloud(endpoint)
        self.account = self.cloud.call("GetCallerIdentity", {})["Account"]
        self.pools = []

    def own(self, value):
        """The input with the pools of this side in place."""
        text = json.dumps(value)
        for number, pool in enumerate(self.pools):
            text = text.replace(f"<pool {number}>", pool)
        return json.loads(text.replace("<account>", self.account))

    def common(self, value):
        """The output with what differs by chance taken out."""
        text = json.dumps(spoken(value), sort_keys=True, default=str)
        for number, pool in enumerate(self.pools):
            text = text.replace(pool, f"<pool {number}>")
        return json.loads(text.replace(self.account, "<account>"))

    def perform(self, call, given):
        try:
            output = self.cloud.call(call, self.own(given))
        except ClientError as error:
            return {"refused": error.response["Error"]["Code"]}
        if call == "CreateIdentityPool":
            self.pools.append(output["IdentityPoolId"])
        if call == "ListIdentityPools":
            ours = [pool for pool in output["IdentityPools"] if pool["IdentityPoolId"] in self.pools]
            output = {"IdentityPools": sorted(ours, key=lambda it: self.pools.index(it["IdentityPoolId"]))}
        return self.common(output)

    def clear(self):
        for pool in self.pools:
            try:
                self.cloud.call("DeleteIdentityPool", {"IdentityPoolId": pool})
            except ClientError:
                pass  # The sequence has deleted it.
        self.pools = []


def settings(draw, every=False):
    """The parameters of a pool, every one of them or some."""
    given = {
        "IdentityPoolName": draw.choice(["first", "second", "a name"]),
        "AllowUnauthenticatedIdentities": draw.random() < 0.5,
        "CognitoIdentityProviders": clients(draw),
    }
    optional = {
        "AllowClassicFlow": draw.random() < 0.5,
        "SupportedLoginProviders": draw.choice([{}, {"graph.facebook.com": "1"}, {"graph.facebook.com": "2"}]),
        "OpenIdConnectProviderARNs": draw.choice([[], [OIDC]]),
        "SamlProviderARNs": draw.choice([[], [SAML]]),
        "IdentityPoolTags": draw.choice([{}, tags(draw)]),
    }
    return given | {name: value for name, value in optional.items() if every or draw.random() < 0.5}


def clients(draw):
    """The one that role mappings are for, and perhaps another."""
    names = draw.choice([["abc"], ["abc", "other"], ["other", "abc"]])
    return [{"ProviderName": PROVIDER, "ClientId": name, "ServerSideTokenCheck": draw.random() < 0.5} for name in names]


def tags(draw):
    return {key: draw.choice(["a", "b"]) for key in draw.sample(KEYS, draw.randint(1, len(KEYS)))}


def roles(draw):
    mapping = draw.choice(
        [
            {"Type": "Token", "AmbiguousRoleResolution": "Deny"},
            {
                "Type": "Rules",
                "AmbiguousRoleResolution": "AuthenticatedRole",
                "RulesConfiguration": {
                    "Rules": [{"Claim": "team", "MatchType": "Equals", "Value": "a", "RoleARN": ROLE + "rule"}]
                },
            },
        ]
    )
    given = {"Roles": draw.choice([{}, {"authenticated": ROLE + "user"}, {"unauthenticated": ROLE + "guest"}])}
    if draw.random() < 0.5:
        given["RoleMappings"] = draw.choice([{}, {f"{PROVIDER}:abc": mapping}])
    return given


def next_call(draw, made):
    """A call and its input; pools that are gone, or never were, are asked for too."""
    pool = draw.randrange(made + 1) if made else 0
    pool = f"<pool {pool}>" if pool < made else f"{REGION}:00000000-0000-4000-8000-000000000000"
    this, arn = {"IdentityPoolId": pool}, f"arn:aws:cognito-identity:{REGION}:<account>:identitypool/{pool}"
    tag_map = this | {"IdentityProviderName": PROVIDER}
    calls = {
        "CreateIdentityPool": (2, lambda: settings(draw)),
        "UpdateIdentityPool": (4, lambda: this | settings(draw, every=True)),
        "DescribeIdentityPool": (4, lambda: this),
        "DeleteIdentityPool": (1, lambda: this),
        "ListIdentityPools": (2, lambda: {"MaxResults": 60}),
        "ListIdentities": (1, lambda: this | {"MaxResults": 1}),
        "TagResource": (2, lambda: {"ResourceArn": arn, "Tags": tags(draw)}),
        "UntagResource": (2, lambda: {"ResourceArn": arn, "TagKeys": draw.sample(KEYS, 1)}),
        "ListTagsForResource": (1, lambda: {"ResourceArn": arn}),
        "SetIdentityPoolRoles": (2, lambda: this | roles(draw)),
        "GetIdentityPoolRoles": (2, lambda: this),
        "SetPrincipalTagAttributeMap": (
            1,
            lambda: tag_map | draw.choice([{"UseDefaults": True}, {"UseDefaults": False, "PrincipalTags": {"team": "custom:team"}}]),
        ),
        "GetPrincipalTagAttributeMap": (1, lambda: tag_map),
    }
    if not made:
        return "CreateIdentityPool", settings(draw)
    call = draw.choices(list(calls), [weight for weight, _ in calls.values()])[0]
    return call, calls[call][1]()


def differing(first, second, path=""):
    """The dotted paths at which two answers differ, with both values."""
    if isinstance(first, dict) and isinstance(second, dict) and not {"refused"} & (first.keys() ^ second.keys()):
        for key in sorted(first.keys() | second.keys()):
            yield from differing(first.get(key), second.get(key), f"{path}.{key}" if path else key)
    elif first != second:
        yield path, first, second


def known(differences, call, path, past):
    """The entry of the list that a difference falls under."""
    for entry in differences:
        inside = path == entry["at"] or path.startswith(entry["at"] + ".")
        if call in entry["calls"] and inside and past & set(entry.get("after", past)):
            return entry
    return None


def walk(sides, seed, differences, used, report):
    draw, past = random.Random(seed), set()
    for _ in range(CALLS):
        call, given = next_call(draw, len(sides[0].pools))
        past.add(call)
        first, second = (side.perform(call, given) for side in sides)
        for path, *values in differing(first, second):
            entry = known(differences, call, path, past)
            if entry is None:
                report(f"seed {seed}: {call} {json.dumps(given)}: at {path!r} the fake has {values[0]!r}, the other {values[1]!r}")
            else:
                used.add(json.dumps(entry))
        if len(sides[0].pools) != len(sides[1].pools):
            break  # From here on the two have different pasts.
    for side in sides:
        side.clear()


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: walk.py FIRST_ENDPOINT SECOND_ENDPOINT [sequences] [seed]")
    sides = [Side(endpoint) for endpoint in sys.argv[1:3]]
    sequences = int(sys.argv[3]) if len(sys.argv) > 3 else SEQUENCES
    seeds = [int(sys.argv[4])] if len(sys.argv) > 4 else range(1, sequences + 1)
    text = pathlib.Path(__file__).with_name("differences.json").read_text(encoding="utf-8")
    differences = json.loads(text)
    used, failures = set(), []
    for seed in seeds:
        walk(sides, seed, differences, used, failures.append)
    for failure in failures[:20]:
        print(failure)
    unused = [entry for entry in differences if json.dumps(entry) not in used]
    for entry in unused if len(seeds) >= SEQUENCES else []:
        failures.append(entry)
        print(f"no longer a difference: {entry}")
    print(f"{len(seeds)} sequences of {CALLS} calls, {len(used)} known differences, {len(failures)} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
