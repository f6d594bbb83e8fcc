"""What a linter says of policies that are not its own: reads a list of {name, policy} as JSON, prints {name: [rules]}.

    policies.py parliament | cloudsplaining FILE

Each runs in the Python of its own folder, once over all policies.
"""

import json
import sys


def parliament(policy):
    from parliament import analyze_policy_string

    analyzed = analyze_policy_string(json.dumps(policy), include_community_auditors=True)
    return {finding.issue for finding in analyzed.findings}


def cloudsplaining(policy):
    from cloudsplaining.scan.policy_document import PolicyDocument

    document = PolicyDocument(policy)
    found = set()
    if document.allows_privilege_escalation:
        found.add("PrivilegeEscalation")
    if document.service_wildcard:
        found.add("ServiceWildcard")
    if document.infrastructure_modification or document.allows_data_exfiltration_actions:
        found.add("ResourceStar")
    return found


def main():
    judge = {"parliament": parliament, "cloudsplaining": cloudsplaining}[sys.argv[1]]
    said = {}
    with open(sys.argv[2], encoding="utf-8") as file:
        for entry in json.load(file):
            try:
                said[entry["name"]] = sorted(judge(entry["policy"]))
            except Exception as error:  # what it cannot read is an answer too
                said[entry["name"]] = [f"FAILED {type(error).__name__}"]
    json.dump(said, sys.stdout)


main()
