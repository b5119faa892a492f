"""Every random number of training, as a function of (seed, fold, epoch) and nothing else."""

import numpy as np
import torch

# Streams keep the draws of different purposes apart.
WEIGHTS, PLAN, DROPOUT = range(3)


def seed_torch(seed: int, fold: int, stream: int, epoch: int = 0) -> None:
    """Seed torch's global generators, from which layers draw initial weights and dropout masks."""
    state = np.random.SeedSequence([seed, fold, stream, epoch]).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(state) >> 1)


def plan_generator(seed: int, fold: int, epoch: int) -> np.random.Generator:
    """Return the generator from which an epoch's plan is drawn."""
    return np.random.default_rng([seed, fold, PLAN, epoch])
