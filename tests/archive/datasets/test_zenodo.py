"""Records are parsed in every format of Zenodo, and invalid values are ignored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.archive.datasets.catalogue import RemoteFile
from anomaly.archive.datasets.remote import Remote, RequestRetries
from anomaly.archive.datasets.zenodo import PublishedFile, file_address, parse_record, read_record
from anomaly.errors import RemoteError
from support.zenodo_server import Zenodo, status

SUM = "0123456789abcdef" * 2
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["files", "key", "x"]), inner)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "files",
    [
        [{"key": "a.zip", "size": 7, "checksum": f"md5:{SUM}", "links": {"self": "http://evil.example"}}],
        [{"filename": "a.zip", "filesize": 7, "checksum": SUM.upper()}],
        {"enabled": True, "entries": {"a.zip": {"size": 7, "checksum": f"md5:{SUM}"}}},
        {"enabled": True, "entries": [{"key": "a.zip", "size": 7, "checksum": f"md5:{SUM}"}]},
    ],
)
def test_the_formats_of_a_record(files: Any) -> None:
    assert parse_record({"files": files}).files == {"a.zip": PublishedFile(7, SUM)}


@pytest.mark.parametrize(
    "entry",
    [
        {"size": -1, "checksum": "sha256:" + 64 * "0"},
        {"size": "7", "checksum": None},
        {"size": True, "checksum": f"md5:{SUM}0"},
        {},
    ],
)
def test_invalid_sizes_and_checksums(entry: dict[str, Any]) -> None:
    assert parse_record({"files": [entry | {"key": "a.zip"}]}).files == {"a.zip": PublishedFile(None, None)}


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ({"license": {"id": "cc-by-nc-sa-4.0"}}, "cc-by-nc-sa-4.0"),
        ({"license": "CC-BY-4.0"}, "CC-BY-4.0"),
        ({"rights": [{"id": "cc-by-sa-4.0"}]}, "cc-by-sa-4.0"),
        ({"rights": []}, None),
        ({"license": {"id": "\x1b[31mred"}}, None),
        (None, None),
    ],
)
def test_the_licence(metadata: Any, licence: str | None) -> None:
    assert parse_record({"metadata": metadata}).licence == licence


@given(JSON, JSON)
def test_any_value_is_parsed(files: Any, metadata: Any) -> None:
    parse_record(files)
    parse_record({"files": files, "metadata": metadata})


def test_a_record_is_requested(zenodo: Zenodo) -> None:
    zenodo.publish(5, "a.zip", b"abc")
    with Remote() as remote:
        record = read_record(remote, 5)
    assert record.licence == "cc-by-4.0"
    assert record.files["a.zip"].size_bytes == 3
    assert zenodo.asked == [("/api/records/5", None)]


def test_a_missing_record(zenodo: Zenodo) -> None:
    with Remote() as remote, pytest.raises(RemoteError, match="404"):
        read_record(remote, 5)


@pytest.mark.parametrize("value", ["a page", [], {"files": []}, {"message": "restricted"}])
def test_a_record_without_files(zenodo: Zenodo, value: Any) -> None:
    zenodo.records[5] = value
    with Remote() as remote, pytest.raises(RemoteError, match="no files"):
        read_record(remote, 5)


def test_a_record_that_is_no_json(zenodo: Zenodo) -> None:
    zenodo.spoil("record", status(200))
    with Remote(retries=RequestRetries(tries=1)) as remote, pytest.raises(RemoteError, match="not JSON"):
        read_record(remote, 5)


def test_addresses_are_built_and_not_read_from_the_record() -> None:
    with Remote("https://zenodo.example") as remote:
        made = file_address(remote, RemoteFile(record=3384388, name="-6_dB_fan.zip"))
    assert made == "https://zenodo.example/records/3384388/files/-6_dB_fan.zip?download=1"
