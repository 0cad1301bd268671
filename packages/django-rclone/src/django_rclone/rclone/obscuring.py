"""Passwords as rclone wants them in its configuration: https://rclone.org/commands/rclone_obscure/.

They are encrypted by AES in counter mode with a key that everyone can read in rclone's
source: a format, not a protection. To write it here takes no further process, and no
password leaves this one on the way. tests/unit/rclone/test_obscuring.py lets rclone read
what this writes, and compares the cipher with the standard.
"""

import base64
from functools import cache

# https://github.com/rclone/rclone/blob/master/fs/config/obscure/obscure.go
_PUBLISHED_KEY = bytes.fromhex("9c935b48730a554d6bfd7c63c886a92bd390198eb8128afbf4de162b8b95f638")
_BLOCK = 16  # bytes
# It may be any: with a key that is known it hides nothing, and the same password must always
# be written in the same way, since another configuration means another rclone.
_START = bytes(_BLOCK)


def obscure(password: str) -> str:
    """Return a password as it is written in rclone's configuration."""
    data = password.encode("utf-8", "surrogateescape")
    stream = b"".join(
        encrypted(number.to_bytes(_BLOCK, "big"), _PUBLISHED_KEY)
        for number in range(-(-len(data) // _BLOCK))
    )
    hidden = bytes(a ^ b for a, b in zip(data, stream, strict=False))
    return base64.urlsafe_b64encode(_START + hidden).rstrip(b"=").decode()


def encrypted(block: bytes, key: bytes) -> bytes:
    """Encrypt 16 bytes with a key of 32 by AES: https://doi.org/10.6028/NIST.FIPS.197-upd1."""
    substitutes, (first, *middle, last) = _substitutes(), _round_keys(key)
    state = _xor(block, first)
    for round_key in middle:
        state = _xor(_mixed(_shifted(substitutes, state)), round_key)
    return _xor(_shifted(substitutes, state), last)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _shifted(substitutes: bytes, state: bytes) -> bytes:
    """Substitute each byte, and shift the rows; bytes stand column by column."""
    return bytes(substitutes[state[(i + 4 * (i % 4)) % _BLOCK]] for i in range(_BLOCK))


def _mixed(state: bytes) -> bytes:
    mixed = bytearray()
    for start in range(0, _BLOCK, 4):
        column = state[start : start + 4]
        every = column[0] ^ column[1] ^ column[2] ^ column[3]
        mixed += bytes(
            column[i] ^ every ^ _doubled(column[i] ^ column[(i + 1) % 4]) for i in range(4)
        )
    return bytes(mixed)


def _doubled(byte: int) -> int:
    """Multiply by x in the field of 256 elements."""
    return byte << 1 ^ (0x11B if byte & 0x80 else 0)


@cache
def _substitutes() -> bytes:
    """Return for each byte its inverse in the field, after the affine map of the standard."""
    table = bytearray(256)
    table[0] = 0x63
    power, inverse = 1, 1
    for _ in range(255):
        power ^= _doubled(power)  # times three, of which every other element is a power
        for shift in (1, 2, 4):  # divided by three
            inverse = (inverse ^ inverse << shift) & 0xFF
        inverse ^= 0x09 if inverse & 0x80 else 0
        turned = inverse * 0x0101
        table[power] = 0x63 ^ inverse ^ _folded(turned)
    return bytes(table)


def _folded(twice: int) -> int:
    """Return the sum of a byte, which is written ``twice``, rotated by 1, 2, 3 and 4 bits."""
    return (twice >> 7 ^ twice >> 6 ^ twice >> 5 ^ twice >> 4) & 0xFF


@cache
def _round_keys(key: bytes) -> tuple[bytes, ...]:
    substitutes = _substitutes()
    words = [key[i : i + 4] for i in range(0, len(key), 4)]
    length, constant = len(words), 1
    for i in range(length, 4 * (length + 7)):
        word = words[-1]
        if i % length == 0:
            word = bytes(substitutes[b] for b in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _doubled(constant)
        elif i % length == 4:
            word = bytes(substitutes[b] for b in word)
        words.append(_xor(word, words[-length]))
    return tuple(b"".join(words[i : i + 4]) for i in range(0, len(words), 4))
