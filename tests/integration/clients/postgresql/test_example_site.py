"""The example site, set up for PostgreSQL by one variable."""

from pathlib import Path
from urllib.parse import quote

from tests.example_site.story import require_that_a_wrecked_site_comes_back
from tests.integration.clients.postgresql.shop import Shop


def test_a_wrecked_site_comes_back(shop: Shop, tmp_path: Path) -> None:
    server = shop.server
    address = f"{shop.role}:{quote(shop.password, safe='')}@{server.host}:{server.port}"
    url = f"postgres://{address}/{shop.name}"
    require_that_a_wrecked_site_comes_back(tmp_path, url, server.programs)
