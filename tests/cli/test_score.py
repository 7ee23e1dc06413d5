"""`anomaly score` as a user types it: data on stdout, words on stderr, exit codes as documented."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from anomaly.archive.scoring_task import ScoringTask
from anomaly.cli import run


@pytest.fixture
def words(pump_bundle: Path, pump_recordings: Path) -> list[str]:
    return ["score", str(pump_recordings), "--machine", "pump", "--models", str(pump_bundle.parent)]


def rows_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def test_json_is_an_array_of_rows(
    words: list[str], pump_recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--json"]) == 0
    rows = rows_of(capsys)
    assert [row["path"] for row in rows] == [str(path) for path in sorted(pump_recordings.rglob("*.wav"))]
    for row in rows:
        assert list(row) == [
            "path",
            "seconds",
            "score",
            "p_value",
            "state",
            "status",
            "error",
            "sensor",
            "format",
        ]
        assert (row["status"], row["error"], row["seconds"]) == ("ok", None, 6.0)
        assert 0 < row["p_value"] <= 1
    anomalous = [row["score"] for row in rows if "anomaly" in row["path"]]
    assert min(anomalous) > max(row["score"] for row in rows if "normal" in row["path"])


def test_both_detectors_and_formats_give_the_same_rows(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for detector in ("student", "teacher"):
        assert run([*words, "--detector", detector, "--json", "--per-second"]) == 0
        rows = rows_of(capsys)
        assert run([*words, "--detector", detector, "--jsonl", "--per-second"]) == 0
        shown = capsys.readouterr()
        assert [json.loads(line) for line in shown.out.splitlines()] == rows
        assert " of 8 files in ALARM" in shown.err
        assert all(list(s) == ["second", "score", "p_value", "state"] for s in rows[0]["per_second"])


def test_seconds_need_a_place_to_go(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--per-second"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "add --json, --jsonl or --out FOLDER" in shown.err


@pytest.mark.parametrize("budget", ["0", "0.00001", "1441", "nan"])
def test_a_budget_is_held_to_the_range_of_the_monitor(
    words: list[str], budget: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--false-alarms-per-day", budget]) == 2
    assert "give a number from 0.0001 to 1440" in capsys.readouterr().err


def test_a_table_for_people(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    shown = capsys.readouterr()
    head, *lines = shown.out.splitlines()
    assert head.split() == ["state", "score", "rarity", "seconds", "path"]
    assert len(lines) == 8
    assert lines[0].startswith("ALARM")


def test_a_copied_bundle_gives_the_same_bytes(
    words: list[str], pump_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pump_bundle, tmp_path / "somewhere" / "else")
    printed = []
    for machine in ("pump", str(tmp_path / "somewhere" / "else")):
        for detector in ("student", "teacher"):
            given = [*words[:2], "--machine", machine, *words[4:], "--detector", detector]
            assert run([*given, "--json", "--per-second"]) == 0
            printed.append(capsys.readouterr().out)
    assert printed[:2] == printed[2:]
    assert printed[0] != printed[1]


def test_the_only_machine_needs_no_name(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words[:2], *words[4:]]) == 0
    assert " of 8 files in ALARM" in capsys.readouterr().err


def test_out_writes_tables(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--out", str(tmp_path / "scores"), "--json", "--per-second"]) == 0
    rows = rows_of(capsys)
    assert sorted(p.name for p in (tmp_path / "scores").iterdir()) == [
        "run.json",
        "scores.csv",
        "scores.jsonl",
        "seconds.csv",
    ]
    lines = (tmp_path / "scores" / "scores.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_streamed_output_has_the_bytes_of_rows_written_at_once(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a_empty.wav").write_bytes(b"")
    command = [words[0], str(tmp_path / "a_empty.wav"), *words[1:], "--per-second"]
    assert run([*command, "--json", "--out", str(tmp_path / "scores")]) == 0
    array = capsys.readouterr().out
    rows = json.loads(array)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    assert array == json.dumps(rows) + "\n"
    assert (tmp_path / "scores" / "scores.jsonl").read_text() == lines
    assert run([*command, "--jsonl"]) == 0
    assert capsys.readouterr().out == lines
    columns = ["path", "seconds", "score", "p_value", "state", "status", "error", "sensor", "format"]
    tables = {
        "scores.csv": (columns, rows),
        "seconds.csv": (
            ["path", "second", "score", "p_value", "state"],
            [{"path": row["path"], **second} for row in rows for second in row["per_second"]],
        ),
    }
    for name, (names, values) in tables.items():
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(values)
        assert (tmp_path / "scores" / name).read_text() == text.getvalue()


def test_an_interrupted_run_writes_no_table(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_task: object, _path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("anomaly.archive.scoring_task.ScoringTask.__call__", interrupt)
    assert run([*words, "--out", str(tmp_path / "scores")]) == 130
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_keeps_its_rows_and_the_next_one_goes_on(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [*words, "--json", "--per-second", "--out", str(tmp_path / "whole")]
    assert run(whole) == 0
    expected = capsys.readouterr().out
    scored: list[Path] = []
    original = ScoringTask.__call__

    def score(task: ScoringTask, path: Path) -> Any:
        if len(scored) == 3:
            raise KeyboardInterrupt
        scored.append(path)
        return original(task, path)

    command = [*words, "--json", "--per-second", "--out", str(tmp_path / "scores")]
    with monkeypatch.context() as patch:
        patch.setattr(ScoringTask, "__call__", score)
        assert run(command) == 130
    assert "the scores of 3 files of this run are kept" in capsys.readouterr().err
    assert len((tmp_path / "scores" / "scores.jsonl").read_text().splitlines()) == 3
    with monkeypatch.context() as patch:
        patch.setattr(ScoringTask, "__call__", lambda task, path: scored.append(path) or original(task, path))
        assert run(command) == 0
    shown = capsys.readouterr()
    assert "3 of 8 files are in" in shown.err
    assert shown.out == expected
    assert len(scored) == len(set(scored)) == 8
    for name in ("scores.jsonl", "scores.csv", "seconds.csv", "run.json"):
        assert (tmp_path / "scores" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_second_run_adds_files_and_never_replaces_rows(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *others = sorted(Path(words[1]).rglob("*.wav"))
    out = tmp_path / "scores"
    options = [*words[2:], "--out", str(out)]
    assert run(["score", str(first), *options]) == 0
    assert run(["score", *map(str, others), *options]) == 0
    paths = [json.loads(line)["path"] for line in (out / "scores.jsonl").read_text().splitlines()]
    assert paths == [str(first), *map(str, others)]
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    assert run(["score", str(first), *options, "--detector", "teacher"]) == 3
    assert "detector student there, teacher now" in capsys.readouterr().err
    (out / "run.json").unlink()
    assert run(["score", str(first), *options]) == 3
    assert "holds scores of an unknown run" in capsys.readouterr().err
    del before["run.json"]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_fail_on_anomaly(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--fail-on-anomaly", "--json"]) == 10
    calm = [row["path"] for row in rows_of(capsys) if row["state"] != "ALARM"]
    assert calm
    assert run([words[0], *calm, *words[2:], "--fail-on-anomaly"]) == 0


def test_a_tighter_budget_is_never_worse(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    order = ["OK", "WATCH", "ALARM"]
    states = []
    for budget in ("1000", "1", "0.001"):
        assert run([*words, "--false-alarms-per-day", budget, "--json"]) == 0
        states.append([order.index(row["state"]) for row in rows_of(capsys)])
    assert np.all(np.diff(np.array(states), axis=0) <= 0)


def test_a_bad_file_is_a_row_and_the_run_goes_on(
    words: list[str], pump_recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = sorted(pump_recordings.rglob("*.wav"))[0]
    (tmp_path / "a_empty.wav").write_bytes(b"")
    (tmp_path / "b_text.wav").write_text("text")
    data = good.read_bytes()
    (tmp_path / "c_cut.wav").write_bytes(data[:9000])
    sound, _ = soundfile.read(good, dtype="float32")
    sound[5] = np.nan
    soundfile.write(tmp_path / "d_nan.wav", sound, 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "e_short.wav", sound[100:8000], 16_000)
    soundfile.write(tmp_path / "f_silent.wav", np.zeros(32_000), 16_000)
    soundfile.write(tmp_path / "g_studio.wav", np.tile(sound[100:], 12), 192_000, subtype="PCM_24")
    assert run([words[0], str(tmp_path), *words[2:], "--json"]) == 0
    shown = capsys.readouterr()
    found = {Path(row["path"]).stem[2:]: row for row in json.loads(shown.out)}
    assert {name: row["status"] for name, row in found.items()} == {
        "empty": "error",
        "text": "error",
        "cut": "not-judged",
        "nan": "error",
        "short": "not-judged",
        "silent": "sensor",
        "studio": "format",
    }
    assert all(row["error"] for row in found.values() if row["status"] != "ok")
    assert " of 7 files not judged: " in shown.err
    (tmp_path / "g_studio.wav").unlink()
    assert run([words[0], str(tmp_path), *words[2:]]) == 4
    shown = capsys.readouterr()
    assert "is cut short" in shown.out
    assert "error: no file could be judged" in shown.err


def test_a_path_to_nowhere_exits_4_before_starting(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "nowhere.wav"]) == 4
    shown = capsys.readouterr()
    assert (shown.out, "nowhere.wav: there is no such file" in shown.err) == ("", True)


def test_a_wrong_machine_exits_3_with_the_list(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words[:3], "pmup", *words[4:]]) == 3
    shown = capsys.readouterr().err
    assert "there is no bundle for machine 'pmup'" in shown
    assert "bundles here: pump" in shown


@pytest.mark.parametrize("name", ["network.bit", "teacher.onnx", "calibration.json", "bundle.json"])
def test_a_flipped_byte_exits_5_and_names_the_file(
    name: str, words: list[str], pump_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = shutil.copytree(pump_bundle, tmp_path / "pump") / name
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    assert run([*words[:3], str(damaged.parent), *words[4:]]) == 5
    shown = capsys.readouterr()
    assert (shown.out, str(damaged) in shown.err) == ("", True)


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--json", "--jsonl"], 2, "do not go together"),
        (["--channel", "left"], 2, "--channel"),
        (["--detector", "parrot"], 2, "--detector"),
        (["--false-alarms-per-day", "0"], 2, "--false-alarms-per-day"),
        (["--out", "FILE"], 3, "cannot be written"),
    ],
)
def test_wrong_words(
    more: list[str], code: int, message: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = [__file__ if word == "FILE" else word for word in more]
    assert run([*words, *given]) == code
    shown = capsys.readouterr()
    assert (shown.out, message in shown.err) == ("", True)


def test_no_torch_is_loaded(words: list[str]) -> None:
    code = (
        "import sys; from anomaly.cli import run; code = run(sys.argv[1:]);"
        "heavy = {'torch', 'librosa', 'sklearn', 'matplotlib', 'jinja2'} & set(sys.modules);"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    for detector in ("student", "teacher"):
        done = subprocess.run(
            [sys.executable, "-c", code, *words, "--detector", detector, "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_what_could_not_be_judged_ends_with_11_if_nothing_alarmed(
    words: list[str], pump_recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    normal = sorted(pump_recordings.rglob("normal_*.wav"))[0]
    faulty = sorted(pump_recordings.rglob("anomaly_*.wav"))[0]
    dead = tmp_path / "dead.wav"
    soundfile.write(dead, np.zeros(48_000), 16_000)

    def code(*files: Path) -> int:
        return run([words[0], *map(str, files), *words[2:], "--fail-on-anomaly"])

    assert code(normal) == 0
    assert code(normal, dead) == 11
    assert code(dead) == 11
    assert code(normal, dead, faulty) == 10
    capsys.readouterr()
