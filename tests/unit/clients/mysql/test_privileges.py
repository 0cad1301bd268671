"""Patterns of grants are read as the server reads them."""

import pytest

from django_rclone.clients.mysql.privileges import _covers


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("*", "shop", True),
        ("`shop`", "shop", True),
        ("`shop`", "shop_restoring_1", False),
        ("`shop%`", "shop_restoring_1", True),
        ("`shop\\_restoring\\_%`", "shop_restoring_1", True),
        ("`shop\\_restoring\\_%`", "shop-restoring_1", False),
        ("`shop_restoring_%`", "shop-restoring_1", True),
        ("`a``b.c%`", "a`b.c\nd", True),
        ("`a.c`", "abc", False),
        ("`a\\\\`", "a\\", True),
    ],
)
def test_pattern_of_a_grant_covers_a_name(pattern: str, name: str, covered: bool) -> None:
    assert _covers(pattern, name) is covered
