"""Naming of faults of a test rig from one example per speed, on another load.

    python benchmarks/few_examples.py [--recordings DIR] [--json] [--quick]

Three speeds at one load are the examples of each of twelve faults; the other load is tested, and the other way round.
The peers see the same fingerprints. Open set: AUC of the distance when the examples of a fault are left out.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestCentroid

from anomaly.audio.files.recordings import read
from anomaly.diagnose.naming.examples import KnownCase
from anomaly.diagnose.naming.fingerprint import fingerprint
from anomaly.diagnose.naming.resemblance import UNKNOWN, Resemblance, resemblance
from lib.paths import default_recordings

LOADS = ("00lb", "11lb")
AXES = 3


def figures(folder: Path) -> dict[str, Any]:
    """Return accuracies, what is named, and the open-set AUC."""
    clips = [_facts(path) for path in sorted(folder.glob("*.flac"))]
    prints = {path: _print(path, speed, clips) for path, speed, _, _ in clips if "anomaly" in path.name}
    results: list[tuple[str, Resemblance, str]] = []
    nearest, peers, aucs = [], {"nearest_centroid": [], "random_forest": []}, []
    for load in LOADS:
        known = [
            KnownCase(fault, path.name, prints[path])
            for path, _, fault, on in clips
            if on == load and path in prints
        ]
        tested = [
            (fault, np.asarray(prints[path])) for path, _, fault, on in clips if on != load and path in prints
        ]
        for fault, values in tested:
            found = resemblance(values, known)
            assert found is not None
            results.append((fault, found, _nearest(values, known)))
        nearest += [near == fault for fault, _, near in results[-len(tested) :]]
        for name, share in _peers(known, tested).items():
            peers[name].append(share)
        aucs += _open_set(known, tested)
    named = [(fault, found) for fault, found, _ in results if found.finding != UNKNOWN]
    confusion = Counter(f"{fault} as {near}" for fault, _, near in results if fault != near)
    return {
        "clips": len(results),
        "accuracy": round(float(np.mean(nearest)), 3),
        "accuracy_of_families": round(float(np.mean([_family(f) == _family(n) for f, _, n in results])), 3),
        "named": round(len(named) / len(results), 3),
        "right_when_named": round(float(np.mean([fault == found.finding for fault, found in named])), 3),
        **{name: round(float(np.mean(shares)), 3) for name, shares in peers.items()},
        "open_set_auc": round(float(np.mean(aucs)), 3),
        "details": {"confusion": dict(confusion.most_common())},
    }


def _facts(path: Path) -> tuple[Path, str, str, str]:
    """Return path, speed, fault and load of a clip by its name."""
    _, speed, *fault, load = path.stem.split("_")
    return path, speed, "_".join(fault), load


def _print(path: Path, speed: str, clips: list[tuple[Path, str, str, str]]) -> tuple[float, ...]:
    """Return the fingerprints of all axes against normal sound at the same speed."""
    normal = [other for other, at, _, _ in clips if at == speed and "normal" in other.name]
    values: list[float] = []
    for axis in range(AXES):
        sound, *usual = (read(file, channel=axis) for file in (path, *normal))
        pieces = [one.samples.astype(np.float64) for one in usual]
        values += list(fingerprint(sound.samples.astype(np.float64), sound.sample_rate_hz, pieces))
    return tuple(values)


def _nearest(values: np.ndarray[tuple[int], np.dtype[np.float64]], known: list[KnownCase]) -> str:
    return min(known, key=lambda one: float(np.mean((values - np.asarray(one.values)) ** 2))).finding


def _peers(known: list[KnownCase], tested: list[tuple[str, Any]]) -> dict[str, float]:
    x, y = np.asarray([one.values for one in known]), [one.finding for one in known]
    z, wanted = np.asarray([values for _, values in tested]), np.asarray([fault for fault, _ in tested])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        centroid = NearestCentroid().fit(x, y).predict(z)
        forest = RandomForestClassifier(300, random_state=0).fit(x, y).predict(z)
    return {
        "nearest_centroid": float(np.mean(centroid == wanted)),
        "random_forest": float(np.mean(forest == wanted)),
    }


def _open_set(known: list[KnownCase], tested: list[tuple[str, Any]]) -> list[float]:
    """Return the AUC of each fault whose examples are left out, by the share of the distance to normal sound."""
    aucs = []
    for left_out in sorted({one.finding for one in known}):
        others = [one for one in known if one.finding != left_out]
        found = [resemblance(values, others) for _, values in tested]
        shares = [one.share for one in found if one is not None]
        aucs.append(float(roc_auc_score([fault == left_out for fault, _ in tested], shares)))
    return aucs


def _family(fault: str) -> str:
    parts = {"OR": "outer race", "IR": "inner race", "BF": "ball"}
    shown = next((family for code, family in parts.items() if code in fault[:3]), None)
    return shown or ("shaft" if "_BS_" in fault else "misalignment" if fault.endswith("MA") else "unbalance")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=Path, default=default_recordings(), help="folder with rig/")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--quick", action="store_true", help="the same: it takes half a minute")
    arguments = parser.parse_args()
    result = figures(arguments.recordings / "rig")
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
