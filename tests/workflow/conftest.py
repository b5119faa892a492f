"""What tests of the local workflow share."""

import pytest
from tiny_experiment import Workflow, make_workflow

__all__ = ["make_workflow"]


@pytest.fixture(scope="session")
def finished(make_workflow) -> Workflow:
    """The tiny experiment, run from nothing to the report."""
    explanation = {"method": "grad_cam", "images": 4, "tested_images": 1}
    workflow = make_workflow(explanation=explanation)
    workflow.succeed()
    return workflow
