#!/usr/bin/env python3
"""Writes what the fuzzers begin with, a folder for each target: seed.py FOLDER.

From tests/vectors, from openssl where it is there, and put together here. What stands in seeds/ is text, or comes from programs
that may not be there.
"""

import base64
import gzip
import io
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"
OUT = pathlib.Path(sys.argv[1])

ARN = "arn:aws:rolesanywhere:eu-central-1:111122223333:"
ROLE = "arn:aws:iam::111122223333:role/build"


def seed(target, name, content):
    folder = OUT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def ders(path):
    """The blocks of a PEM file."""
    for label, text in re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END", path.read_text(), re.S):
        yield label, base64.b64decode("".join(text.split()))


def of_vectors():
    """Certificates, keys and requests that the official helper sent; keys and certificates of ML-DSA."""
    for path in sorted(VECTORS.glob("*/**/*.pem")) + sorted(VECTORS.glob("wire/*/*.key")):
        name = "-".join(path.relative_to(VECTORS).with_suffix("").parts)
        for label, der in ders(path):
            if label == "CERTIFICATE":
                seed("certificate", f"{name}.der", der)
                seed("pem", f"{name}.pem", path.read_bytes())
            elif "PRIVATE KEY" in label:
                seed("pkcs8", f"{name}.der", der)
                seed("pkcs8", f"{name}.pem", path.read_bytes())
    for path in sorted(VECTORS.glob("wire/*/request.http"))[:3]:
        seed("http_request", path.parent.name, path.read_bytes())


CA = """
[ca]
default_ca = own
[own]
database = index
crlnumber = number
default_md = sha256
default_crl_days = 30
[req]
distinguished_name = name
req_extensions = wishes
[name]
[wishes]
subjectAltName = DNS:build-17,URI:spiffe://example.org/build,IP:192.0.2.17,dirName:directory
basicConstraints = critical,CA:TRUE
[directory]
O = Example
CN = build
[root]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[host]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectAltName = DNS:build-17,email:a@example.org,URI:spiffe://example.org/build,IP:2001:db8::1,otherName:1.2.3.4;UTF8:x
crlDistributionPoints = URI:http://crl.example.org/a.crl
authorityKeyIdentifier = keyid
certificatePolicies = 1.2.3.4
nameConstraints = critical,permitted;DNS:example.org
1.2.3.4.5 = critical,DER:0500
"""


def of_openssl():
    """Every form that openssl writes, with one iteration, so that what follows the key derivation is reached often."""
    folder = pathlib.Path(tempfile.mkdtemp())

    def openssl(line, *more):
        command = ["openssl", *line.split(), *more]
        return subprocess.run(command, cwd=folder, capture_output=True).returncode == 0

    (folder / "ca.cnf").write_text(CA)
    (folder / "index").write_text("".join(f"R\t300101000000Z\t261101000000Z,keyCompromise\t424{n}\tunknown\t/CN=old{n}\n" for n in range(3)))
    (folder / "number").write_text("07\n")

    def made(target, name, line, *more):
        if openssl(line + f" -out {name}", *more):
            seed(target, name, (folder / name).read_bytes())

    keys = {
        "rsa": "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024",
        "p256": "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        "p384": "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        "p521": "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521",
        "explicit": "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
        "ed25519": "genpkey -algorithm ED25519",
    }
    for kind, line in keys.items():
        openssl(line + f" -out {kind}.key")
        made("pkcs8", f"{kind}.der", f"pkcs8 -topk8 -nocrypt -outform DER -in {kind}.key")
        made("pkcs8", f"{kind}-old.pem", f"pkey -traditional -in {kind}.key")
        made("pkcs8", f"{kind}-old.der", f"pkey -traditional -outform DER -in {kind}.key")
        made("request", f"{kind}.der", f"req -new -config ca.cnf -key {kind}.key -outform DER", "-subj", "/O=Example/CN=build-17")
        made("request", f"{kind}.pem", f"req -new -config ca.cnf -key {kind}.key", "-subj", "/O=Example/CN=build-17")
        root = f"req -x509 -config ca.cnf -extensions root -key {kind}.key -days 9000"
        made("certificate", f"{kind}-root.der", f"{root} -outform DER", "-subj", "/C=DE/O=Example/CN=TEST root+OU=a")
        openssl(f"{root} -out {kind}-root.pem", "-subj", "/CN=TEST root")
        issued = f"x509 -req -in {kind}.pem -CA {kind}-root.pem -CAkey {kind}.key -set_serial 0x80ff -days 9000 -extfile ca.cnf -extensions host"
        made("certificate", f"{kind}-host.der", f"{issued} -outform DER")
        openssl(f"{issued} -out {kind}-host.pem")
        both = f"-certfile {kind}-host.pem -certfile {kind}-root.pem"
        made("pkcs7", f"{kind}.p7b", f"crl2pkcs7 -nocrl {both}")
        made("pkcs7", f"{kind}.p7c", f"crl2pkcs7 -nocrl -outform DER {both}")
        list_of = f"ca -gencrl -config ca.cnf -keyfile {kind}.key -cert {kind}-root.pem"
        made("crl", f"{kind}.pem", list_of)
        made("crl", f"{kind}.crl", f"crl -outform DER -in {kind}.pem")
        made("pkcs7", f"{kind}-crl.p7c", f"crl2pkcs7 -outform DER -in {kind}.pem {both}")
        store = f"pkcs12 -export -inkey {kind}.key -in {kind}-host.pem -certfile {kind}-root.pem -iter 1"
        for form, more in {
            "modern": "",
            "no-mac": "-nomac",
            "open": "-keypbe NONE -certpbe NONE",
            "old": "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1",
            "aes128": "-keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha512",
            "legacy": "-legacy",
        }.items():
            made("pkcs12", f"{kind}-{form}.p12", f"{store} {more}", "-passout", "pass:correct horse")
            made("pkcs12", f"{kind}-{form}-empty.p12", f"{store} {more}", "-passout", "pass:")
        for form, more in {
            "aes256": "-v2 aes-256-cbc",
            "aes128-sha512": "-v2 aes-128-cbc -v2prf hmacWithSHA512",
            "aes192-sha1": "-v2 aes-192-cbc -v2prf hmacWithSHA1",
            "3des": "-v2 des3",
            "scrypt": "-scrypt -scrypt_N 2 -scrypt_r 8 -scrypt_p 1",
            "pbes1": "-v1 PBE-SHA1-3DES",
        }.items():
            iterations = "" if "scrypt" in more else "-iter 1"
            line = f"pkcs8 -topk8 -outform DER -in {kind}.key {more} {iterations}"
            made("pkcs8", f"{kind}-{form}.der", line, "-passout", "pass:correct horse")
    shutil.rmtree(folder)


def element(tag, content):
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sized(content):
    return struct.pack(">H", len(content)) + content


def of_tpm():
    """Key files as tpm2-openssl writes them: the public areas of an RSA and of EC keys, and a private one of noise."""
    attributes = 0x00040072
    head = lambda kind, name: struct.pack(">HHI", kind, name, attributes) + sized(b"")
    areas = {
        "rsa": head(1, 0x0B) + struct.pack(">HHHI", 0x10, 0x10, 2048, 0) + sized(bytes([0xC5]) + b"\x5a" * 255),
        "rsa-pss": head(1, 0x0B) + struct.pack(">HHHHI", 0x10, 0x16, 0x0B, 2048, 65537) + sized(bytes([0xC5]) + b"\x5a" * 255),
    }
    for curve, length in {3: 32, 4: 48, 5: 66}.items():
        point = sized(b"\x01" * length) + sized(b"\x02" * length)
        areas[f"ec-{curve}"] = head(0x23, 0x0B) + struct.pack(">HHHH", 0x10, 0x10, curve, 0x10) + point
        areas[f"ecdsa-{curve}"] = head(0x23, 0x0B) + struct.pack(">HHHHH", 0x10, 0x18, 0x0B, curve, 0x10) + point
    kinds = {"loadable": "67810 50A0103", "sealed": "67810 50A0105", "importable": "67810 50A0104"}
    for name, area in areas.items():
        for kind, number in kinds.items():
            oid = element(6, bytes.fromhex(number.replace(" ", "")))
            parts = {
                "plain": b"",
                "empty-auth": element(0xA0, element(1, b"\xff")),
                "policy": element(0xA1, element(0x30, element(0x30, element(0xA0, element(2, b"\x01\x6b")) + element(0xA1, element(4, b"x"))))),
            }
            for form, more in parts.items():
                for parent in (b"\x40\x00\x00\x01", b"\x00\x81\x00\x00\x01"):
                    content = oid + more + element(2, parent) + element(4, sized(area)) + element(4, sized(b"\x07" * 64))
                    der = element(0x30, content)
                    seed("tss2", f"{name}-{kind}-{form}-{parent[0]}", der)
        seed("tss2", f"{name}.pem", b"-----BEGIN TSS2 PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END TSS2 PRIVATE KEY-----\n")


def of_cache():
    """An entry and a failure, in version 3 and 1 to 4 of their encodings."""
    text = lambda value: sized(value.encode())
    some = lambda value: b"\x00" if value is None else b"\x01" + text(value)
    time = lambda seconds: struct.pack(">q", seconds)
    now = 1795449600
    for version in range(1, 5):
        entry = bytes([version]) + text("ASIAEXAMPLEEXAMPLE00") + text("secret") + b"\x01" + sized(b"token" * 20) + time(now + 3600)
        entry += text(ROLE) + some("arn:aws:sts::111122223333:assumed-role/build/1") + some(None) + some(ARN + "subject/1")
        entry += time(now) + time(now + 3600) + b"\x07" * 32 + text("CN=build-17") + text("CN=TEST issuing")
        arn = ARN + "{}/a1b2c3d4-0000-4000-8000-000000000001"
        entry += text(arn.format("trust-anchor")) + text(arn.format("profile")) + text("https://rolesanywhere.eu-central-1.amazonaws.com")
        seed("cache_entry", f"entry-{version}", entry + some("10 minutes"))
        failure = bytes([version]) + struct.pack(">Q", 7) + time(now) + b"\x07" * 32 + struct.pack(">Q", 3) + time(now + 60)
        failure += b"\x01" + text(ROLE) + text("aws-refused") + some("AccessDeniedException") + text("AWS refused") + some("a hint")
        seed("cache_entry", f"failure-{version}", failure + some("AWS says") + text("no") + some(None))


def of_helper():
    """Messages between the program and anyrole-pkcs11, alone and in frames."""
    number = lambda value: struct.pack(">Q", value)
    octets = lambda value: number(len(value)) + value
    messages = {
        "load": b"\x00" + octets(b"/usr/lib/softhsm/libsofthsm2.so"),
        "tokens": b"\x01",
        "find": b"\x02" + number(1) + b"\x00" + b"\x01" + octets(b"key") + b"\x00",
        "login": b"\x03" + number(1) + b"\x01" + octets(b"1234"),
        "sign": b"\x04" + number(7) + b"\x00\x00" + octets(b"message") + octets(b"hashed") + number(32) + b"\x02",
        "hello": b"\x00" + number(1) + octets(b"0.1.0"),
        "loaded": b"\x01" + octets(b"SoftHSM") + octets(b"x") + octets(b"2.6"),
        "signature": b"\x05" + octets(b"\x30" * 64),
        "refused": b"\x06\x01" + octets(b"CKR_PIN_INCORRECT"),
    }
    for name, message in messages.items():
        seed("pkcs11_wire", name, message)
    seed("pkcs11_wire", "frames", b"".join(struct.pack(">I", len(message)) + message for message in messages.values()))


def of_audits():
    """Files with keys that are nobody's, plain and packed; policies in every form; a small account."""
    secret = "sKaN0tReaL/bCdEfGhIjKlMnOpQrStUvWxYz0123"
    key = "AKIAQ" + "EXAMPLE23456ABC"[:15]
    files = {
        "credentials": f"[build]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n",
        "env": f"export AWS_ACCESS_KEY_ID={key}\nAWS_SECRET_ACCESS_KEY='{secret}'\n",
        "json": json.dumps({"a": [{"AccessKeyId": key, "SecretAccessKey": secret}]}),
        "yaml": f"env:\n  - name: AWS_ACCESS_KEY_ID\n    value: {key}\n  - name: AWS_SECRET_ACCESS_KEY\n    value: {secret}\n",
        "csv": f"User name,Access key ID,Secret access key\nbuild,{key},{secret}\n",
        "base64": "data:\n  keys: " + base64.b64encode(f"{key}\n{secret}".encode()).decode() + "\n",
    }
    for name, text in files.items():
        plain = text.encode()
        seed("audit_files", name, plain)
        seed("audit_files", f"{name}.gz", gzip.compress(plain, mtime=0))
        seed("audit_files", f"{name}.utf16", text.encode("utf-16"))
        seed("audit_files", f"{name}.z", zlib.compress(b"blob %d\0" % len(plain) + plain))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            member = tarfile.TarInfo(f"home/{name}")
            member.size = len(plain)
            archive.addfile(member, io.BytesIO(plain))
        seed("audit_files", f"{name}.tar", packed.getvalue())
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"home/{name}", plain)
        seed("audit_files", f"{name}.zip", packed.getvalue())
    statement = {"Sid": "A", "Effect": "Allow", "Action": ["iam:PassRole", "ec2:*"], "Resource": "*"}
    trust = {"Effect": "Allow", "Principal": {"Service": ["rolesanywhere.amazonaws.com"]}, "Action": ["sts:AssumeRole"]}
    trust["Condition"] = {"StringLike": {"aws:PrincipalTag/x509Subject/CN": ["build-*"]}, "ArnEquals": {"aws:SourceArn": ARN + "trust-anchor/x"}}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    role = {"RoleName": "build", "Arn": ROLE, "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    role["RolePolicyList"] = [{"PolicyName": "own", "PolicyDocument": document}]
    user = {"UserName": "someone", "Arn": ROLE.replace("role/build", "user/someone"), "UserPolicyList": role["RolePolicyList"]}
    details = {"UserDetailList": [user], "GroupDetailList": [], "RoleDetailList": [role], "Policies": [], "IsTruncated": False}
    resource = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": role["AssumeRolePolicyDocument"]}}
    planned = {"address": "aws_iam_role.build", "type": "aws_iam_role", "name": "build"}
    planned["values"] = {"assume_role_policy": json.dumps(role["AssumeRolePolicyDocument"])}
    for name, value in {
        "policy": document,
        "details": details,
        "template": {"Resources": {"Role": resource}},
        "plan": {"format_version": "1.2", "planned_values": {"root_module": {"resources": [planned]}}},
    }.items():
        seed("audit_policy", name, b"\x01" + json.dumps(value, indent=1).encode())
    # One configuration of two files.
    locals_and_part, mark, rest = (HERE / "seeds/audit_policy/terraform").read_bytes().partition(b'data "aws_iam_policy_document" "all"')
    seed("audit_policy", "terraform-files", b" " + mark + rest + b"\0" + locals_and_part.strip() + b"\n")
    time = "2026-11-01T00:00:00+00:00"
    head = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active"
    for slot in "12":
        head += "".join(f",access_key_{slot}_{what}" for what in ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service"))
    head += "".join(f",cert_{slot}_{what}" for slot in "12" for what in ("active", "last_rotated"))
    row = f"someone,{user['Arn']},{time},true,no_information,{time},N/A,false,true,{time},{time},us-east-1,s3,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
    report = f"{head}\n{row}\n"
    listed = {"AccessKeyMetadata": [{"UserName": "someone", "AccessKeyId": key, "Status": "Active", "CreateDate": time}]}
    used = {"UserName": "someone", "AccessKeyLastUsed": {"LastUsedDate": time, "ServiceName": "s3", "Region": "us-east-1"}}
    accessed = {"JobStatus": "COMPLETED", "IsTruncated": False, "ServicesLastAccessed": [
        {"ServiceName": "S3", "ServiceNamespace": "s3", "LastAuthenticated": time, "LastAuthenticatedEntity": user["Arn"]}]}
    encoded = {"Content": base64.b64encode(report.encode()).decode(), "ReportFormat": "text/csv", "GeneratedTime": time}
    for name, answers in {"none": [], "details": [details], "keys": [listed, used], "accessed": [accessed]}.items():
        seed("audit_iam", name, "\n---\n".join([report, *("\n".join(map(json.dumps, answers)) for answers in [answers] if answers)]))
    seed("audit_iam", "encoded", json.dumps(encoded))


of_audits()
of_vectors()
of_tpm()
of_cache()
of_helper()
if shutil.which("openssl"):
    of_openssl()
else:
    print("openssl is not there: no certificates, requests, lists and stores of it", file=sys.stderr)
for folder in sorted((HERE / "seeds").iterdir()):
    for path in sorted(folder.iterdir()):
        seed(folder.name, path.name, path.read_bytes())
