"""Take the pictures of the documentation that are out of date, or the named ones."""

import os
import sys

import django


def main(wanted: list[str]) -> None:
    """Take the pictures that are out of date, or those in ``wanted``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["NO_PROXY"] = "127.0.0.1"
    django.setup()
    from tests.docs.pictures.pages import PAGES
    from tests.docs.pictures.screenshots import digest, source_of, take
    from tests.docs.texts import PAGES as FOLDER

    for name, page in PAGES.items():
        target = FOLDER / "pictures" / f"{name}.png"
        content = page()
        taken_of = source_of(target.read_bytes()) if target.exists() else None
        if name in wanted or (not wanted and taken_of != digest(content)):
            target.parent.mkdir(exist_ok=True)
            take(content, target)
            print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
