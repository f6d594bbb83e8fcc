"""An IAM Roles Anywhere client of its own: AWS4-X509 from the specification, with PyPI's cryptography.

It shares no line with anyrole, so that the judge and the simulator are tried by somebody else's reading of the same
pages. Each step of the signature is one method, which a wrong client overrides.

https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
"""

import base64
import datetime
import hashlib
import http.client
import json
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key


class Client:
    """Signs and sends one CreateSession; `settings` is the JSON object that `__main__.py` reads."""

    service = "rolesanywhere"
    content_type = "application/json"

    def __init__(self, settings):
        self.settings = settings
        self.key = load_pem_private_key(settings["private_key"].encode(), password=None)
        self.end_entity, *self.intermediates = x509.load_pem_x509_certificates(settings["chain"].encode())

    # Task 1: the canonical request.

    def query(self):
        """The parameters in the order in which they are sent."""
        return [(name, self.settings[name]) for name in ("profileArn", "roleArn", "trustAnchorArn")]

    def body(self):
        return json.dumps({"durationSeconds": 900}).encode()

    def quote(self, text):
        return urllib.parse.quote(text, safe="-_.~")

    def encode_query(self, query):
        return "&".join(f"{self.quote(name)}={self.quote(value)}" for name, value in query)

    def canonical_query(self):
        return self.encode_query(sorted(self.query()))

    def now(self):
        return datetime.datetime.now(datetime.timezone.utc)

    def amz_date(self, now):
        return now.strftime("%Y%m%dT%H%M%SZ")

    def x509_header(self):
        return base64.b64encode(self.end_entity.public_bytes(Encoding.DER)).decode()

    def chain_header(self):
        return ",".join(base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in self.intermediates)

    def headers(self, now):
        """The headers to be signed, by lower-case name."""
        headers = {
            "content-type": self.content_type,
            "host": self.settings["endpoint"],
            "x-amz-date": self.amz_date(now),
            "x-amz-x509": self.x509_header(),
        }
        if chain := self.chain_header():
            headers["x-amz-x509-chain"] = chain
        return headers

    def signed_headers(self, headers):
        return sorted(headers)

    def canonical_request(self, headers, body):
        signed = self.signed_headers(headers)
        lines = "".join(f"{name.lower()}:{headers.get(name.lower(), '').strip()}\n" for name in signed)
        body_hash = hashlib.sha256(body).hexdigest()
        return "\n".join(["POST", "/sessions", self.canonical_query(), lines, ";".join(signed), body_hash])

    # Task 2: the string to sign.

    def algorithm(self):
        kinds = {rsa.RSAPrivateKey: "RSA-SHA256", ec.EllipticCurvePrivateKey: "ECDSA-SHA256"}
        return "AWS4-X509-" + next((name for kind, name in kinds.items() if isinstance(self.key, kind)), "MLDSA")

    def scope(self, now):
        return f"{now:%Y%m%d}/{self.settings['region']}/{self.service}/aws4_request"

    def string_to_sign(self, now, canonical_request):
        digest = hashlib.sha256(canonical_request.encode()).hexdigest()
        return "\n".join([self.algorithm(), self.amz_date(now), self.scope(now), digest])

    # Task 3: the signature. There is no derived key: the text itself is signed.

    def sign(self, message):
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(message, ec.ECDSA(hashes.SHA256()))
        assert isinstance(self.key, mldsa.MLDSA65PrivateKey)
        return self.key.sign(message)

    def encode_signature(self, signature):
        return signature.hex()

    # Task 4: the Authorization header.

    def credential_id(self):
        return str(self.end_entity.serial_number)

    def authorization(self, now, headers, signature):
        signed = ";".join(self.signed_headers(headers))
        credential = f"{self.credential_id()}/{self.scope(now)}"
        return f"{self.algorithm()} Credential={credential}, SignedHeaders={signed}, Signature={signature}"

    # The request, as it is sent: what happens here is not covered by the signature.

    def alter(self, target, headers, body):
        """Returns target, list of headers and body as sent; here they are what was signed."""
        return target, headers, body

    def create_session(self):
        """Sends the request and returns the answer's status, error code and JSON."""
        now, body = self.now(), self.body()
        headers = self.headers(now)
        text = self.string_to_sign(now, self.canonical_request(headers, body))
        signature = self.encode_signature(self.sign(text.encode()))
        sent = [*headers.items(), ("authorization", self.authorization(now, headers, signature))]
        target, sent, body = self.alter("/sessions?" + self.encode_query(self.query()), sent, body)
        connection = http.client.HTTPConnection(self.settings["endpoint"], timeout=20)
        connection.putrequest("POST", target, skip_host=True, skip_accept_encoding=True)
        for name, value in [*sent, ("content-length", str(len(body)))]:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.getheader("x-amzn-errortype"), json.loads(answer.read())
