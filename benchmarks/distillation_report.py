"""What the parts of the distillation benchmark found, as plain values, and the curve as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from ablations import NO_LEAK, WITHOUT_LEAK
from claims import METHODS, SHARES
from harness import as_json
from parts import Found
from students import LADDER

from anomaly.evaluate.bench.comparison import compare_detectors, mean_over_sets
from anomaly.evaluate.bench.rounds import Rounds
from anomaly.evaluate.bench.summary import Results, sum_up
from anomaly.evaluate.metrics.detection_metrics import auc
from anomaly.evaluate.reporting.canvas import INK, NORMAL, QUIET, png

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


def of_sets(found: Found) -> dict[str, Any]:
    """Teacher, student and closed form on the whole bench, and what the student costs."""
    results = sum_up(found.rounds)
    macs, sop = found.mean("teacher_macs_per_s"), found.mean("sop_per_s")
    return {
        "sets": as_json(results),
        "mean_over_sets": mean_over_sets(results),
        "student_less_teacher": less(found.rounds, "student", "teacher"),
        "student_less_closed_form": less(found.rounds, "student", "closed_form"),
        "student_less_dcase_ae": less(found.rounds, "student", "dcase_ae"),
        "most_below_teacher": most_below(results, "student", "teacher"),
        **{name: found.mean(name) for name in (*COSTS, *MORE)},
        "macs_per_sop": macs / sop if macs and sop else None,
        "details_of_trainings": [asdict(one) for one in found.measured],
    }


def of_small(found: Found) -> dict[str, Any]:
    """The small student."""
    results = sum_up(found.rounds)
    return {
        "small": {
            "mean_over_sets": mean_over_sets(results),
            "less_teacher": less(found.rounds, "small", "teacher"),
            "most_below_teacher": most_below(results, "small", "teacher"),
            **{name: found.mean(name) for name in COSTS},
            **{f"most_{name}": most(found, name) for name in ("neurons", "synapses", "sop_per_s")},
        }
    }


def of_robust(found: Found) -> dict[str, Any]:
    """What imperfect chips cost in AUC: over chips the mean, the spread and the worst; else the interval."""
    chips = sorted({name for _, _, name in found.rounds if name.startswith("mismatch#")})
    by_chip = [lost_by_set(found.rounds, chip, "student") for chip in chips]
    lost = [float(np.mean(list(one.values()))) for one in by_chip]
    told: dict[str, Any] = {
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
        gap = less(found.rounds, name, whole)
        if gap is not None:
            told[f"{name}_auc_loss"] = -gap["auc"]
            told[f"{name}_auc_loss_ci"] = [-gap["auc_ci"][1], -gap["auc_ci"][0]]
            told[f"{name}_auc_loss_by_set"] = {one: -value for one, value in gap["by_set"].items()}
    clean = less(found.rounds, "without_leak", "student")
    if clean is not None:
        told["without_leak_less_student"] = clean
        told["without_leak_sop_per_s"] = found.mean("without_leak_sop_per_s")
    return told


def of_curve(found: Found) -> dict[str, Any]:
    """AUC against synaptic operations, mean over sets; steps that cost more and hear less are left in."""
    means = mean_over_sets(sum_up(found.rounds))
    points = [
        {
            "plan": name,
            "auc": means[name]["auc"],
            **{what: found.mean(f"{name}_{what}") for what in ("neurons", "synapses", "sop_per_s")},
        }
        for name in LADDER
        if name in means
    ]
    return {"curve": points, "curve_teacher_auc": means["teacher"]["auc"] if means else None}


def of_wires(found: Found) -> dict[str, Any]:
    """Ratios below one are savings of the recipe that knows of wires; AUC is its gain. ``mild`` is the same, weaker."""
    told = {name: _against_blind(found, name) for name in ("aware", "mild")}
    return {"wirelength_aware_vs_blind": told["aware"] | {"mild": told["mild"]}}


def _against_blind(found: Found, name: str) -> dict[str, Any]:
    ratios = {
        what: float(
            np.mean([one.values[f"{name}_{what}"] / one.values[f"blind_{what}"] for one in found.measured])
        )
        for what in ("activity_wirelength", "min_channel_width", "synapses")
    }
    ratios |= {"cpu_seconds": found.mean(f"{name}_cpu_seconds") or 0.0}
    return ratios | (less(found.rounds, name, "blind") or {})


def of_claims(found: Found) -> dict[str, Any]:
    """Every method at every share of the data: AUC and seconds; and what distillation gains over each."""
    means = mean_over_sets(sum_up(found.rounds))
    table = {
        method: {
            f"{share:g}": {
                "auc": means[f"{method}@{share:g}"]["auc"],
                "cpu_seconds": found.mean(f"{method}_seconds@{share:g}"),
            }
            for share in SHARES
            if f"{method}@{share:g}" in means
        }
        for method in METHODS
    }
    gains = {
        method: {
            f"{share:g}": less(found.rounds, f"distilled@{share:g}", f"{method}@{share:g}")
            for share in SHARES
        }
        for method in METHODS
        if method != "distilled"
    }
    sizes = {
        f"{who}_{what}": found.mean(f"{who}_{what}@1")
        for who in ("converted", "student")
        for what in ("neurons", "synapses", "sop_per_s")
    }
    needed = {name: found.mean(f"{name}@1") for name in ("whole_teacher_neurons", "converted_routed")}
    return {
        "claim": {
            "methods": METHODS,
            "by_share_of_data": table,
            "distilled_less": gains,
            "sets": sorted({name for name, _, _ in found.rounds}),
            **sizes,
            **needed,
        }
    }


def of_ablations(found: Found) -> dict[str, Any]:
    """AUC of each student without one idea, and how much less that is, over machines that the bench does not use."""
    names = list(dict.fromkeys(name for _, _, name in found.rounds))
    means = mean_over_sets(sum_up(found.rounds))
    return {
        "ablations": {
            name: {
                "auc": means[name]["auc"],
                "less_all": less(found.rounds, name, "all") if name != "all" else None,
                "less_no_leak": less(found.rounds, name, NO_LEAK) if name in WITHOUT_LEAK else None,
                "sop_per_s": found.mean(f"{name}_sop_per_s"),
                "neurons": found.mean(f"{name}_neurons"),
            }
            for name in names
        }
    }


def less(rounds: Rounds, ours: str, theirs: str) -> dict[str, Any] | None:
    """One less another over the sets that have both: AUC, its interval, and by set."""
    duel = compare_detectors(rounds, ours, theirs)
    if duel is None:
        return None
    return {
        "auc": duel.overall.auc,
        "auc_ci": list(duel.overall.ci),
        "p": duel.overall.p,
        "by_set": {name: round(one.auc, 4) for name, one in duel.sets.items()},
        "significantly_below": duel.significantly_below,
        "significantly_above": duel.significantly_above,
    }


def lost_by_set(rounds: Rounds, ours: str, theirs: str) -> dict[str, float]:
    """AUC lost on each set, mean over seeds and levels."""
    lost: dict[str, list[float]] = {}
    for (name, level, detector), played in rounds.items():
        if detector == ours:
            areas = [
                [auc(one.labels, one.scores) for one in r] for r in (rounds[name, level, theirs], played)
            ]
            lost.setdefault(name, []).append(float(np.mean(areas[0]) - np.mean(areas[1])))
    return {name: float(np.mean(values)) for name, values in lost.items()}


def most_below(results: Results, ours: str, theirs: str) -> dict[str, object] | None:
    """The set on which most is lost, mean over its levels."""
    lost = {
        name: float(np.mean([row[theirs].auc - row[ours].auc for row in levels.values()]))
        for name, levels in results.items()
        if all(ours in row and theirs in row for row in levels.values())
    }
    worst = max(lost, key=lambda name: lost[name], default=None)
    return None if worst is None else {"set": worst, "auc": lost[worst]}


def most(found: Found, name: str) -> float | None:
    """The largest of all trainings."""
    return max((one.values[name] for one in found.measured if name in one.values), default=None)


def picture(report: Mapping[str, Any]) -> bytes:
    """The curve, the teacher's level above it, as a PNG."""
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
    "conversion": of_claims,
    "ablations": of_ablations,
}
