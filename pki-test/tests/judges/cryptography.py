"""Judges chains and private keys with PyPI's cryptography.

Reads a JSON list of cases: {"certificates": [PEM, end entity first, trust anchor last],
"keys": [{"pem": text, "passphrase": text or null}]}. Writes a JSON list of what is wrong, null for nothing.
"""

import datetime
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def judge(case):
    certificates = [x509.load_pem_x509_certificate(pem.encode()) for pem in case["certificates"]]
    for below, above in zip(certificates, certificates[1:]):
        below.verify_directly_issued_by(above)
    now = datetime.datetime.fromisoformat(case["now"])
    for certificate in certificates:
        assert certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc, "not valid now"
    for authority in certificates[1:]:
        assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca, "not a CA"
        assert authority.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign, "keyCertSign"
    leaf = certificates[0].extensions
    assert not leaf.get_extension_for_class(x509.BasicConstraints).value.ca, "a CA"
    assert leaf.get_extension_for_class(x509.KeyUsage).value.digital_signature, "digitalSignature"
    for key in case["keys"]:
        passphrase = key["passphrase"] and key["passphrase"].encode()
        loaded = load_pem_private_key(key["pem"].encode(), passphrase)
        assert loaded.public_key() == certificates[0].public_key(), "another key"


def answer(case):
    try:
        judge(case)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
