"""Judges what `anyrole setup` printed: programs and models that others wrote.

    setup.py templates FILE...   cfn-lint reads each template
    setup.py commands FILE       botocore checks each command of the AWS CLI, moto carries out what it can, and parliament reads each
                                 policy; FILE holds {"script": NAME, "arguments": [...]} in lines

Prints a line for each thing that is wrong, and ends with 1 if there is one.
"""

import json
import os
import re
import sys


def templates(paths):
    from cfnlint.api import lint_file
    from pathlib import Path

    for path in paths:
        for match in lint_file(Path(path)):
            yield f"{path}:{match.linenumber}: {match.rule.id} {match.message}"


def commands(path):
    import botocore.session
    from botocore import xform_name
    from botocore.validate import ParamValidator

    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", MOTO_ACCOUNT_ID="111122223333")
    from moto import mock_aws

    session = botocore.session.get_session()
    models = {}
    scripts = {}
    for line in open(path, encoding="utf-8"):
        record = json.loads(line)
        scripts.setdefault(record["script"], []).append(record["arguments"])

    def parse(arguments):
        """Turns a command line into the parameters of its operation, as the AWS CLI does."""
        service, operation, *rest = arguments
        model = models.get(service) or models.setdefault(service, session.get_service_model(service))
        name = next(n for n in model.operation_names if xform_name(n, "-") == operation)
        shape = model.operation_model(name).input_shape
        members = {xform_name(n, "-"): (n, s) for n, s in (shape.members if shape else {}).items()}
        # One flag of the AWS CLI has another name than the member.
        if (service, operation) == ("sns", "subscribe"):
            members["notification-endpoint"] = members["endpoint"]
        params, region = {}, None
        while rest:
            flag = rest.pop(0)
            assert flag.startswith("--"), f"{operation}: {flag!r} is no flag"
            flag = flag[2:]
            if flag in ("query", "output"):
                rest.pop(0)
            elif flag == "region":
                region = rest.pop(0)
            else:
                assert flag in members, f"{service} {operation} has no flag --{flag}"
                member, of = members[flag]
                params[member] = value(of, rest)
        return service, name, shape, params, region

    def value(shape, rest):
        if shape.type_name == "boolean":
            return True
        text = rest.pop(0)
        if shape.type_name == "integer":
            return int(text)
        if shape.type_name == "blob":
            assert text.startswith("fileb://"), text
            return open(text[len("fileb://"):], "rb").read()
        if shape.type_name == "list" and not text.startswith("["):
            return [text]
        return text if shape.type_name == "string" else json.loads(text)

    def beyond(shape, value, where):
        """What ParamValidator leaves to the service: patterns and upper bounds."""
        metadata = shape.metadata
        if shape.type_name == "structure":
            for name, inner in value.items():
                yield from beyond(shape.members[name], inner, f"{where}.{name}")
        elif shape.type_name == "list":
            for inner in value:
                yield from beyond(shape.member, inner, where)
        elif shape.type_name == "string":
            pattern = metadata.get("pattern")
            if pattern and r"\p" not in pattern and not re.fullmatch(pattern, value):
                yield f"{where}: {value!r} does not match {pattern}"
            if "enum" in metadata and value not in metadata["enum"]:
                yield f"{where}: {value!r} is none of {metadata['enum']}"
            if len(value) > metadata.get("max", len(value)):
                yield f"{where}: longer than {metadata['max']}"
        elif shape.type_name == "integer" and value > metadata.get("max", value):
            yield f"{where}: more than {metadata['max']}"

    policies = {}
    for script, calls in scripts.items():
        with mock_aws():
            prepared = set()
            for arguments in calls:
                service, name, shape, params, region = parse(arguments)
                where = f"{script}: {service} {name}"
                if shape is not None:
                    report = ParamValidator().validate(params, shape)
                    if report.has_errors():
                        yield f"{where}: {report.generate_report()}"
                    yield from beyond(shape, params, where)
                for member, text in params.items():
                    if "PolicyDocument" in member or member in ("Content", "AttributeValue"):
                        policies.setdefault((member, text), where)
                if service in ("events", "iam", "organizations", "sns"):
                    client = session.create_client(service, region_name=region or "us-east-1")
                    try:
                        if service == "organizations" and not prepared:
                            client.create_organization(FeatureSet="ALL")
                            prepared.add(service)
                        if service == "organizations" and name == "AttachPolicy":
                            listed = client.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
                            params["PolicyId"] = next(p["Id"] for p in listed if p["Name"] == "deny-static-keys")
                            params["TargetId"] = client.list_roots()["Roots"][0]["Id"]
                        if name == "PutRolePolicy" and not any(c[1] == "create-role" for c in calls):
                            trust = {"Version": "2012-10-17", "Statement": []}
                            if params["RoleName"] not in prepared:
                                client.create_role(RoleName=params["RoleName"], AssumeRolePolicyDocument=json.dumps(trust))
                                prepared.add(params["RoleName"])
                        getattr(client, xform_name(name))(**params)
                    except Exception as error:
                        yield f"{where}: moto: {error}"
    yield from lint(policies)


# What parliament finds and we mean: it does not know the keys of Roles Anywhere's sessions and of its newest year, a trust policy
# has no resource, and a denial is of everything.
MEANT = {
    "UNKNOWN_CONDITION_FOR_ACTION",
    "UNKNOWN_PREFIX",
    "UNKNOWN_ACTION",
    "RESOURCE_STAR",
    "RESOURCE_MISMATCH",
}


def lint(policies):
    import parliament

    for (member, text), where in policies.items():
        policy = json.loads(text)
        for statement in policy["Statement"]:
            # Parliament reads identity policies.
            if "Principal" in statement:
                statement.pop("Principal")
                statement.setdefault("Resource", "*")
        analyzed = parliament.analyze_policy_string(json.dumps(policy))
        for finding in analyzed.findings:
            detail = f"{finding.issue} {finding.detail}"
            if finding.issue in MEANT or "aws:OriginIdentity" in detail or "aws:PrincipalTag" in detail:
                continue
            # It knows addresses of IPv4 alone.
            if finding.issue == "MISMATCHED_TYPE" and "type Ip" in detail and "::" in detail:
                continue
            yield f"{where}: parliament: {detail}"


def main():
    kind, *rest = sys.argv[1:]
    problems = list(templates(rest) if kind == "templates" else commands(*rest))
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


main()
