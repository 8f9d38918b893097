"""What a machine is configured with beside its definition: checked as AWS does, kept and shown, and nothing more."""

from __future__ import annotations

from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidEncryptionConfiguration, InvalidLoggingConfiguration


def check_logging(logging: Json) -> None:
    """Refuse a level that has nowhere to log to, or more than one place. Raises InvalidLoggingConfiguration."""
    destinations: list[Json] = logging.get("destinations") or []
    if len(destinations) > 1 or (not destinations and logging.get("level", "OFF") != "OFF"):
        raise InvalidLoggingConfiguration("Invalid Logging Configuration: Must specify exactly one Log Destination.")


def check_encryption(encryption: Json) -> None:
    """Refuse a key where AWS's own is meant, and none where one's own is. Raises InvalidEncryptionConfiguration."""
    named = any(name in encryption for name in ("kmsKeyId", "kmsDataKeyReusePeriodSeconds"))
    if encryption["type"] == "AWS_OWNED_KEY" and named:
        raise InvalidEncryptionConfiguration(
            "Invalid Encryption Configuration: a KMS key goes with the type CUSTOMER_MANAGED_KMS_KEY only"
        )
    if encryption["type"] == "CUSTOMER_MANAGED_KMS_KEY" and "kmsKeyId" not in encryption:
        raise InvalidEncryptionConfiguration(
            "Invalid Encryption Configuration: the type CUSTOMER_MANAGED_KMS_KEY needs a kmsKeyId"
        )
