"""selection.json, read again: what was chosen and fitted before the test set was looked at."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import records_with
from pneumobench.core.files import content_sha256, read_json
from pneumobench.core.run import Run
from pneumobench.statistics.fold_fits import cross_fit_thresholds
from pneumobench.statistics.predictions import Labels


@dataclass(frozen=True)
class Cuts:
    """Where the logits of each fold's model are cut.

    Attributes
    ----------
    out_of_fold
        [development images] float64, cross-fitted (`fold_fits.cross_fit_thresholds`).
    test
        [folds] float64 for all new images: fitted to those out of the fold, and frozen.
    """

    out_of_fold: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Frozen:
    """The selection.

    Attributes
    ----------
    path, content
        selection.json.
    """

    path: Path
    content: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Frozen":
        """Read selection.json."""
        return cls(path, read_json(path))

    @property
    def rule(self) -> str:
        """The main threshold rule."""
        return self.content["threshold_rule"]

    @property
    def runs(self) -> list[Run]:
        """The selected runs in order of rank."""
        return [Run.of(entry) for entry in self.content["runs"]]

    def of_run(self, run: Run) -> dict[str, Any]:
        """Return the entry of a run.

        Raises
        ------
        UserError
            If the selection does not know the run.
        """
        return self._entry("runs", run.title, "run that is evaluated", vars(run))

    def of_baseline(self, kind: str) -> dict[str, Any]:
        """Return the entry of a baseline; errors as for `of_run`."""
        return self._entry(
            "baselines", f"the baseline {kind}", "baseline that is compared", {"baseline": kind}
        )

    def of_ensemble(self, kind: str) -> dict[str, Any]:
        """Return what was frozen of an ensemble: members, each fold's weights and threshold."""
        return self._entry(
            "ensembles", f"the ensemble {kind}", "ensemble that is compared", {"ensemble": kind}
        )

    def of_views(self, run: Run, views: str) -> dict[str, Any]:
        """Return what was frozen of a run's predictions, averaged over a set of views.

        Parameters
        ----------
        run
            The run.
        views
            The set of views.

        Raises
        ------
        UserError
            If the selection does not know the run, or not with these views.
        """
        part = self.of_run(run).get("test_time_augmentation", {})
        if part.get("views") != views:
            raise self._lacks(f"{run.title} with the views {views}", "run that is evaluated")
        return part

    def cuts(
        self,
        entry: dict[str, Any],
        labels: Labels,
        logit: np.ndarray,
        fold: np.ndarray,
        rule: str = "",
    ) -> Cuts:
        """Return where a run's, a baseline's or an ensemble's logits are cut.

        Parameters
        ----------
        entry
            What was frozen of it.
        labels
            Those of the development images.
        logit, fold
            [images] float and int: what it says of them, and which fold's model says it.
        rule
            One of `thresholds.RULES`; empty = the main one.
        """
        rule = rule or self.rule
        crossed = cross_fit_thresholds(
            labels, logit, fold,
            rule=rule, cost_ratio=self.content["cost_ratio"], title=str(self.path),
        )  # fmt: skip
        return Cuts(crossed, np.array(entry["thresholds_by_rule"][rule]))

    def check_frozen_on(self, run: Run, out_of_fold: list[Path]) -> None:
        """Check that a run's thresholds were frozen on these out-of-fold predictions.

        Raises
        ------
        UserError
            If the selection has another hash for them: what was chosen on other predictions must
            not judge these.
        """
        frozen, found = self.of_run(run)["out_of_fold_sha256"], hash_files(out_of_fold)
        if frozen != found:
            raise UserError(
                f"the selection was frozen on other out-of-fold predictions of {run.title}",
                where=f"{self.path} and runs/{run.folder}/fold*/out_of_fold.csv",
                expected=f"predictions with the hash {frozen[:12]}..., not {found[:12]}...",
                remedy=f"remove {self.path} and run snakemake again: rule freeze_selection writes "
                "it anew, and all that follows from it",
            )

    def check_judged_with(self, judged: dict[Path, dict[str, Any]]) -> None:
        """Check that results were made with this selection.

        Parameters
        ----------
        judged
            The content of each metrics.json by its folder.

        Raises
        ------
        UserError
            Naming the first folder whose result was made with another selection.
        """
        now = content_sha256(self.path)
        for folder, content in sorted(judged.items()):
            if (then := content["selection_sha256"]) != now:
                raise UserError(
                    "the metrics were computed with another selection",
                    where=f"{folder}/metrics.json and {self.path}",
                    expected=f"metrics made with the selection {now[:12]}..., not {then[:12]}...",
                    remedy=f"remove {folder}/metrics.json and run snakemake again: rule "
                    "evaluate_run recomputes it",
                )

    def by_rank(self, scores: list[Path]) -> dict[Run, Path]:
        """Return each run's file, in order of rank.

        Parameters
        ----------
        scores
            One file of each run, in .../{model}/{recipe}/seed{seed}/.

        Raises
        ------
        UserError
            If one is of a run that was not selected.
        """
        by_folder = {"/".join(path.parts[-4:-1]): path for path in scores}
        unknown = set(by_folder) - {run.folder for run in self.runs}
        if unknown:
            raise self._lacks(f"the run {min(unknown)}", "run that is compared")
        return {run: by_folder[run.folder] for run in self.runs if run.folder in by_folder}

    def _entry(self, part: str, name: str, expected: str, keys: dict[str, Any]) -> dict[str, Any]:
        found = records_with(self.content[part], **keys)
        if not found:
            raise self._lacks(name, expected)
        return found[0]

    def _lacks(self, name: str, expected: str) -> UserError:
        return UserError(
            f"the selection does not hold {name}",
            where=str(self.path),
            expected=f"every {expected}",
            remedy=f"remove {self.path} and run snakemake again: rule freeze_selection writes it "
            "anew",
        )


def hash_files(paths: list[Path]) -> str:
    """Return one SHA-256 for the content of several files, whatever their order and places."""
    return hashlib.sha256("".join(sorted(map(content_sha256, paths))).encode()).hexdigest()
