"""Signs requests with the signer of AWS's own client, at any time and for any region, to hold ours against it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from statebox.asl.jsontext import Json

SECRET: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEY_ID: Final = "AKIDEXAMPLE"


def signed(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    method: str = "POST",
    key_id: str = KEY_ID,
    secret: str = SECRET,
    region: str = "us-east-1",
    service: str = "states",
    at: datetime | None = None,
    with_body: bool = True,
) -> dict[str, str]:
    """The headers, and those that sign them all. Without `with_body` it says that the body is not signed."""
    request: Json = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    signer: Json = SigV4Auth(Credentials(key_id, secret), service, region)
    request.context["payload_signing_enabled"] = with_body
    request.context["timestamp"] = (at or datetime.now(UTC)).strftime(SIGV4_TIMESTAMP)
    # What add_auth does, whose time is always now.
    signer._modify_request_before_signing(request)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signer._inject_signature_to_request(request, signature)
    return {str(name): str(value) for name, value in request.headers.items()}
