"""The example site, set up for MariaDB by one variable."""

import os
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from tests.example_site.story import require_that_a_wrecked_site_comes_back
from tests.integration.clients.mysql.shop import Shop
from tests.support.servers.mysql import Server
from tests.support.site import Site


def test_a_wrecked_site_comes_back(server: Server, site: Site, tmp_path: Path) -> None:
    shop = Shop(server, site, name=f"journal_{os.getpid()}")
    with closing(shop):
        address = f"{shop.role}:{quote(shop.password, safe='')}@{server.host}:{server.port}"
        url = f"mysql://{address}/{shop.name}"
        require_that_a_wrecked_site_comes_back(tmp_path, url, programs=None)
