"""Results of the distillation experiments as plain values, and the curve as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from anomaly.evaluate.bench.comparison import compare_detectors, mean_over_sets
from anomaly.evaluate.bench.rounds import Rounds
from anomaly.evaluate.bench.summary import Results, summarise_rounds
from anomaly.evaluate.metrics.detection_metrics import auc
from anomaly.evaluate.reporting.canvas import INK, NORMAL, QUIET, png
from lib.distillation.ablations import NO_LEAK, WITHOUT_LEAK
from lib.distillation.experiment import ExperimentResult
from lib.distillation.method_comparison import METHODS, SHARES
from lib.distillation.students import LADDER
from lib.result_tables import as_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COSTS = ("neurons", "synapses", "sop_per_s", "teacher_macs_per_s", "train_seconds", "train_cpu_seconds")
MORE = (
    "kept_start",
    "energy_low_j_per_s",
    "energy_high_j_per_s",
    "latency_nearest_output_s",
    "latency_farthest_output_s",
    "min_channel_width",
    "routed",
    "start_sop_per_s",
)


def of_sets(result: ExperimentResult) -> dict[str, Any]:
    """Teacher, student and closed form on all sets, and the cost of the student."""
    results = summarise_rounds(result.rounds)
    macs, sop = result.mean("teacher_macs_per_s"), result.mean("sop_per_s")
    return {
        "sets": as_json(results),
        "mean_over_sets": mean_over_sets(results),
        "student_less_teacher": difference(result.rounds, "student", "teacher"),
        "student_less_closed_form": difference(result.rounds, "student", "closed_form"),
        "student_less_dcase_ae": difference(result.rounds, "student", "dcase_ae"),
        "most_below_teacher": largest_auc_loss(results, "student", "teacher"),
        **{name: result.mean(name) for name in (*COSTS, *MORE)},
        "macs_per_sop": macs / sop if macs and sop else None,
        "details_of_trainings": [asdict(one) for one in result.measured],
    }


def of_small(result: ExperimentResult) -> dict[str, Any]:
    """Scores and cost of the small student."""
    results = summarise_rounds(result.rounds)
    return {
        "small": {
            "mean_over_sets": mean_over_sets(results),
            "less_teacher": difference(result.rounds, "small", "teacher"),
            "most_below_teacher": largest_auc_loss(results, "small", "teacher"),
            **{name: result.mean(name) for name in COSTS},
            **{f"most_{name}": largest(result, name) for name in ("neurons", "synapses", "sop_per_s")},
        }
    }


def of_robust(result: ExperimentResult) -> dict[str, Any]:
    """AUC lost on imperfect chips: mean, spread and worst over chips; for other imperfections the interval."""
    chips = sorted({name for _, _, name in result.rounds if name.startswith("mismatch#")})
    by_chip = [auc_loss_by_set(result.rounds, chip, "student") for chip in chips]
    lost = [float(np.mean(list(one.values()))) for one in by_chip]
    figures: dict[str, Any] = {
        "mismatch_auc_loss": float(np.mean(lost)),
        "mismatch_auc_loss_sd_over_chips": float(np.std(lost)),
        "mismatch_auc_loss_of_worst_chip": float(np.max(lost)),
        "mismatch_chips": len(chips),
        "mismatch_auc_loss_by_set": {
            name: round(float(np.mean([one[name] for one in by_chip])), 4) for name in by_chip[0]
        },
    }
    pairs = dict.fromkeys(("lost_events", "leak"), "student")
    pairs |= {f"without_leak_{name}": "without_leak" for name in ("lost_events", "leak")}
    for name, whole in pairs.items():
        gap = difference(result.rounds, name, whole)
        if gap is not None:
            figures[f"{name}_auc_loss"] = -gap["auc"]
            figures[f"{name}_auc_loss_ci"] = [-gap["auc_ci"][1], -gap["auc_ci"][0]]
            figures[f"{name}_auc_loss_by_set"] = {one: -value for one, value in gap["by_set"].items()}
    clean = difference(result.rounds, "without_leak", "student")
    if clean is not None:
        figures["without_leak_less_student"] = clean
        figures["without_leak_sop_per_s"] = result.mean("without_leak_sop_per_s")
    return figures


def of_curve(result: ExperimentResult) -> dict[str, Any]:
    """AUC against synaptic operations, mean over sets; dominated points are kept."""
    means = mean_over_sets(summarise_rounds(result.rounds))
    points = [
        {
            "plan": name,
            "auc": means[name]["auc"],
            **{what: result.mean(f"{name}_{what}") for what in ("neurons", "synapses", "sop_per_s")},
        }
        for name in LADDER
        if name in means
    ]
    return {"curve": points, "curve_teacher_auc": means["teacher"]["auc"] if means else None}


def of_wires(result: ExperimentResult) -> dict[str, Any]:
    """Ratios of the closed form with a wire cost to the one without, and its gain in AUC; ``mild`` has a lower cost."""
    figures = {name: _against_blind(result, name) for name in ("aware", "mild")}
    return {"wirelength_aware_vs_blind": figures["aware"] | {"mild": figures["mild"]}}


def _against_blind(result: ExperimentResult, name: str) -> dict[str, Any]:
    ratios = {
        what: float(
            np.mean([one.values[f"{name}_{what}"] / one.values[f"blind_{what}"] for one in result.measured])
        )
        for what in ("activity_wirelength", "min_channel_width", "synapses")
    }
    ratios |= {"cpu_seconds": result.mean(f"{name}_cpu_seconds") or 0.0}
    return ratios | (difference(result.rounds, name, "blind") or {})


def of_methods(result: ExperimentResult) -> dict[str, Any]:
    """AUC and seconds of every method on every share of the data, and the gain of distillation over each."""
    means = mean_over_sets(summarise_rounds(result.rounds))
    table = {
        method: {
            f"{share:g}": {
                "auc": means[f"{method}@{share:g}"]["auc"],
                "cpu_seconds": result.mean(f"{method}_seconds@{share:g}"),
            }
            for share in SHARES
            if f"{method}@{share:g}" in means
        }
        for method in METHODS
    }
    gains = {
        method: {
            f"{share:g}": difference(result.rounds, f"distilled@{share:g}", f"{method}@{share:g}")
            for share in SHARES
        }
        for method in METHODS
        if method != "distilled"
    }
    sizes = {
        f"{who}_{what}": result.mean(f"{who}_{what}@1")
        for who in ("converted", "student")
        for what in ("neurons", "synapses", "sop_per_s")
    }
    needed = {name: result.mean(f"{name}@1") for name in ("whole_teacher_neurons", "converted_routed")}
    return {
        "claim": {
            "methods": METHODS,
            "by_share_of_data": table,
            "distilled_less": gains,
            "sets": sorted({name for name, _, _ in result.rounds}),
            **sizes,
            **needed,
        }
    }


def of_ablations(result: ExperimentResult) -> dict[str, Any]:
    """AUC of each ablated student, and its difference from the full one, on machines that the bench does not use."""
    names = list(dict.fromkeys(name for _, _, name in result.rounds))
    means = mean_over_sets(summarise_rounds(result.rounds))
    return {
        "ablations": {
            name: {
                "auc": means[name]["auc"],
                "less_all": difference(result.rounds, name, "all") if name != "all" else None,
                "less_no_leak": difference(result.rounds, name, NO_LEAK) if name in WITHOUT_LEAK else None,
                "sop_per_s": result.mean(f"{name}_sop_per_s"),
                "neurons": result.mean(f"{name}_neurons"),
            }
            for name in names
        }
    }


def difference(rounds: Rounds, detector: str, reference: str) -> dict[str, Any] | None:
    """AUC of a detector minus that of a reference over the sets that have both, with interval and by set."""
    comparison = compare_detectors(rounds, detector, reference)
    if comparison is None:
        return None
    return {
        "auc": comparison.overall.auc,
        "auc_ci": list(comparison.overall.ci),
        "p": comparison.overall.p,
        "by_set": {name: round(one.auc, 4) for name, one in comparison.sets.items()},
        "significantly_below": comparison.significantly_below,
        "significantly_above": comparison.significantly_above,
    }


def auc_loss_by_set(rounds: Rounds, detector: str, reference: str) -> dict[str, float]:
    """AUC of the reference minus that of the detector on each set, mean over seeds and levels."""
    lost: dict[str, list[float]] = {}
    for (name, level, one), scored in rounds.items():
        if one == detector:
            areas = [[auc(r.labels, r.scores) for r in rs] for rs in (rounds[name, level, reference], scored)]
            lost.setdefault(name, []).append(float(np.mean(areas[0]) - np.mean(areas[1])))
    return {name: float(np.mean(values)) for name, values in lost.items()}


def largest_auc_loss(results: Results, detector: str, reference: str) -> dict[str, object] | None:
    """Set with the largest loss of AUC against the reference, mean over its levels."""
    lost = {
        name: float(np.mean([row[reference].auc - row[detector].auc for row in levels.values()]))
        for name, levels in results.items()
        if all(detector in row and reference in row for row in levels.values())
    }
    worst = max(lost, key=lambda name: lost[name], default=None)
    return None if worst is None else {"set": worst, "auc": lost[worst]}


def largest(result: ExperimentResult, name: str) -> float | None:
    """Largest value of a figure over all trainings."""
    return max((one.values[name] for one in result.measured if name in one.values), default=None)


def curve_picture(report: Mapping[str, Any]) -> bytes:
    """Draw the curve and the level of the teacher, as a PNG."""
    points, teacher = report["curve"], report["curve_teacher_auc"]

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        sop, areas = ([point[name] for point in points] for name in ("sop_per_s", "auc"))
        axes.axhline(teacher, color=QUIET, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.text(min(sop), teacher, "teacher", color=INK, va="bottom")
        axes.plot(sop, areas, color=NORMAL, linewidth=2, marker="o")
        for point in points:
            label = f"{point['neurons']:.0f}"
            axes.annotate(label, (point["sop_per_s"], point["auc"]), (4, -12), textcoords="offset points")
        axes.set_xscale("log")
        axes.set(xlabel="synaptic operations per second of sound", ylabel="AUC, mean over sets")
        axes.set_title("numbers are neurons", loc="right", fontsize=9, color=QUIET)

    return png(draw, (7.2, 4.0))


NOTES = {
    "train_seconds": "teacher, start, distillation, placement, proof and calibration of one training on one thread, "
    "without the trial on imperfect chips that the product adds; train_cpu_seconds are a processor's",
    "energy": "joule per second of sound, stepped clock, from the least to the greatest calibration",
    "small": "4 bits, at most 300 neurons and 20,000 SOP per second, distilled with the profile fast",
    "curve": "closed forms, 6 bits, first seed; of motors and rig one level",
    "robust": "first seed, one of the levels that share a training; scored as on a perfect chip",
    "wires": "closed forms by one recipe, with a wire term (placed, routed and built anew, twice; events larger where "
    "they run along much wire) and without; mild is a weaker term; ratios are to the one without",
}
REPORTS = {
    "sets": of_sets,
    "small": of_small,
    "robust": of_robust,
    "curve": of_curve,
    "wires": of_wires,
    "conversion": of_methods,
    "ablations": of_ablations,
}
