"""AWS's own Python library for Roles Anywhere, which signs CreateSession itself: nobody here wrote it.

Prints the caller's identity twice. Sessions of 900 seconds are renewed at each use, so that the second is asked for anew.
"""

import json
import sys

from iam_rolesanywhere_session import IAMRolesAnywhereSession

arguments = json.loads(sys.argv[1])
sts_endpoint = arguments.pop("sts_endpoint")
session = IAMRolesAnywhereSession(session_duration=900, **arguments).get_session()
for _ in range(2):
    session.get_credentials().get_frozen_credentials()
    print(session.client("sts", endpoint_url=sts_endpoint).get_caller_identity()["Arn"])
