"""What is obscured here is what rclone reads."""

import base64
import subprocess

import pytest

from django_rclone.rclone.obscuring import encrypted, obscure
from tests.support.site import RCLONE

PASSWORDS = [
    "a",
    "pass word ",
    "exactly sixteen!",
    "a passphrase that is longer than one block of the cipher",
    "Grüße, 数据库 & $HOME \"quoted\" 'twice'",
    "x" * 2_000,
]


def revealed(text: str) -> str:
    done = subprocess.run([str(RCLONE), "reveal", text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


@pytest.mark.parametrize("password", PASSWORDS, ids=len)
def test_rclone_reads_what_was_obscured(password: str) -> None:
    assert password not in obscure(password)
    assert revealed(obscure(password)) == password


def test_the_same_password_is_always_written_in_the_same_way() -> None:
    assert obscure("twice") == obscure("twice")
    assert base64.urlsafe_b64decode(obscure("twice") + "==")[:16] == bytes(16)


def test_the_cipher_is_that_of_the_standard() -> None:
    """Appendix C.3 of https://nvlpubs.nist.gov/nistpubs/FIPS/NIST.FIPS.197.pdf."""
    block, key = bytes.fromhex("00112233445566778899aabbccddeeff"), bytes(range(32))
    assert encrypted(block, key).hex() == "8ea2b7ca516745bfeafc49904b496089"
