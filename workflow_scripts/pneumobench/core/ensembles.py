"""Ensembles, ways to make one score of several runs, by name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ensemble:
    """One way to combine runs.

    Attributes
    ----------
    title
        Its name for people.
    done
        What is done, for people.
    learned
        Whether weights are fitted to labels, which flatters the development score.
    gives_logit
        Whether the score is on the scale of a logit, so that it has a Brier score and a default
        threshold.
    """

    title: str
    done: str
    learned: bool
    gives_logit: bool


ENSEMBLES = {
    "mean_logit": Ensemble("mean logit", "mean of the logits", learned=False, gives_logit=True),
    "rank_mean": Ensemble(
        "rank mean",
        "mean of the shares of the fold's out-of-fold images that each run ranks lower",
        learned=False,
        gives_logit=False,
    ),
    "greedy_selection": Ensemble(
        "greedy selection",
        "mean of the logits of runs added one by one, each the one that raises the AUC most",
        learned=True,
        gives_logit=True,
    ),
    "non_negative_stack": Ensemble(
        "non-negative stack",
        "weighted probabilities, no weight negative, that leave the least squared error",
        learned=True,
        gives_logit=False,
    ),
    "logistic_stack": Ensemble(
        "logistic stack",
        "logistic regression on the logits, with a quadratic penalty",
        learned=True,
        gives_logit=True,
    ),
}
