"""Writes the stages of every case from its request.json, by the text of the signing process alone.

    python3 tests/vectors/aws4-x509/make.py

It shares no code with the program, and is its second opinion.
"""
import hashlib
import json
import pathlib
import re

UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"


def encode(text, keep=b""):
    return "".join(chr(b) if b in UNRESERVED + keep else "%%%02X" % b for b in text.encode("utf-8"))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def stages(case):
    authority, slash, base = case["endpoint"].split("://")[1].partition("/")
    path = (slash + base).rstrip("/") + case["path"]
    query = "&".join(f"{n}={v}" for n, v in sorted((encode(n), encode(v)) for n, v in case["query"]))
    headers = {"host": [authority]}
    for name, value in case["headers"]:
        if name.lower() not in ("authorization", "user-agent", "x-amzn-trace-id"):
            headers.setdefault(name.lower(), []).append(re.sub(" +", " ", value.strip(" \t")))
    names = sorted(headers)
    signed = ";".join(names)
    canonical = "\n".join(
        [case["method"], encode(path, b"/"), query]
        + [f"{name}:{','.join(headers[name])}" for name in names]
        + ["", signed, sha256(case["body"].encode("utf-8"))]
    )
    scope = f"{case['time'][:8]}/{case['region']}/rolesanywhere/aws4_request"
    to_sign = "\n".join([case["algorithm"], case["time"], scope, sha256(canonical.encode("utf-8"))])
    credential = str(int(case["serial_hex"], 16))
    authorization = (
        f"{case['algorithm']} Credential={credential}/{scope}, SignedHeaders={signed}, Signature={case['signature']}"
    )
    return {"canonical-request": canonical, "string-to-sign": to_sign, "authorization": authorization}


if __name__ == "__main__":
    for request in sorted(pathlib.Path(__file__).parent.glob("*/request.json")):
        for stage, text in stages(json.loads(request.read_text("utf-8"))).items():
            (request.parent / f"{stage}.txt").write_bytes(text.encode("utf-8"))
