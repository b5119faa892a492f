"""Which sources of radiographs are fetched from the network, and what their folders are called."""

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

FETCHED_SOURCES = ("kaggle", "mendeley", "pneumoniamnist")
RADIOGRAPHS = 5856
"""Number of radiographs in each that holds those of Kermany et al."""
KERMANY_ON_KAGGLE = "paultimothymooney/chest-xray-pneumonia"
"""Kaggle's data set of them; others may be named."""


def fetched_name(source: str, options: Mapping[str, Any]) -> str:
    """Return the name of a fetched data set's folder, which experiments share.

    >>> fetched_name("mendeley", {"version": 2})
    'mendeley-v2'

    Parameters
    ----------
    source
        One of `FETCHED_SOURCES`.
    options
        The source's own section of the configuration.
    """
    if source == "kaggle":
        return str(PurePosixPath("kaggle", options["dataset"]))
    if source == "mendeley":
        return f"mendeley-v{options['version']}"
    name = f"pneumoniamnist-{options['size']}"
    if options["file"] is None:
        return name
    return f"{name}-{hashlib.sha256(options['file'].encode()).hexdigest()[:10]}"
