"""A bundle comes back byte for byte, or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.bundle import Bundle, find_bundle, open_bundle, write_bundle
from anomaly.bundle.manifest import ManifestDraft, parse
from anomaly.errors import ConfigError, ModelError

FILES = {"network.bit": bytes(range(256)), "calibration.json": b"{}", "report/index.html": b"<p>ok</p>"}


def draft(machine: str = "pump") -> ManifestDraft:
    return ManifestDraft(
        machine=machine,
        front_end={"bands": 128, "floor": 1e-10},
        detectors={"student": {"steps": 4}},
        data_fingerprint="d" * 64,
        code_fingerprint="c" * 64,
        metrics={"auc": 0.987654321, "pauc": float("nan"), "faults": {}},
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "pump", draft(), FILES).path


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """A private and a public key, made as the documentation says."""
    private, public = tmp_path / "site.key", tmp_path / "site.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return private, public


def test_what_was_written_is_read(path: Path) -> None:
    bundle = open_bundle(path)
    assert {name: bundle.read(name) for name in bundle.manifest.files} == FILES
    assert bundle.manifest.front_end == draft().front_end
    assert bundle.manifest.metrics == {"auc": 0.987654321, "pauc": None, "faults": {}}
    assert bundle.signature == "none"


def test_the_writer_returns_what_a_reader_sees(tmp_path: Path) -> None:
    written = write_bundle(tmp_path / "pump", draft(), FILES)
    assert written == open_bundle(tmp_path / "pump")


def test_a_copy_elsewhere_is_the_same_bundle(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(path, copy)
    assert open_bundle(copy).manifest == open_bundle(path).manifest


def test_writing_again_replaces_all_files(path: Path) -> None:
    write_bundle(path, draft(), {"network.bit": b"new"})
    assert open_bundle(path).read("network.bit") == b"new"
    assert sorted(item.name for item in path.iterdir()) == ["bundle.json", "network.bit"]
    assert [item.name for item in path.parent.iterdir()] == ["pump"]


@pytest.mark.parametrize(
    "name", ["../out", "/etc/x", "a/../b", ".hidden", "a//b", "bundle.json", "bundle.sig", "a\\b", ""]
)
def test_a_name_that_leaves_the_bundle_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a file of a bundle"):
        write_bundle(tmp_path / "pump", draft(), {name: b""})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_bundle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(ConfigError, match="No space left"):
        write_bundle(path, draft(), {"network.bit": b"new"})
    assert open_bundle(path).read("network.bit") == FILES["network.bit"]
    assert [item.name for item in path.parent.iterdir()] == ["pump"]


def test_the_models_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file stands where the folder should")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_bundle(tmp_path / "models" / "pump", draft(), FILES)


def flips(path: Path) -> list[tuple[Path, int]]:
    return [(file, at) for file in path.rglob("*") if file.is_file() for at in range(file.stat().st_size)]


def test_any_flipped_byte_is_found_and_its_file_named(path: Path) -> None:
    for file, at in flips(path):
        assert_flip_is_found(path, file, at)


def test_any_flipped_byte_of_a_signed_bundle_is_found(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    path = write_bundle(tmp_path / "pump", draft(), {"network.bit": b"x"}, signing_key=keys[0]).path
    for file, at in flips(path):
        assert_flip_is_found(path, file, at)


def assert_flip_is_found(path: Path, file: Path, at: int) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(ModelError) as caught:
        open_bundle(path)
    # A changed manifest fails its signature before its own checksum is looked at.
    assert caught.value.where in {
        str(file),
        str(path / "bundle.sig") if file.name == "bundle.json" else str(file),
    }
    file.write_bytes(whole)


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: (path / "network.bit").unlink(), "network.bit: is missing from the bundle"),
        (
            lambda path: (path / "network.bit").write_bytes(b"short"),
            "network.bit: is cut short: 5 of 256 bytes",
        ),
        (
            lambda path: (path / "network.bit").write_bytes(bytes(257)),
            "network.bit: is larger than its 256 bytes",
        ),
        (lambda path: (path / "extra.py").write_text(""), "extra.py: is not listed in the manifest"),
        (lambda path: (path / "report" / "x").write_text(""), "report/x: is not listed in the manifest"),
        (lambda path: (path / "link").symlink_to("/etc/passwd"), "link: is a link"),
        (lambda path: os.mkfifo(path / "pipe"), "pipe: is a link or no plain file"),
        (lambda path: (path / "bundle.json").unlink(), "bundle.json: is missing"),
        (lambda path: (path / "bundle.json").write_bytes(b"{" * 100_000), "bundle.json: is damaged"),
        (
            lambda path: (path / "bundle.json").write_bytes(b"[]"),
            "bundle.json: is damaged: it holds no object",
        ),
        (lambda path: (path / "bundle.json").write_bytes(bytes(5_000_000)), "bundle.json: is larger than"),
        (
            lambda path: (path / "bundle.json").write_bytes(b'{"schema_version": 2}'),
            "schema version 2, this program",
        ),
        (
            lambda path: (path / "bundle.sig").write_text("x"),
            "bundle.sig: is there, but the manifest names no",
        ),
        (shutil.rmtree, "there is no bundle here"),
    ],
)
def test_damage_is_named(path: Path, damage: Damage, words: str) -> None:
    damage(path)
    with pytest.raises(ModelError, match=words) as caught:
        open_bundle(path)
    assert caught.value.exit_code == 5


def test_a_file_swapped_for_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    same = tmp_path / "same"
    shutil.move(path / "network.bit", same)
    (path / "network.bit").symlink_to(same)
    with pytest.raises(ModelError, match=r"network\.bit"):
        open_bundle(path)


def test_bytes_that_change_after_opening_are_not_returned(path: Path) -> None:
    bundle = open_bundle(path)
    (path / "network.bit").write_bytes(bytes(256))
    with pytest.raises(ModelError, match="is damaged"):
        bundle.read("network.bit")


def test_a_name_the_bundle_lacks(path: Path) -> None:
    with pytest.raises(ModelError, match=r"the bundle has no teacher\.onnx"):
        open_bundle(path).read("teacher.onnx")


def test_a_manifest_that_climbs_is_refused(path: Path) -> None:
    manifest = parse((path / "bundle.json").read_bytes(), where=path)
    entry = next(iter(manifest.files.values()))
    (path / "bundle.json").write_bytes(manifest.model_copy(update={"files": {"../x": entry}}).to_json())
    with pytest.raises(ModelError, match=r"\.\./x. cannot be a file of a bundle"):
        open_bundle(path)


def signed(tmp_path: Path, keys: tuple[Path, Path]) -> Bundle:
    return write_bundle(tmp_path / "pump", draft(), FILES, signing_key=keys[0])


def test_a_signed_bundle_is_verified(
    tmp_path: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = signed(tmp_path, keys).path
    assert open_bundle(path).signature == "untrusted"
    assert open_bundle(path, trusted_key=keys[1]).signature == "verified"
    monkeypatch.setenv("ANOMALY_TRUSTED_KEY", str(keys[1]))
    assert open_bundle(path).signature == "verified"


def test_an_unsigned_bundle_is_refused_when_a_key_is_trusted(path: Path, keys: tuple[Path, Path]) -> None:
    with pytest.raises(ModelError, match="is not signed"):
        open_bundle(path, trusted_key=keys[1])


def test_a_bundle_signed_by_somebody_else_is_refused(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    path = signed(tmp_path, keys).path
    other = tmp_path / "other.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", other], check=True)
    write_bundle(path, draft(), FILES, signing_key=other)
    with pytest.raises(ModelError, match=r"bundle\.sig: the signature does not match"):
        open_bundle(path, trusted_key=keys[1])


def test_a_removed_signature_is_missed(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    path = signed(tmp_path, keys).path
    (path / "bundle.sig").unlink()
    with pytest.raises(ModelError, match=r"bundle\.sig: is missing"):
        open_bundle(path)


def test_a_bundle_is_found_by_path_or_machine(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = path.parent
    assert find_bundle("pump", models) == path
    assert find_bundle(str(path), Path("elsewhere")) == path
    monkeypatch.chdir(models)
    assert find_bundle("pump", Path("elsewhere")) == Path("pump")
    with pytest.raises(ConfigError, match="no bundle for machine 'fan'"):
        find_bundle("fan", models)
    assert find_bundle("./fan", models) == Path("fan")
    assert find_bundle("fan/", models) == Path("fan")
