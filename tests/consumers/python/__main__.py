"""Sends CreateSession once for each named client and prints one line of JSON for each.

Standard input is a JSON object: `endpoint` (host:port), `region`, the three ARNs by their parameter names, `chain` and
`private_key` (PEM texts, end entity first), `other_private_key` (PEM, of the same algorithm) and `clients`, the names.
The secret parts of an answer are not printed.
"""

import json
import sys

import right_clients
import wrong_clients

settings = json.load(sys.stdin)
for name in settings["clients"]:
    client = getattr(right_clients, name, None) or getattr(wrong_clients, name)
    status, code, answer = client(settings).create_session()
    line = {"client": name, "status": status, "code": code, "message": answer.get("message")}
    if status == 201:
        line["assumed_role_arn"] = answer["credentialSet"][0]["assumedRoleUser"]["arn"]
    print(json.dumps(line))
