"""An AWS account made by moto, which checks every signature and every policy, and mints sessions on request.

Prints one line of JSON with the endpoint, then reads requests, one line of JSON each, until standard input ends, and answers

- `{"assume": ROLE_ARN, "session_name": NAME, "duration_seconds": N}` by what sts:AssumeRole grants;
- `{"end_sessions": true}` by how many sessions there were; from then on AWS knows none of them;
- `{"object": KEY}` by the text of an object in the bucket;
- `{"parameter": NAME, "region": REGION}` by the value of a parameter;
- `{"topics": REGION}` by the ARNs of the topics.

Another user than the sessions asks for the last three.

With the argument `users` the account has two users more, whose keys stand in the first line: `legacy` with a static key that may
write the state, and `operator`, who may change keys; and `{"key": ID}` is answered by its status, or null where it is deleted.
"""

import json
import logging
import os
import sys

# moto looks at signatures and policies from the call after these on, which are those that make the account.
WITH_USERS = sys.argv[1:] == ["users"]
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "15" if WITH_USERS else "9"
os.environ["MOTO_ACCOUNT_ID"] = "111122223333"

import boto3
from moto.iam import access_control
from moto.iam.models import iam_backends
from moto.server import ThreadedMotoServer
from moto.sts.models import sts_backends

BUCKET = "terraform-state"


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


class User(access_control.IAMUserAccessKey):
    """A user's key. AWS refuses an inactive one as it refuses one that it does not know; moto keeps the status and does not look."""

    def __init__(self, account_id, partition, access_key_id, headers):
        super().__init__(account_id, partition, access_key_id, headers)
        if status_of(access_key_id) != "Active":
            raise access_control.CreateAccessKeyFailure(reason="InvalidId")


def status_of(access_key_id):
    users = iam_backends[os.environ["MOTO_ACCOUNT_ID"]]["aws"].users.values()
    keys = [key for user in users for key in user.access_keys if key.access_key_id == access_key_id]
    return keys[0].status if keys else None


access_control.IAMUserAccessKey = User
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
endpoint = "http://%s:%d" % server.get_host_and_port()


def client(service, key="none", secret="none", region="us-east-1"):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


iam = client("iam")
iam.create_user(UserName="minter")
key = iam.create_access_key(UserName="minter")["AccessKey"]
allowed = policy(Action=["sts:AssumeRole", "s3:GetObject", "ssm:GetParameter", "sns:ListTopics"], Resource="*")
iam.put_user_policy(UserName="minter", PolicyName="mint", PolicyDocument=allowed)
trust = policy(Principal={"AWS": "*"}, Action="sts:AssumeRole")
role = iam.create_role(RoleName="terraform", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
state = policy(Action="s3:*", Resource=[f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"])
iam.put_role_policy(RoleName="terraform", PolicyName="state", PolicyDocument=state)
# What each role may make is what the other may not: a session of the wrong one is refused.
iam.put_role_policy(RoleName="terraform", PolicyName="make", PolicyDocument=policy(Action="ssm:*", Resource="*"))
iam.create_role(RoleName="network", AssumeRolePolicyDocument=trust)
iam.put_role_policy(RoleName="network", PolicyName="make", PolicyDocument=policy(Action="sns:*", Resource="*"))
client("s3").create_bucket(Bucket=BUCKET)


def user(name, statement):
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=statement)
    return [made["AccessKeyId"], made["SecretAccessKey"]]


made = {"endpoint": endpoint, "role_arn": role}
if WITH_USERS:
    made["legacy"] = user("legacy", state)
    keys = ["iam:GetAccessKeyLastUsed", "iam:UpdateAccessKey", "iam:DeleteAccessKey"]
    made["operator"] = user("operator", policy(Action=keys, Resource="*"))
print(json.dumps(made), flush=True)

minter = (key["AccessKeyId"], key["SecretAccessKey"])
sts, s3 = (client(service, *minter) for service in ("sts", "s3"))
for line in sys.stdin:
    request = json.loads(line)
    if "object" in request:
        answer = s3.get_object(Bucket=BUCKET, Key=request["object"])["Body"].read().decode()
    elif "parameter" in request:
        ssm = client("ssm", *minter, region=request["region"])
        answer = ssm.get_parameter(Name=request["parameter"])["Parameter"]["Value"]
    elif "topics" in request:
        topics = client("sns", *minter, region=request["topics"]).list_topics()["Topics"]
        answer = [topic["TopicArn"] for topic in topics]
    elif "key" in request:
        answer = status_of(request["key"])
    elif "end_sessions" in request:
        sessions = sts_backends[os.environ["MOTO_ACCOUNT_ID"]]["aws"].assumed_roles
        answer = len(sessions)
        sessions.clear()
    else:
        answer = sts.assume_role(
            RoleArn=request["assume"],
            RoleSessionName=request["session_name"],
            DurationSeconds=request["duration_seconds"],
        )["Credentials"]
    print(json.dumps(answer, default=lambda time: time.strftime("%Y-%m-%dT%H:%M:%SZ")), flush=True)
server.stop()
