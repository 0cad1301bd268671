"""The site in a browser's eyes: a real server, real requests."""

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
import requests

from tests.support.example_site import SITE_DIR, ExampleSite, clean_environment

READY = re.compile(r"server at (http://[\d.:]+/)")


@pytest.fixture(scope="module")
def address(seeded_site: ExampleSite) -> Iterator[str]:
    """The address of a running development server."""
    server = subprocess.Popen(
        [sys.executable, "-u", str(SITE_DIR / "manage.py"), "runserver", "--noreload", "0"],
        env={**clean_environment(), "JOURNAL_DATA_DIR": str(seeded_site.data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert server.stdout is not None
    try:
        yield next(match[1] for line in server.stdout if (match := READY.search(line)))
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def get(address: str, path: str = "") -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(urljoin(address, path), timeout=30)


def links(response: requests.Response, prefix: str) -> list[str]:
    found = re.findall(rf'(?:href|src)="({prefix}[^"]*)"', response.text)
    return list(dict.fromkeys(map(html.unescape, found)))


def test_the_first_page_lists_entries(address: str) -> None:
    page = get(address)

    assert page.status_code == 200
    assert "60 entries" in page.text
    assert len(links(page, "/entries/")) == 20
    assert "Page 1 of 3" in page.text


def test_a_tag_lists_its_entries(address: str) -> None:
    page = get(address, links(get(address), "/tags/")[0])

    assert page.status_code == 200
    assert links(page, "/entries/")
    assert "60 entries" not in page.text


def test_an_entry_shows_its_text_and_author(address: str) -> None:
    page = get(address, links(get(address), "/entries/")[0])

    assert page.status_code == 200
    assert re.search(r"<h1>.+ at .+</h1>", page.text)
    assert "<p>" in page.text


def test_every_attachment_is_served(address: str, seeded_site: ExampleSite) -> None:
    pages = [get(address, f"entries/{number}/") for number in range(1, 61)]
    files = [link for page in pages for link in links(page, "/media/")]

    served = {get(address, link).content for link in files}

    assert len(files) == 40
    assert served == {path.read_bytes() for path in seeded_site.media.rglob("*") if path.is_file()}


def test_an_unknown_entry_is_not_found(address: str) -> None:
    assert get(address, "entries/99999/").status_code == 404


def test_pages_load_nothing_from_elsewhere(address: str) -> None:
    first = get(address)

    for page in (first, get(address, links(first, "/entries/")[0])):
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)


def test_the_admin_asks_who_is_there(address: str) -> None:
    page = get(address, "admin/")

    assert page.status_code == 200
    assert "Log in" in page.text
