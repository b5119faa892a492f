"""The configuration: its models are the truth, config.yaml holds the defaults.

Snakemake reads this at every start of the workflow and in every job, so it imports pydantic alone.
"""

from pneumobench.core.config.check import check_config
from pneumobench.core.config.experiment import Experiment
from pneumobench.core.config.identity import (
    check_data_source,
    check_results_folder,
    check_starting_weights,
    experiment_identity,
)
from pneumobench.core.config.problems import ConfigError

__all__ = [
    "ConfigError",
    "Experiment",
    "check_config",
    "check_data_source",
    "check_results_folder",
    "check_starting_weights",
    "experiment_identity",
]
