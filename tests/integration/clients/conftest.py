"""Sites in the states that most tests of a client start from."""

import pytest

from tests.support.site import DjangoSite


@pytest.fixture
def sample_site(site: DjangoSite) -> DjangoSite:
    """A site with some of everything that its database can hold."""
    site.database.add_sample()
    return site


@pytest.fixture
def mutated_site(sample_site: DjangoSite) -> tuple[DjangoSite, str]:
    """A site whose database has changed since its backup, and the fingerprint of the backup."""
    before = sample_site.database.fingerprint()
    sample_site.back_up()
    sample_site.database.mutate()
    assert sample_site.database.fingerprint() != before
    return sample_site, before
