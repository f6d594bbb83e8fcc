"""Clients that are right in another way than the usual one: what the specification leaves open.

pki-test's `tests/foreign_client` wants a session granted to each.
"""

import base64
import json

from cryptography.hazmat.primitives.serialization import Encoding

from roles_anywhere import Client


class right(Client):
    pass


class arns_in_the_body(Client):
    """As the examples of the API's page have it."""

    def query(self):
        return []

    def body(self):
        return json.dumps({"durationSeconds": 900} | dict(super().query())).encode()


class query_in_another_order(Client):
    def query(self):
        return super().query()[::-1]


class more_headers_signed(Client):
    """As the official helper signs, which covers all that its SDK adds."""

    def headers(self, now):
        return super().headers(now) | {"amz-sdk-invocation-id": "a1b2c3d4", "amz-sdk-request": "attempt=1; max=3"}


class end_entity_in_the_chain(Client):
    """As the official helper does with PKCS#12 files."""

    def chain_header(self):
        return base64.b64encode(self.end_entity.public_bytes(Encoding.DER)).decode() + "," + super().chain_header()


class spaced_headers(Client):
    """Blanks around a value are not part of it."""

    content_type = "  application/json "
