"""Narrows the session of the default chain with botocore's own client, and prints what came of it as JSON.

Its one argument is the policy. What the answers hold is judged by the service model that botocore carries, and the model's
limits are told, for whoever wants to compare its own.
"""

import json
import sys

import boto3
import botocore.exceptions
from botocore.session import Session

POLICY = sys.argv[1]


def limits():
    """Returns the model's limits of each parameter."""
    shape = Session().get_service_model("sts").operation_model("GetScopedCredentials").input_shape
    return {name: member.metadata for name, member in shape.members.items()}


def unlike_the_model(answer):
    """Returns the members of an answer that the model has and the answer has not, at any depth."""
    shape = Session().get_service_model("sts").operation_model("GetScopedCredentials").output_shape
    missing = []

    def walk(shape, value, path):
        for name, member in shape.members.items():
            if name not in value:
                missing.append(f"{path}{name}")
            elif member.type_name == "structure":
                walk(member, value[name], f"{path}{name}.")

    walk(shape, answer, "")
    return missing


def client(answer=None):
    """Returns STS, asked by the default chain or by what an answer granted."""
    if answer is None:
        return boto3.client("sts")
    granted = answer["Credentials"]
    return boto3.client(
        "sts",
        aws_access_key_id=granted["AccessKeyId"],
        aws_secret_access_key=granted["SecretAccessKey"],
        aws_session_token=granted["SessionToken"],
    )


def refusal(sts, **parameters):
    """Returns the name of the model's exception, and the code."""
    try:
        sts.get_scoped_credentials(**parameters)
    except botocore.exceptions.ClientError as error:
        return [type(error).__name__, error.response["Error"]["Code"]]
    return None


first = client()
everything = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
narrow = first.get_scoped_credentials(
    Policy=POLICY, DurationSeconds=600, ScopedSessionDescription="plan & apply + «1»", MinimumSessionTokenSize=2000
)
layer = first
for _ in range(3):
    layer = client(layer.get_scoped_credentials(Policy=everything))
result = {
    "limits": limits(),
    "missing": unlike_the_model(narrow),
    "count": narrow["ScopedPoliciesCount"],
    "token_size": narrow["SessionTokenSize"],
    "token_is_as_long": len(narrow["Credentials"]["SessionToken"]) == narrow["SessionTokenSize"],
    "arn": narrow["SessionInfo"]["Arn"],
    "callers": [sts.get_caller_identity()["Arn"] for sts in (first, client(narrow))],
    "refusals": {
        "fourth": refusal(layer, Policy=everything),
        "lifetime": refusal(first, DurationSeconds=129600),
        "malformed": refusal(first, Policy="{}"),
        "nothing": refusal(first),
        "not_allowed": refusal(client(narrow), DurationSeconds=60),
    },
}
json.dump(result, sys.stdout)
