"""How large the work is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """The amounts of all works. Megabytes are what the generator is asked for."""

    megabytes: int
    """Of one database."""
    rounds: int
    warm_up: bool
    """Whether a round comes first that is not timed, and in which programs are counted."""
    remotes: tuple[str, ...]
    """For the works that name none."""
    media_files: int
    media_large: int
    media_large_megabytes: int
    listings: tuple[int, ...]
    """How many backups are listed."""
    one_in: int
    """How many apps of Django's own tests there are for each one whose models are made."""
    several: tuple[int, int]
    """How many databases of how many megabytes are backed up by one command."""
    growth_megabytes: tuple[int, ...]
    growth_backups: tuple[int, ...]
    growth_databases: tuple[int, ...]


SIZES = {
    "tiny": Size(
        megabytes=1,
        rounds=1,
        warm_up=False,
        remotes=("folder",),
        media_files=40,
        media_large=1,
        media_large_megabytes=1,
        listings=(20,),
        one_in=60,
        several=(2, 1),
        growth_megabytes=(1, 2),
        growth_backups=(10,),
        growth_databases=(1, 2),
    ),
    "small": Size(
        megabytes=10,
        rounds=1,
        warm_up=False,
        remotes=("folder",),
        media_files=1_000,
        media_large=5,
        media_large_megabytes=2,
        listings=(100,),
        one_in=30,
        several=(4, 5),
        growth_megabytes=(5, 20),
        growth_backups=(10, 100, 10_000),
        growth_databases=(1, 10, 200),
    ),
    "default": Size(
        megabytes=100,
        rounds=3,
        warm_up=True,
        remotes=("folder", "s3"),
        media_files=20_000,
        media_large=50,
        media_large_megabytes=2,
        listings=(1_000,),
        one_in=6,
        several=(8, 25),
        growth_megabytes=(10, 100, 400),
        growth_backups=(10, 100, 1_000, 10_000),
        growth_databases=(1, 10, 50, 200),
    ),
    "large": Size(
        megabytes=5_000,
        rounds=3,
        warm_up=True,
        remotes=("folder", "s3"),
        media_files=20_000,
        media_large=50,
        media_large_megabytes=10,
        listings=(1_000, 10_000),
        one_in=1,
        several=(8, 100),
        growth_megabytes=(100, 1_000, 5_000),
        growth_backups=(10, 100, 1_000, 10_000),
        growth_databases=(1, 10, 50, 200),
    ),
}
