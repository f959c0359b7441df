"""Zips of the functions, built so that the same input gives the same bytes.

A zip holds the modules that the handler reaches by import, and nothing else of
ours: a change in one module changes the zips of the functions that use it only.
Third-party packages come from the function's `requirements.txt`, which pins
each with its hashes, as wheels for the architecture and Python version of the
stack; boto3 and botocore are part of the Lambda runtime and stay out.

    source.py          what of our own belongs to a function
    dependencies.py    what of others does, and what of that is left out
    bytecode.py        compiling ahead, which makes a cold start three times as fast
    zips.py            all of it in one file
    errors.py
"""

from __future__ import annotations

from infra.packaging.bytecode import host_runtime
from infra.packaging.dependencies import host_architecture
from infra.packaging.errors import PackagingError
from infra.packaging.source import ROOT, folders, modules
from infra.packaging.zips import build

__all__ = ["ROOT", "PackagingError", "build", "folders", "host_architecture", "host_runtime", "modules"]
