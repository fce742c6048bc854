"""What all tests share."""

from __future__ import annotations

import os

from pipelines.collector import collect_rarely

if "PYTEST_XDIST_WORKER" in os.environ:
    # the allocator that the Makefile gives is for these processes, not for Chromium and other programs
    os.environ.pop("LD_PRELOAD", None)

# as whatever reads a project does; each of these processes reads thousands
collect_rarely()
# matrices are small here, and threads that wait for larger ones take time
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
