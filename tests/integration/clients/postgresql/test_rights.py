"""What a role may not do is found before a dump, and by a look at the site."""

import pytest
from django.core.management.base import CommandError

from tests.support.findings import look_at
from tests.support.site import DjangoSite


@pytest.mark.thorough
def test_rights_that_a_role_lacks_are_found_by_a_look_at_the_site(site: DjangoSite) -> None:
    site.database.run("CREATE TABLE ours (id int)")
    site.back_up()
    assert look_at(site)["failed"] == []
    site.database.run("CREATE SCHEMA audit; CREATE TABLE audit.hidden (id serial)", superuser=True)
    [dump] = look_at(site)["failed"]
    assert dump["step"] == "database 'default'"
    assert "may not read sequence audit.hidden_id_seq, table audit.hidden" in dump["text"]
    assert "pg_read_all_data" in dump["fix"]
    with pytest.raises(CommandError, match="may not read"):
        site.call("dbbackup")
    role = site.database.role
    site.database.run(
        f"GRANT USAGE ON SCHEMA audit TO {role}; GRANT SELECT ON audit.hidden, "
        f"audit.hidden_id_seq TO {role}",
        superuser=True,
    )
    by_state = look_at(site)
    [restore] = by_state["failed"]
    assert restore["step"] == "restore of 'default'"
    assert "owned by other roles" in restore["text"]
    assert "as their owner" in restore["fix"]
    assert "restore in place will be refused" in str(by_state["warning"])
