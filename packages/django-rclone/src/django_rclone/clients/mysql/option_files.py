"""Option files of MySQL and MariaDB, as far as a driver reads them.

https://mariadb.com/kb/en/configuring-mariadb-with-option-files/: a program reads a group of its
own, too, in which ``where`` or ``no-data`` would leave rows out of every dump.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ...exceptions import ClientError

_GROUP = re.compile(r"\s*\[(?P<name>[^\]]*)\]")
_INCLUDE = re.compile(r"\s*!(?P<what>include|includedir)\s+(?P<place>.*\S)")
_OF_EVERY_CLIENT = "client"
_DEPTH = 10  # files that include one another


def connecting_options(place: str) -> str:
    """Return the options in a file, and in those it includes, that are for every client.

    Raises ``ClientError`` if one cannot be read.
    """
    return "".join(_lines(Path(place), _DEPTH))


def _lines(file: Path, depth: int) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ClientError(
            f"Cannot read the option file {file}: {error.strerror}.",
            hint="Correct read_default_file in the OPTIONS of this database in DATABASES.",
        ) from None
    group = ""
    for line in text.splitlines(keepends=True):
        if included := _INCLUDE.match(line):
            place = Path(included["place"])
            found = [place] if included["what"] == "include" else sorted(place.glob("*.cnf"))
            for one in found if depth else ():
                yield from _lines(one, depth - 1)
            yield f"[{group}]\n" if group.startswith(_OF_EVERY_CLIENT) else ""
            continue
        if match := _GROUP.match(line):
            group = match["name"].strip()
        if group.startswith(_OF_EVERY_CLIENT):
            yield line if line.endswith("\n") else f"{line}\n"
