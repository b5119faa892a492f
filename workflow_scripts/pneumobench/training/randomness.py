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


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the state of torch's global generators that a training on the device draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        state[device.type] = torch.get_device_module(device).get_rng_state()
    return state


def restore_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put torch's global generators back to a state."""
    torch.set_rng_state(state["cpu"])
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(state[device.type])
