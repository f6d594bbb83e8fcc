"""An AWS account made by moto, and the AWS CLI in one process, which answers calls without starting anew for each.

account.py FOLDER

Makes users with keys, writes what the read-only commands of `anyrole audit iam` write into FOLDER, and prints one line of JSON: the
ids of the keys by user. Then, until its standard input ends, it answers calls of the program `aws` that it has put there: words of
the command line from the pipe `in`, each ended by a NUL; exit status, a line, and what was printed, into the pipe `out`.
"""

import contextlib
import io
import json
import logging
import os
import sys
import threading

folder = sys.argv[1]
os.environ.update(
    MOTO_ACCOUNT_ID="111122223333",
    AWS_ACCESS_KEY_ID="none",
    AWS_SECRET_ACCESS_KEY="none",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_CONFIG_FILE="/nonexistent",
    AWS_SHARED_CREDENTIALS_FILE="/nonexistent",
)

import boto3
from awscli.clidriver import create_clidriver
from moto.iam.models import iam_backends
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
endpoint = "http://%s:%d" % server.get_host_and_port()
os.environ["AWS_ENDPOINT_URL"] = endpoint

iam = boto3.client("iam", endpoint_url=endpoint)
keys = {}
for user in ["alice", "bob", "carol", "dave", "erin"]:
    iam.create_user(UserName=user, Tags=[{"Key": "Team", "Value": f"team-{user}"}])
    key = iam.create_access_key(UserName=user)["AccessKey"]
    keys[user] = [key["AccessKeyId"], key["SecretAccessKey"]]
iam.update_access_key(UserName="carol", AccessKeyId=keys["carol"][0], Status="Inactive")
# Years ago, so that they are neither new nor in use.
import datetime

for key in iam_backends["111122223333"]["aws"].access_keys.values():
    key.create_date = datetime.datetime(2022, 1, 2, 3, 4, 5)

driver = create_clidriver()


def call(arguments):
    out, err = io.TextIOWrapper(io.BytesIO(), write_through=True), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = driver.main(arguments)
        except SystemExit as end:
            status = end.code
    return status or 0, out.buffer.getvalue().decode() + err.getvalue()


def use(user):
    """Signs a request with the user's key, so that AWS notes its use."""
    boto3.client("sts", endpoint_url=endpoint, aws_access_key_id=keys[user][0], aws_secret_access_key=keys[user][1]).get_caller_identity()


def write(name, texts):
    with open(os.path.join(folder, name), "w") as file:
        file.writelines(texts)


use("dave")
iam.generate_credential_report()
write("report.json", [call(["iam", "get-credential-report", "--output", "json"])[1]])
write("details.json", [call(["iam", "get-account-authorization-details", "--output", "json"])[1]])
write("keys.json", [call(["iam", "list-access-keys", "--user-name", user, "--output", "json"])[1] for user in keys])
query = "{AccessKeyId:'%s',UserName:UserName,AccessKeyLastUsed:AccessKeyLastUsed}"
write(
    "used.json",
    [
        call(["iam", "get-access-key-last-used", "--access-key-id", key, "--output", "json", "--query", query % key])[1]
        for key, _ in keys.values()
    ],
)
for pipe in ["in", "out"]:
    os.mkfifo(os.path.join(folder, pipe))
with open(os.path.join(folder, "aws"), "w") as program:
    program.write(
        f"""#!/bin/sh
printf '%s\\0' "$@" >'{folder}/in'
{{ read -r status; if [ "$status" = 0 ]; then cat; else cat >&2; fi; }} <'{folder}/out'
exit "$status"
"""
    )
os.chmod(program.name, 0o700)


def answer():
    while True:
        with open(os.path.join(folder, "in"), "rb") as pipe:
            arguments = pipe.read().decode().split("\0")[:-1]
        if arguments[0] == "use":
            use(arguments[1])
            status, text = 0, ""
        else:
            status, text = call(arguments)
        with open(os.path.join(folder, "out"), "w") as pipe:
            pipe.write(f"{status}\n{text}")


threading.Thread(target=answer, daemon=True).start()
print(json.dumps({user: key for user, (key, _) in keys.items()}), flush=True)
sys.stdin.read()
