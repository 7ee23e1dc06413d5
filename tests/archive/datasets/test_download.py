"""A file is downloaded complete and unchanged over any connection, or the error names the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from anomaly.archive.datasets.download import DownloadFile, download
from anomaly.archive.datasets.remote import Remote, RequestRetries
from anomaly.errors import ConfigError, RemoteError
from support.zenodo_server import Answer, Mishap, Zenodo, drop, longer, md5, shorter, status, wrong

DATA = np.random.default_rng(1).bytes(3_000_000)


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def remote(zenodo: Zenodo, waits: list[float]) -> Iterator[Remote]:
    zenodo.publish(1, "a.zip", DATA)
    with Remote(retries=RequestRetries(tries=3, sleep=waits.append, answer_s=5)) as remote:
        yield remote


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "a.zip.part"


@pytest.fixture
def file(zenodo: Zenodo) -> DownloadFile:
    return DownloadFile(f"{zenodo.base}/records/1/files/a.zip?download=1", "a.zip", len(DATA), md5(DATA))


def no_range(answer: Answer) -> None:
    answer.code, answer.body = 200, DATA
    answer.headers = {}


def requested_range(words: str) -> Mishap:
    def mishap(answer: Answer) -> None:
        answer.headers["Content-Range"] = words

    return mishap


def test_one_connection(zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path) -> None:
    reported: list[tuple[str, int, int]] = []
    download(remote, file, part, lambda *words: reported.append(words))
    assert part.read_bytes() == DATA
    assert zenodo.ranges() == [None]
    assert ("downloading a.zip", len(DATA), len(DATA)) in reported
    assert reported[-1] == ("checking a.zip", len(DATA), len(DATA))


def test_an_earlier_download_is_resumed(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path
) -> None:
    part.write_bytes(DATA[:1_234_567])
    download(remote, file, part, lambda *words: None)
    assert part.read_bytes() == DATA
    assert zenodo.ranges() == ["bytes=1234567-"]


def test_a_complete_file_is_only_checked(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path
) -> None:
    part.write_bytes(DATA)
    download(remote, file, part, lambda *words: None)
    assert zenodo.asked == []


def test_broken_connections_are_resumed(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path, waits: list[float]
) -> None:
    zenodo.spoil("a.zip", *[drop(500_000)] * 5)
    download(remote, file, part, lambda *words: None)
    assert part.read_bytes() == DATA
    assert len(zenodo.ranges()) == 6
    starts = [int(str(span).removeprefix("bytes=").removesuffix("-")) for span in zenodo.ranges()[1:]]
    assert starts == sorted(set(starts))
    # Each try brought something, so that five of them are no reason to give up or to wait longer.
    assert waits == [1] * 5


def test_a_server_without_ranges_sends_it_all_again(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path
) -> None:
    zenodo.spoil("a.zip", drop(2_000_000), no_range)
    download(remote, file, part, lambda *words: None)
    assert part.read_bytes() == DATA
    assert len(zenodo.ranges()) == 2


def test_a_busy_server_is_retried(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path, waits: list[float]
) -> None:
    zenodo.spoil("a.zip", status(429, Retry_After="9"), status(503))
    download(remote, file, part, lambda *words: None)
    assert part.read_bytes() == DATA
    assert waits == [9, 2]


def test_the_part_is_kept_when_the_download_fails(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path
) -> None:
    zenodo.spoil("a.zip", drop(1_000_000), *[status(500)] * 3)
    with pytest.raises(RemoteError, match="500") as caught:
        download(remote, file, part, lambda *words: None)
    assert caught.value.where == file.url
    held = part.stat().st_size
    assert 0 < held <= 1_000_000
    download(remote, file, part, lambda *words: None)
    assert zenodo.ranges()[-1] == f"bytes={held}-"
    assert part.read_bytes() == DATA


def test_a_missing_file(zenodo: Zenodo, remote: Remote, part: Path, waits: list[float]) -> None:
    missing = DownloadFile(f"{zenodo.base}/records/1/files/b.zip", "b.zip", 1, md5(b"b"))
    with pytest.raises(RemoteError, match="404") as caught:
        download(remote, missing, part, lambda *words: None)
    assert missing.url in str(caught.value)
    assert waits == []


def test_a_wrong_checksum_is_refused_and_the_file_removed(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path
) -> None:
    zenodo.spoil("a.zip", wrong)
    with pytest.raises(RemoteError, match=f"not {md5(DATA)}") as caught:
        download(remote, file, part, lambda *words: None)
    assert caught.value.where == file.url
    assert not part.exists()
    assert len(zenodo.ranges()) == 1


def test_a_resumed_file_with_a_wrong_checksum_is_downloaded_again(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path
) -> None:
    part.write_bytes(bytes(1_000_000))
    download(remote, file, part, lambda *words: None)
    assert part.read_bytes() == DATA
    assert zenodo.ranges() == ["bytes=1000000-", None]


def test_a_part_that_is_too_long_is_discarded(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path
) -> None:
    part.write_bytes(DATA + b"more")
    download(remote, file, part, lambda *words: None)
    assert part.read_bytes() == DATA
    assert zenodo.ranges() == [None]


def test_more_than_was_published(zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path) -> None:
    zenodo.spoil("a.zip", longer)
    with pytest.raises(RemoteError, match="more than the 3000000 bytes"):
        download(remote, file, part, lambda *words: None)
    assert not part.exists()


def test_less_than_was_published(zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path) -> None:
    zenodo.spoil("a.zip", shorter)
    download(remote, file, part, lambda *words: None)
    assert part.read_bytes() == DATA
    assert zenodo.ranges() == [None, "bytes=1500000-"]


def test_a_file_that_stays_too_short_fails(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path
) -> None:
    zenodo.files[1, "a.zip"] = DATA[:1000]
    with pytest.raises(RemoteError, match="3 tries"):
        download(remote, file, part, lambda *words: None)


@pytest.mark.parametrize("words", ["bytes 5-2999999/3000000", "bytes 1000-9/4000000", "chapter 2"])
def test_another_range_than_requested_is_refused(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path, words: str
) -> None:
    part.write_bytes(DATA[:1000])
    zenodo.spoil("a.zip", requested_range(words))
    with pytest.raises(RemoteError, match="was asked for bytes 1000"):
        download(remote, file, part, lambda *words: None)


def test_a_range_without_a_request_is_refused(
    zenodo: Zenodo, remote: Remote, file: DownloadFile, part: Path
) -> None:
    def without_request(answer: Answer) -> None:
        answer.code, answer.headers = 206, {"Content-Range": "bytes 7-2999999/3000000"}

    zenodo.spoil("a.zip", without_request)
    with pytest.raises(RemoteError, match="was asked for bytes 0"):
        download(remote, file, part, lambda *words: None)


def test_a_folder_that_is_not_there(remote: Remote, file: DownloadFile, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        download(remote, file, tmp_path / "none" / "a.zip.part", lambda *words: None)
