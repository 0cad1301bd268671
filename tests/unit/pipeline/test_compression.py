"""How many threads compress."""

import os
import subprocess
import sys

import pytest

from django_rclone.pipeline.compression import ZSTD, compressor, decompressor

# What a process holds while it compresses: its threads, the main one among them.
_COUNT = """
import os
from pathlib import Path
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:{cores}])
from django_rclone.pipeline.compression import compressor
packing = compressor("zstd", 1)
packing.compress(os.urandom(1 << 23))
print(len(list(Path("/proc/self/task").iterdir())))
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")
@pytest.mark.parametrize("cores", [1, 2])
def test_one_core_compresses_without_threads_and_several_with_two(cores: int) -> None:
    if len(os.sched_getaffinity(0)) < cores:
        pytest.skip("there is one core")
    done = subprocess.run(
        [sys.executable, "-c", _COUNT.format(cores=cores)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == (1 if cores == 1 else 3)


@pytest.mark.parametrize("level", [1, 3, 19])
def test_what_was_compressed_comes_back(level: int) -> None:
    data = os.urandom(1 << 16) * 40
    packing = compressor(ZSTD, level)
    packed = packing.compress(data) + packing.flush()
    unpacking = decompressor(ZSTD)
    assert b"".join(unpacking.decompress(packed)) == data
    unpacking.finish()
    assert len(packed) < len(data) / 10
