"""A service that simulates Amazon S3, with versions and locks, on a free port of loopback.

``moto`` keeps versions and delete markers as S3 does, refuses to delete a locked
version, and refuses an object without a checksum where a lock is the rule. It locks
no object that came in parts, and lets anybody change retention and versioning.
"""

import re
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from django_rclone.processes import Command, Process, run
from tests.support.site import RCLONE

_ADDRESS = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")
_RULE = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket with versioning, and what whoever holds its credentials can do there."""

    client: Any
    name: str
    settings: dict[str, Any]
    """The keys of ``DJANGO_RCLONE`` that lead here."""

    def keys(self) -> list[str]:
        """Return the keys of what is there now."""
        found = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return [entry["Key"] for entry in found]

    def delete_all(self) -> None:
        """Delete every object, as one does who does not know of versions."""
        for key in self.keys():
            self.client.delete_object(Bucket=self.name, Key=key)

    def overwrite_all(self, content: bytes) -> None:
        for key in self.keys():
            self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def destroy_versions(self, folder: str) -> Counter[str]:
        """Try to delete every version below ``folder``; count the answers."""
        listed = self.client.list_object_versions(Bucket=self.name, Prefix=folder)
        return Counter(
            self._destroy(one["Key"], one["VersionId"]) for one in listed.get("Versions", [])
        )

    def _destroy(self, key: str, version: str) -> str:
        try:
            self.client.delete_object(
                Bucket=self.name, Key=key, VersionId=version, BypassGovernanceRetention=True
            )
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "destroyed"


class FakeS3:
    """The service; a bucket of it, and a configuration of rclone, for each test."""

    def __init__(self, address: str) -> None:
        self._address = address

    @contextmanager
    def bucket(
        self, folder: Path, *, locked: bool = False, crypt: bool = False
    ) -> Iterator[Bucket]:
        """Make a bucket. Where ``locked``, no version can be deleted for 30 days."""
        name = f"bucket-{secrets.token_hex(8)}"
        key, secret = secrets.token_hex(10), secrets.token_hex(20)
        client = boto3.client(
            "s3",
            endpoint_url=self._address,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )
        with closing(client):
            client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
            if locked:
                rule = {"ObjectLockEnabled": "Enabled", "Rule": _RULE}
                client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=rule)
            config = folder / "rclone.conf"
            config.touch(mode=0o600)
            config.write_text(self._configuration(name, key, secret))
            remote = "secret:" if crypt else f"backups:{name}/shop"
            yield Bucket(client, name, {"REMOTE": remote, "RCLONE_CONFIG": str(config)})

    def _configuration(self, bucket: str, key: str, secret: str) -> str:
        obscure = Command(argv=(str(RCLONE), "obscure", "-"))
        password = run(Process(obscure), secret.encode()).decode().strip()
        return "\n".join(
            (
                "[backups]",
                "type = s3",
                "provider = AWS",
                "region = us-east-1",
                f"access_key_id = {key}",
                f"secret_access_key = {secret}",
                f"endpoint = {self._address}",
                # What rclone does on https anyway, which is the only way to the real S3.
                "use_unsigned_payload = true",
                "[secret]",
                "type = crypt",
                f"remote = backups:{bucket}/shop",
                f"password = {password}",
                "",
            )
        )


@contextmanager
def serving() -> Iterator[FakeS3]:
    """Start the service, and end it after the block."""
    found: list[str] = []
    known = threading.Event()

    def listen(line: str) -> str:
        if match := _ADDRESS.search(line):
            found.append(match[1])
            known.set()
        return line

    argv = (sys.executable, "-m", "moto.server", "--host=127.0.0.1", "--port=0")
    with Process(Command(argv=argv), on_line=listen) as process:
        if not known.wait(60):
            process.terminate()
            process.finish()
        yield FakeS3(found[0])


def moment() -> str:
    """Return a time that is after all that was stored, and before all that will be.

    S3 knows whole seconds, so that this one has to be over.
    """
    now = datetime.now(UTC)
    time.sleep((1_000_000 - now.microsecond) / 1e6)
    while datetime.now(UTC).replace(microsecond=0) == now.replace(microsecond=0):
        time.sleep(0.01)
    return f"{now:%Y-%m-%dT%H:%M:%SZ}"
