"""Clients that are wrong in one way each, named by what is wrong.

Each is a mistake that somebody could make, or has made, when signing from the documentation. pki-test's
`tests/foreign_client` says which rule refuses which.
"""

import base64
import datetime
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from roles_anywhere import Client

# The scope.


class scope_of_another_region(Client):
    def scope(self, now):
        return super().scope(now).replace(self.settings["region"], "us-west-2")


class scope_of_sts(Client):
    service = "sts"


class scope_of_yesterday(Client):
    def scope(self, now):
        return super().scope(now - datetime.timedelta(days=1))


class scope_without_terminator(Client):
    def scope(self, now):
        return super().scope(now).replace("aws4_request", "x509_request")


class scope_without_date(Client):
    def scope(self, now):
        return super().scope(now).split("/", 1)[1]


# Time.


class six_minutes_late(Client):
    def now(self):
        return super().now() - datetime.timedelta(minutes=6)


class six_minutes_early(Client):
    def now(self):
        return super().now() + datetime.timedelta(minutes=6)


class local_time(Client):
    """Two hours east of Greenwich, and says it is UTC."""

    def amz_date(self, now):
        return super().amz_date(now + datetime.timedelta(hours=2))


class extended_date(Client):
    def amz_date(self, now):
        return now.strftime("%Y-%m-%dT%H:%M:%SZ")


# The credential.


class serial_in_hex(Client):
    def credential_id(self):
        return f"{self.end_entity.serial_number:x}"


class serial_in_colons(Client):
    """As openssl prints it."""

    def credential_id(self):
        octets = self.end_entity.serial_number.to_bytes(16, "big")
        return octets.hex(":")


class serial_with_leading_zero(Client):
    def credential_id(self):
        return "0" + super().credential_id()


class serial_of_the_issuer(Client):
    def credential_id(self):
        return str(self.intermediates[0].serial_number)


# The algorithm's name.


class algorithm_of_another_key(Client):
    def algorithm(self):
        rsa = "AWS4-X509-RSA-SHA256"
        return "AWS4-X509-ECDSA-SHA256" if super().algorithm() == rsa else rsa


class algorithm_named_after_the_curve(Client):
    def algorithm(self):
        return "AWS4-X509-ECDSA-SHA384"


class algorithm_of_sigv4(Client):
    def algorithm(self):
        return "AWS4-HMAC-SHA256"


# The list of signed headers.


class Unsigned(Client):
    left_out = ""

    def signed_headers(self, headers):
        return [name for name in super().signed_headers(headers) if name != self.left_out]


class host_not_signed(Unsigned):
    left_out = "host"


class content_type_not_signed(Unsigned):
    left_out = "content-type"


class date_not_signed(Unsigned):
    left_out = "x-amz-date"


class certificate_not_signed(Unsigned):
    left_out = "x-amz-x509"


class chain_not_signed(Unsigned):
    left_out = "x-amz-x509-chain"


class signed_headers_unsorted(Client):
    def signed_headers(self, headers):
        return list(reversed(super().signed_headers(headers)))


class signed_headers_capitalised(Client):
    def signed_headers(self, headers):
        return [name.title() for name in super().signed_headers(headers)]


class signed_headers_repeated(Client):
    def signed_headers(self, headers):
        return sorted([*super().signed_headers(headers), "host"])


class signed_headers_with_commas(Client):
    """As the prose of the signing page has it, against its own example."""

    def authorization(self, now, headers, signature):
        signed = self.signed_headers(headers)
        return super().authorization(now, headers, signature).replace(";".join(signed), ",".join(signed))


class signed_header_not_sent(Client):
    def signed_headers(self, headers):
        return sorted([*super().signed_headers(headers), "x-amz-security-token"])


# The certificate headers.


class certificate_in_base64url(Client):
    def x509_header(self):
        return base64.urlsafe_b64encode(self.end_entity.public_bytes(Encoding.DER)).decode()


class certificate_without_padding(Client):
    """Two bytes short of a group of three, so that padding is due."""

    def x509_header(self):
        der = self.end_entity.public_bytes(Encoding.DER)
        return base64.b64encode(der + bytes(1 + -len(der) % 3)).decode().rstrip("=")


class certificate_as_pem(Client):
    def x509_header(self):
        return self.end_entity.public_bytes(Encoding.PEM).decode().replace("\n", "")


class certificate_sent_twice(Client):
    def alter(self, target, headers, body):
        return target, [*headers, ("x-amz-x509", self.x509_header())], body


class certificate_left_out(Client):
    def headers(self, now):
        return {name: value for name, value in super().headers(now).items() if name != "x-amz-x509"}


class chain_of_six(Client):
    def chain_header(self):
        return ",".join([super().chain_header()] * 6)


class chain_with_semicolons(Client):
    def chain_header(self):
        return ";".join([super().chain_header()] * 2)


class chain_left_out(Client):
    def chain_header(self):
        return ""


# The canonical request.


class query_unsorted(Client):
    def canonical_query(self):
        return self.encode_query(self.query()[::-1])


class query_with_plain_slashes(Client):
    def canonical_query(self):
        return super().canonical_query().replace("%2F", "/")


class query_with_small_escapes(Client):
    def canonical_query(self):
        return super().canonical_query().replace("%3A", "%3a")


class plus_for_plus(Client):
    """Sends a plus sign as it is, which half of the world reads as a blank."""

    def alter(self, target, headers, body):
        return target.replace("%2B", "+"), headers, body


class headers_without_blank_line(Client):
    def canonical_request(self, headers, body):
        return super().canonical_request(headers, body).replace("\n\n", "\n")


class body_not_hashed(Client):
    """The hash of nothing, as in the example of the signing page."""

    def canonical_request(self, headers, body):
        return super().canonical_request(headers, b"")


class body_hash_of_another_body(Client):
    def headers(self, now):
        return super().headers(now) | {"x-amz-content-sha256": hashlib.sha256(b"").hexdigest()}


# The signature.


class final_line_feed(Client):
    def string_to_sign(self, now, canonical_request):
        return super().string_to_sign(now, canonical_request) + "\n"


class hashed_twice(Client):
    def sign(self, message):
        return super().sign(hashlib.sha256(message).digest())


class signature_raw(Client):
    """r and s side by side, as JWT and PKCS#11 have it."""

    def sign(self, message):
        width = (self.key.key_size + 7) // 8
        return b"".join(part.to_bytes(width, "big") for part in utils.decode_dss_signature(super().sign(message)))


class signature_with_hash_of_the_curve(Client):
    def sign(self, message):
        return self.key.sign(message, ec.ECDSA(hashes.SHA384()))


class signature_pss(Client):
    def sign(self, message):
        return self.key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


class signature_with_sha512(Client):
    def sign(self, message):
        return self.key.sign(message, padding.PKCS1v15(), hashes.SHA512())


class signature_with_context(Client):
    def sign(self, message):
        return self.key.sign(message, b"AWS4-X509-MLDSA")


class signature_of_another_key(Client):
    def sign(self, message):
        self.key = load_pem_private_key(self.settings["other_private_key"].encode(), password=None)
        return super().sign(message)


class signature_in_capitals(Client):
    def encode_signature(self, signature):
        return signature.hex().upper()


class signature_in_base64(Client):
    def encode_signature(self, signature):
        return base64.b64encode(signature).decode()


# Changed on the way.


class body_changed(Client):
    def alter(self, target, headers, body):
        return target, headers, body.replace(b"900", b"43200")


class role_changed(Client):
    def alter(self, target, headers, body):
        return target.replace("build", "admin"), headers, body


class content_type_changed(Client):
    def alter(self, target, headers, body):
        return target, [(name, value.replace("json", "xml")) for name, value in headers], body


class another_operation(Client):
    def alter(self, target, headers, body):
        return target.replace("/sessions", "/subjects"), headers, body
