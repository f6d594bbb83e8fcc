"""Judges chains and private keys with PyPI's cryptography.

Reads a JSON list of cases: {"certificates": [PEM, end entity first, trust anchor last], "now": time,
"keys": [{"pem": text, "passphrase": text or null}], "expanded": [PEM]}. Writes a JSON list of what is wrong, null
for nothing. "expanded" are ML-DSA keys that cryptography does not load: their octets are compared with FIPS 204.
"""

import base64
import datetime
import hashlib
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
    for pem in case["expanded"]:
        judge_expanded(pem, certificates[0].public_key().public_bytes_raw())


def judge_expanded(pem, public):
    """An expanded key (FIPS 204, algorithm 24) is the last of the DER: rho, K, tr, and vectors."""
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    octets = {1312: 2560, 1952: 4032, 2592: 4896}[len(public)]
    header, private = der[:-octets], der[-octets:]
    assert header.endswith(b"\x04\x82" + octets.to_bytes(2, "big")), "no OCTET STRING of the right length"
    assert private[:32] == public[:32], "another rho"
    assert private[64:128] == hashlib.shake_256(public).digest(64), "another tr"


def answer(case):
    try:
        judge(case)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
