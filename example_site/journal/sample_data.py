"""Invented days out of a walking club. The same random seed produces the same days."""

import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

FIRST_NAMES = ["Ada", "Bjørn", "Chloé", "Dmitri", "Eilidh", "Grete", "Hana", "Iñigo", "Jun"]
LAST_NAMES = ["Ås", "Brontë", "Černý", "Dubois", "Ekström", "Fujita", "Gül", "O'Neill", "Łuc"]
TAGS = ["birds", "bogs", "café stops", "coast", "fungi", "geology", "moths", "rain", "trains"]
PLACES = ["Glen Ærø", "the Žižkov meadows", "Łódź marsh", "Kinder Edge", "São Roque", "北の川"]
SUBJECTS = ["curlews", "a late frost", "three hares", "the old viaduct", "the night train"]
VERBS = ["We met", "We nearly missed", "Nobody expected", "At last we found", "We drew"]
ENDINGS = ["before lunch.", "in the rain.", 'and Jun said "again!"', "🦉", "on a 5% grade."]
SKIES = ["clear", "cloud", "drizzle", "fog", "snow"]
FOLDERS = ["", "north ridge/", "été à la mer/", "地図/sheet 4/"]
NAMES = ["sketch {} (final)", "it's {} o'clock", "天気図 {}", "50% & more #{}", "-dash {}", "🦉 {}"]

FIRST_DAY = datetime(2020, 1, 1, 9, tzinfo=UTC)


def person(number: int) -> tuple[str, str, str]:
    """Return the username, first and last name of the club's member ``number``."""
    first = FIRST_NAMES[number % len(FIRST_NAMES)]
    last = LAST_NAMES[number // len(FIRST_NAMES) % len(LAST_NAMES)]
    return f"member{number:04}", first, last


def moment(number: int) -> datetime:
    """Return when entry ``number`` happened: one every eleven hours and seven minutes."""
    return FIRST_DAY + timedelta(hours=11, minutes=7) * number


def title(random: Random) -> str:
    """Return a title for an entry."""
    subject = random.choice(SUBJECTS)
    return f"{subject[0].upper()}{subject[1:]} at {random.choice(PLACES)}"


def body(random: Random) -> str:
    """Return a few paragraphs about a day."""
    return "\n\n".join(
        " ".join(sentence(random) for _ in range(random.randint(2, 6)))
        for _ in range(random.randint(1, 4))
    )


def sentence(random: Random) -> str:
    """Return one sentence about the day."""
    return f"{random.choice(VERBS)} {random.choice(SUBJECTS)} {random.choice(ENDINGS)}"


def weather(random: Random) -> dict[str, object]:
    """Return sky and temperature, or nothing on one day in five."""
    if random.random() < 0.2:
        return {}
    return {"sky": random.choice(SKIES), "celsius": random.randint(-8, 31)}


def attachment(random: Random, number: int) -> tuple[str, bytes]:
    """Return the name and content of a small file; names are as unruly as in real life."""
    suffix, content = random.choice(KINDS)
    day = moment(number)
    name = random.choice(NAMES).format(number)
    return f"attachments/{day:%Y/%m}/{random.choice(FOLDERS)}{name}{suffix}", content(random)


def note(random: Random) -> bytes:
    """Return a plain text."""
    return body(random).encode()


def measurements(random: Random) -> bytes:
    """Return a table of temperatures."""
    rows = (f"{hour:02}:00,{random.uniform(-8, 31):.1f}\r\n" for hour in range(24))
    return ("time,celsius\r\n" + "".join(rows)).encode()


def drawing(random: Random) -> bytes:
    """Return a drawing of a ridge."""
    points = " ".join(f"{x},{random.randint(5, 60)}" for x in range(0, 201, 20))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="64">'
        f'<polyline points="{points}" fill="none" stroke="seagreen" stroke-width="2"/></svg>\n'
    ).encode()


def photograph(random: Random, side: int = 24) -> bytes:
    """Return a square picture of fog."""
    rows = b"".join(b"\0" + random.randbytes(side * 3) for _ in range(side))
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        # Level 0 only wraps the bytes: every build of zlib returns the same file.
        + png_chunk(b"IDAT", zlib.compress(rows, 0))
        + png_chunk(b"IEND", b"")
    )


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return ``data`` as a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


KINDS: list[tuple[str, Callable[[Random], bytes]]] = [
    (".txt", note),
    (".csv", measurements),
    (".svg", drawing),
    (".png", photograph),
]
