"""A fetched folder appears whole, holds its source, and nothing else is changed."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from anomaly.archive.datasets import fetch_plan
from anomaly.archive.datasets.catalogue import Catalogue, PublicSet
from anomaly.archive.datasets.fetch import fetch
from anomaly.archive.datasets.fetch_plan import SOURCE, FetchPlan, plan_fetch
from anomaly.archive.datasets.remote import Remote, RequestRetries
from anomaly.errors import ConfigError, RemoteError, UsageError
from anomaly.evaluate.layouts.layouts import read_layout
from anomaly.store.database.file_lock import FileLock
from support.zenodo_server import Zenodo, drop, md5, sound_zip, status, wrong

# Records and names of the real catalogue; it has no sizes and checksums for 2021, so that the record is asked.
DEV, TRAIN, TEST = 4562016, 4660992, 4884786
TRAINING = [f"pump/train/section_00_source_train_normal_{n:04}_a.wav" for n in range(3)]
TESTING = [f"pump/source_test/section_00_source_test_{label}_0000.wav" for label in ("normal", "anomaly")]
DEV_ZIP = sound_zip(*TRAINING, *TESTING, "pump/attributes_00.csv")


@pytest.fixture
def remote(zenodo: Zenodo) -> Iterator[Remote]:
    zenodo.publish(DEV, "dev_data_pump.zip", DEV_ZIP)
    with Remote(retries=RequestRetries(tries=2, sleep=lambda seconds: None, answer_s=5)) as remote:
        yield remote


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def planned(remote: Remote, data: Path, **more: str) -> FetchPlan:
    return plan_fetch("dcase2021", "pump", remote, data=data, **more)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def known_to(monkeypatch: pytest.MonkeyPatch, **more: object) -> None:
    """Put one made-up data set into the catalogue."""
    facts = {"title": "Made up", "layout": "none", "citation": "nobody", "source": ("this test",)}
    made = Catalogue(data_sets={"made-up": PublicSet.model_validate(facts | more)})
    monkeypatch.setattr(fetch_plan, "catalogue", lambda: made)


def test_a_plan_has_files_sizes_and_licence(zenodo: Zenodo, remote: Remote, data: Path) -> None:
    plan = planned(remote, data)
    (file,) = plan.files
    assert file.url == f"{zenodo.base}/records/{DEV}/files/dev_data_pump.zip?download=1"
    assert (file.size_bytes, file.md5) == (len(DEV_ZIP), md5(DEV_ZIP))
    assert plan.size_bytes == len(DEV_ZIP)
    assert plan.licence == "cc-by-4.0"
    assert plan.pages == (f"{zenodo.base}/records/{DEV}",)
    assert plan.folder == data / "dcase2021-pump"
    assert not plan.here
    assert not data.exists()


def test_a_fetch_from_plan_to_folder(remote: Remote, data: Path) -> None:
    plan = planned(remote, data)
    stages: list[str] = []
    assert fetch(plan, remote, lambda doing, done, of: stages.append(doing)) == 5
    found = read_layout(data / "dcase2021-pump")
    assert (found.layout, len(found.train), len(found.test)) == ("split", 3, 2)
    assert found.test[0].domain == "source"
    assert entries(data / "dcase2021-pump") == [SOURCE, "attributes_00.csv", "source_test", "train"]
    assert entries(data / ".fetch") == ["dcase2021-pump.lock"]
    assert list(dict.fromkeys(word.split()[0] for word in stages)) == ["downloading", "checking", "unpacking"]


def test_a_fetched_folder_holds_its_source(zenodo: Zenodo, remote: Remote, data: Path) -> None:
    plan = planned(remote, data)
    fetch(plan, remote)
    source = json.loads((plan.folder / SOURCE).read_text(encoding="utf-8"))
    assert (source["data_set"], source["machine"], source["licence"]) == ("dcase2021", "pump", "cc-by-4.0")
    assert "2106.04492" in source["citation"]
    assert source["pages"] == [f"{zenodo.base}/records/{DEV}"]
    assert source["files"] == [{"name": "dev_data_pump.zip", "size_bytes": len(DEV_ZIP), "md5": md5(DEV_ZIP)}]
    assert source["fetched"].endswith("+00:00")


def test_a_fetched_folder_is_not_fetched_again(zenodo: Zenodo, remote: Remote, data: Path) -> None:
    fetch(planned(remote, data), remote)
    again = planned(remote, data)
    assert again.here
    assert fetch(again, remote) == 5
    assert len(zenodo.ranges()) == 1


def test_a_machine_of_several_files(zenodo: Zenodo, remote: Remote, data: Path) -> None:
    zenodo.publish(
        TRAIN, "eval_data_fan_train.zip", sound_zip("fan/train/section_03_source_train_normal_0.wav")
    )
    zenodo.publish(TEST, "eval_data_fan_test.zip", sound_zip("fan/source_test/section_03_source_test_0.wav"))
    plan = plan_fetch("dcase2021-eval", "FAN", remote, data=data)
    assert [file.name for file in plan.files] == ["eval_data_fan_train.zip", "eval_data_fan_test.zip"]
    assert fetch(plan, remote) == 2
    assert entries(data / "dcase2021-eval-fan") == [SOURCE, "source_test", "train"]


def test_another_name(remote: Remote, data: Path) -> None:
    plan = planned(remote, data, name="my-pump")
    fetch(plan, remote)
    assert (data / "my-pump" / "train").is_dir()


def test_invalid_names(remote: Remote, data: Path) -> None:
    with pytest.raises(UsageError, match="dcase1999"):
        plan_fetch("dcase1999", "pump", remote, data=data)
    with pytest.raises(UsageError, match="lathe") as caught:
        plan_fetch("dcase2021", "lathe", remote, data=data)
    assert "gearbox" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="no machine name"):
        planned(remote, data, name="../elsewhere")


def test_a_folder_with_other_recordings_is_not_changed(remote: Remote, data: Path) -> None:
    own = data / "dcase2021-pump" / "normal"
    own.mkdir(parents=True)
    (own / "monday.wav").write_bytes(b"mine")
    with pytest.raises(UsageError, match="holds something else") as caught:
        fetch(planned(remote, data), remote)
    assert "--as NAME" in str(caught.value.hint)
    assert (own / "monday.wav").read_bytes() == b"mine"


def test_an_empty_folder_is_used(remote: Remote, data: Path) -> None:
    (data / "dcase2021-pump").mkdir(parents=True)
    assert fetch(planned(remote, data), remote) == 5


def test_an_interrupted_fetch_is_resumed(zenodo: Zenodo, remote: Remote, data: Path) -> None:
    def interrupt(doing: str, done: int, of: int) -> None:
        raise KeyboardInterrupt

    zenodo.spoil("dev_data_pump.zip", drop(400))
    with pytest.raises(KeyboardInterrupt):
        fetch(planned(remote, data), remote, interrupt)
    plan = planned(remote, data)
    assert plan.held_bytes == 400
    assert entries(data) == [".fetch"]
    assert fetch(plan, remote) == 5
    assert zenodo.ranges() == [None, "bytes=400-"]


def test_files_of_a_killed_run_are_unpacked_again(zenodo: Zenodo, remote: Remote, data: Path) -> None:
    plan = planned(remote, data)
    (plan.downloads / "unpacked" / "train").mkdir(parents=True)
    (plan.downloads / "unpacked" / "train" / "half.wav").write_bytes(b"half")
    plan.part(plan.files[0]).write_bytes(DEV_ZIP)
    assert fetch(plan, remote) == 5
    assert zenodo.ranges() == []


def test_interrupted_while_unpacking(zenodo: Zenodo, remote: Remote, data: Path) -> None:
    def interrupt(doing: str, done: int, of: int) -> None:
        if doing.startswith("unpacking"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(planned(remote, data), remote, interrupt)
    assert entries(data) == [".fetch"]
    assert fetch(planned(remote, data), remote) == 5
    assert zenodo.ranges() == [None]


@pytest.mark.parametrize("mishap", [wrong, status(404), status(403)])
def test_a_failed_fetch_leaves_no_folder(zenodo: Zenodo, remote: Remote, data: Path, mishap: object) -> None:
    zenodo.mishaps["dev_data_pump.zip"] = [mishap]  # type: ignore[list-item]
    with pytest.raises(RemoteError) as caught:
        fetch(planned(remote, data), remote)
    assert f"{zenodo.base}/records/{DEV}/files/dev_data_pump.zip" in str(caught.value)
    assert entries(data) == [".fetch"]
    assert entries(data / ".fetch" / "dcase2021-pump") == []


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["pump/train/a.wav", "../../a.wav"], "leads out"),
        (["pump/readme.txt"], "no recordings"),
    ],
)
def test_archives_that_are_refused(
    zenodo: Zenodo, remote: Remote, data: Path, names: list[str], why: str
) -> None:
    zenodo.records.clear()
    zenodo.publish(DEV, "dev_data_pump.zip", sound_zip(*names))
    with pytest.raises(RemoteError, match=why):
        fetch(planned(remote, data), remote)
    assert entries(data) == [".fetch"]
    assert entries(data.parent) == ["data"]


def test_a_record_that_lacks_the_file(zenodo: Zenodo, remote: Remote, data: Path) -> None:
    zenodo.records[DEV]["files"][0]["key"] = "dev_data_pump_v2.zip"
    with pytest.raises(RemoteError, match=r"has no file dev_data_pump\.zip"):
        planned(remote, data)


def test_a_record_without_sizes(zenodo: Zenodo, remote: Remote, data: Path) -> None:
    del zenodo.records[DEV]["files"][0]["checksum"]
    with pytest.raises(RemoteError, match="neither the catalogue nor the record"):
        planned(remote, data)


def test_a_record_is_not_read_where_the_catalogue_is_complete(
    zenodo: Zenodo, remote: Remote, data: Path
) -> None:
    plan = plan_fetch("dcase2020", "pump", remote, data=data)
    assert plan.size_bytes == 1_031_279_015
    assert zenodo.asked == []


def test_a_record_must_not_contradict_the_catalogue(zenodo: Zenodo, remote: Remote, data: Path) -> None:
    zenodo.publish(7882613, "dev_fan.zip", b"another file")
    with pytest.raises(RemoteError, match="9348591e96fb0ad499a1e33b082562fc"):
        plan_fetch("dcase2023", "fan", remote, data=data)


def test_a_full_disk(remote: Remote, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(remote, data)
    free = 2 * plan.size_bytes - 1
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, free))  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="no room"):
        fetch(plan, remote)


def test_a_folder_that_cannot_be_written(remote: Remote, data: Path) -> None:
    data.write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written"):
        fetch(planned(remote, data), remote)


def test_two_fetches_of_one_folder(remote: Remote, data: Path) -> None:
    plan = planned(remote, data)
    plan.downloads.mkdir(parents=True)
    with FileLock(data / ".fetch" / "dcase2021-pump.lock"), pytest.raises(ConfigError, match="another fetch"):
        fetch(plan, remote)


def test_volumes_are_left_packed(
    zenodo: Zenodo, remote: Remote, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volumes = {"ToyCar.7z.001": b"first", "ToyCar.7z.002": b"second"}
    files = []
    for name, content in volumes.items():
        zenodo.publish(3, name, content)
        files.append({"record": 3, "name": name, "size_bytes": len(content), "md5": md5(content)})
    known_to(monkeypatch, packed="7z", licence="own", machines={"ToyCar": files})
    assert fetch(plan_fetch("made-up", "toycar", remote, data=data), remote) == 0
    folder = data / "made-up-ToyCar"
    assert entries(folder) == [SOURCE, *volumes]
    assert (folder / "ToyCar.7z.002").read_bytes() == b"second"
    assert entries(data / ".fetch") == ["made-up-ToyCar.lock"]


def test_licences_of_several_records(
    zenodo: Zenodo, remote: Remote, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for record, name in ((3, "a.zip"), (4, "b.zip")):
        zenodo.publish(record, name, b"x" * record)
    zenodo.records[4]["metadata"] = {"license": {"id": "cc0-1.0"}}
    files = [{"record": 3, "name": "a.zip"}, {"record": 4, "name": "b.zip"}]
    known_to(monkeypatch, machines={"fan": files})
    assert plan_fetch("made-up", "fan", remote, data=data).licence == "cc-by-4.0, cc0-1.0"
    zenodo.records[3]["metadata"] = zenodo.records[4]["metadata"] = None
    assert plan_fetch("made-up", "fan", remote, data=data).licence.startswith("not stated")


def test_a_folder_with_an_invalid_source_is_another_folder(remote: Remote, data: Path) -> None:
    plan = planned(remote, data)
    plan.folder.mkdir(parents=True)
    for nonsense in ("{", "[]", '{"files": 3}'):
        (plan.folder / SOURCE).write_text(nonsense)
        assert not plan.here
        with pytest.raises(UsageError):
            fetch(plan, remote)


def test_the_archive_in_the_tests_is_like_the_real_ones() -> None:
    with zipfile.ZipFile(BytesIO(DEV_ZIP)) as zipped:
        assert {name.split("/")[0] for name in zipped.namelist()} == {"pump"}


def test_a_set_without_a_layout_is_kept_as_it_was_published(
    zenodo: Zenodo, remote: Remote, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("toyad2/CN001-carA1-speed1_mic1_00001.mp4", b"moving picture")
    zenodo.publish(7, "toyad2.zip", packed.getvalue())
    known_to(monkeypatch, machines={"carA": [{"record": 7, "name": "toyad2.zip"}]})
    plan = plan_fetch("made-up", "carA", remote, data=data)
    assert fetch(plan, remote) == 0
    assert [path.name for path in plan.folder.rglob("*.mp4")] == ["CN001-carA1-speed1_mic1_00001.mp4"]
