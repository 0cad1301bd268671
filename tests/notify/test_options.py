import re

import pytest

from django_rclone_notify.exceptions import InvalidNotifySettings, InvalidOption
from django_rclone_notify.notifiers.slugs import render_slug, require_slug
from django_rclone_notify.options import read_choices, require_url, suggestion
from tests.notify import samples


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("faild", 'Did you mean "failed"? Known: failed, started.'),
        ("FAILED", 'Did you mean "failed"? Known: failed, started.'),
        ("xyz", "Known: failed, started."),
    ],
)
def test_suggestion_names_the_closest_and_all(name, hint):
    assert suggestion(name, ["started", "failed"]) == hint


@pytest.mark.parametrize("value", [["a"], ("a",), {"a"}, frozenset("a")], ids=range(4))
def test_choices_may_be_any_collection(value):
    assert read_choices(value, "X", ["a", "b"]) == {"a"}
    assert read_choices(value, "X", None) == {"a"}


@pytest.mark.parametrize("value", ["a", None, 5, [], [5], ["c"]], ids=range(6))
def test_invalid_choices_are_reported_with_their_path(value):
    with pytest.raises(InvalidNotifySettings, match=r"^X (must|is|contains) "):
        read_choices(value, "X", ["a", "b"])


@pytest.mark.parametrize("url", ["https://x", " http://x:80/p ", "https://[::1]/"], ids=range(3))
def test_valid_url(url):
    assert require_url("url", url).reveal() == url.strip()


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://x", "https://", "https://x:port", "https://[x", "https://x/a b"]
)
def test_invalid_url(url):
    with pytest.raises(InvalidOption):
        require_url("url", url)


@pytest.mark.parametrize("slug", ["a", "backup-{database}", "{operation}_{database}", "0" * 50])
def test_valid_slug(slug):
    assert require_slug("slug", slug) == slug


@pytest.mark.parametrize("slug", ["", "-a", "A", "a b", "{host}", "0" * 51, None], ids=range(7))
def test_invalid_slug(slug):
    with pytest.raises(InvalidOption):
        require_slug("slug", slug)


@pytest.mark.parametrize(
    ("database", "slug"),
    [("default", "db_backup-default"), (None, "db_backup-media"), ("a-b_2", "db_backup-a-b_2")],
)
def test_placeholders_are_replaced(database, slug):
    event = samples.failed(database=database)
    assert render_slug("{operation}-{database}", event) == slug


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x" * 60 + "1", "x" * 60 + "2"),
        ("книги", "цены!"),
        ("a b", "a-b"),
        ("Shop", "shop"),
        ("é", "è"),
        (None, "media"),
    ],
)
@pytest.mark.parametrize("slug", ["{database}", "{operation}-{database}", "a" * 40 + "{database}"])
def test_two_databases_never_share_a_slug(slug, one, other):
    first, second = (
        render_slug(slug, samples.failed(database=database)) for database in (one, other)
    )
    assert first != second
    for rendered in (first, second):
        assert re.fullmatch(r"[a-z0-9_-]{1,50}", rendered)


def test_two_operations_never_share_a_slug_that_is_cut():
    slug = "a" * 43 + "-{operation}"
    events = (samples.failed(operation=operation) for operation in ("db_backup", "db_restore"))
    assert len({render_slug(slug, event) for event in events}) == 2


def test_a_slug_without_a_placeholder_is_left_as_it_is():
    assert render_slug("nightly", samples.failed(database="Ä b")) == "nightly"
