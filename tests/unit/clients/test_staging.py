"""A swap that fails is looked at, and scratch places go or stay accordingly."""

from collections.abc import Callable
from typing import NoReturn

import pytest

from django_rclone.clients.staging import LiveData, Staging, stem_of, swap_and_look
from django_rclone.exceptions import ClientError, SwapBroken, SwapRefused, SwapUnknown


def fail(message: str = "deadlock") -> Callable[[], NoReturn]:
    def raise_it() -> NoReturn:
        raise ClientError(message)

    return raise_it


def never() -> NoReturn:
    raise AssertionError("the live data is looked at after a failure alone")


def test_successful_swap_is_not_looked_at() -> None:
    swap_and_look(lambda: None, never, hint="")


@pytest.mark.parametrize(
    ("found", "error"),
    [
        (LiveData.OLD, SwapRefused),
        (LiveData.MIXED, SwapBroken),
        (LiveData.UNKNOWN, SwapUnknown),
    ],
)
def test_type_of_the_error_says_what_was_found(found: LiveData, error: type[Exception]) -> None:
    with pytest.raises(error, match="deadlock"):
        swap_and_look(fail(), lambda: found, hint="Run it again.")


def test_failed_swap_that_is_complete_has_succeeded() -> None:
    swap_and_look(fail("connection lost"), lambda: LiveData.NEW, hint="")


def test_live_data_that_cannot_be_looked_at_is_unknown() -> None:
    with pytest.raises(SwapUnknown, match="deadlock"):
        swap_and_look(fail(), fail("connection refused"), hint="")


class FakeStaging(Staging):
    """Places that are names in a set."""

    def __init__(self, live: str, *others: str, found: LiveData | None = None) -> None:
        super().__init__(live, stem_bytes=10)
        self.places = {live, *others}
        self.found = found

    def _claim(self) -> None: ...

    def _places(self) -> list[str]:
        return sorted(self.places)

    def _create(self) -> None:
        self.places.add(self.scratch)

    def _drop(self, name: str) -> None:
        self.places.discard(name)

    def _swap(self) -> None:
        if self.found is not None:
            raise ClientError("connection lost")
        self.places.remove(self.scratch)
        self.places.add(self.aside)

    def _look(self) -> LiveData:
        assert self.found is not None
        return self.found


def test_scratch_place_exists_only_within_the_block() -> None:
    with FakeStaging("shop") as staging:
        assert staging.scratch in staging.places
    assert staging.places == {"shop"}


def test_replaced_data_is_dropped_after_a_swap() -> None:
    with FakeStaging("shop") as staging:
        staging.swap()
        assert staging.aside in staging.places
    assert staging.places == {"shop"}


def test_refused_swap_leaves_no_trace() -> None:
    staging = FakeStaging("shop", found=LiveData.OLD)
    with pytest.raises(SwapRefused), staging:
        staging.swap()
    assert staging.places == {"shop"}


@pytest.mark.parametrize("found", [LiveData.MIXED, LiveData.UNKNOWN])
def test_nothing_is_dropped_that_may_be_the_last_copy(found: LiveData) -> None:
    staging = FakeStaging("shop", found=found)
    with pytest.raises((SwapBroken, SwapUnknown)), staging:
        staging.swap()
    assert staging.places == {"shop", staging.scratch}


OTHERS = ("shop_before_2026", "shop2_restoring_0a1b2c3d", "shop_restoring_0A1B2C3D")
DEAD = ("shop_restoring_0a1b2c3d", "shop_replaced_0a1b2c3d")


def test_places_of_killed_restores_are_dropped_and_nothing_else() -> None:
    with FakeStaging("shop", *DEAD, *OTHERS) as staging:
        staging.swap()
    assert staging.places == {"shop", *OTHERS}


def test_data_that_a_broken_restore_set_aside_stays_until_one_succeeds() -> None:
    with FakeStaging("shop", *DEAD, *OTHERS) as staging:
        assert DEAD[0] not in staging.places
    assert staging.places == {"shop", DEAD[1], *OTHERS}


def test_long_names_are_shortened_at_a_character() -> None:
    staging = FakeStaging("füüüüüüü")
    assert staging.stem == stem_of("füüüüüüü", 10)


@pytest.mark.parametrize("size", [20, 36])
def test_long_names_that_begin_alike_have_places_of_their_own(size: int) -> None:
    names = ["x" * 60 + end for end in ("a", "b", "ü")]
    stems = {stem_of(name, size) for name in names}
    assert len(stems) == 3
    assert all(len(stem.encode()) <= size for stem in stems)


def test_a_name_that_fits_is_its_own_stem() -> None:
    assert stem_of("Großes Ä", 36) == "Großes Ä"
