"""What all tests share."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    # the allocator that the Makefile gives is for these processes, not for Chromium and other programs
    os.environ.pop("LD_PRELOAD", None)
