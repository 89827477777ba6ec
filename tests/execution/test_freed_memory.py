import subprocess
import sys

import pytest

from crossvad.execution import freed_memory
from crossvad.execution.freed_memory import keep_freed_memory

FAULTS = """
import resource, sys, torch
from crossvad.execution.freed_memory import keep_freed_memory
print(keep_freed_memory() if sys.argv[1] == "kept" else True)
counts = []
for _ in range(30):  # the first rounds find the places
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16 * 2**20)
    counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(min(counts))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="says nothing of other systems")
def test_a_block_that_is_used_again_need_not_be_cleared_again():
    faults = {}
    for way in ("kept", "given back"):
        ran = subprocess.run([sys.executable, "-c", FAULTS, way], capture_output=True, text=True, check=True)
        able, count = ran.stdout.split()
        if able == "False":
            pytest.skip("not glibc")
        faults[way] = int(count)
    # 64 MiB are 16 384 pages of 4 KiB; a system with huge pages clears fewer, larger ones.
    assert faults["kept"] < 32 <= faults["given back"]


def test_another_c_library_or_system_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(freed_memory.ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory()
    monkeypatch.setattr(freed_memory.sys, "platform", "darwin")
    assert not keep_freed_memory()
