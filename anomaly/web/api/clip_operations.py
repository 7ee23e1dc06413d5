"""Operations: sound and picture of clips."""

from __future__ import annotations

import re
import sqlite3

from starlette.responses import Response

from anomaly.errors import InputError
from anomaly.monitor.clips.access import ClipAccess
from anomaly.store.clip_index import CLIPS_FOLDER, PICTURE
from anomaly.store.database.rows import ClipRow
from anomaly.web.api.operation import Call, Operation
from anomaly.web.errors import ApiError
from anomaly.web.security.identity import Right

_COLUMNS = "id, case_id, machine, begin_s, seconds, content, folder, bytes, removed_s"
_SINCE = 2
_RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})$")


def sound(call: Call) -> Response:
    """Return the sound of a clip as WAV; who listens is logged first."""
    access, row = call.services.access, _row(call)
    given = call.request.headers.get("range")
    match = None if given is None else _RANGE.match(given)
    # A player asks for one clip in several parts: the first is the access.
    how = "play" if match is None or match[1] == "0" else "play-on"
    with access.store() as store:
        clips = ClipAccess(store, access.site.state_dir / CLIPS_FOLDER, call.identity.name, "dashboard")
        try:
            content = clips.wave(row, how)
        except InputError as error:
            raise ApiError(404, error.message, error.hint) from error
    return _ranged(content, match)


def picture(call: Call) -> Response:
    """Return the spectrogram of a clip as PNG."""
    row = _row(call)
    folder = call.services.access.site.state_dir / CLIPS_FOLDER
    path = folder / row.folder / PICTURE
    # Its name comes from the database, never from the request.
    if row.removed_s is not None or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise ApiError(404, "the clip is no longer kept")
    return Response(path.read_bytes(), media_type="image/png")


def _row(call: Call) -> ClipRow:
    reader = call.services.access.reader_or_none()
    name = call.path["clip"]

    def query(connection: sqlite3.Connection, version: int) -> ClipRow | None:
        if version < _SINCE:
            return None
        row = connection.execute(f"SELECT {_COLUMNS} FROM clips WHERE id = ?", (name,)).fetchone()
        return None if row is None else ClipRow(**dict(row))

    found = None if reader is None else reader.read(query)
    if found is None:
        raise ApiError(404, "there is no such clip")
    return found


def _ranged(content: bytes, match: re.Match[str] | None) -> Response:
    headers = {"Accept-Ranges": "bytes"}
    if match is None:
        return Response(content, media_type="audio/wav", headers=headers)
    begin = int(match[1])
    end = min(int(match[2]) if match[2] else len(content) - 1, len(content) - 1)
    if begin > end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {begin}-{end}/{len(content)}"
    return Response(content[begin : end + 1], 206, media_type="audio/wav", headers=headers)


CLIP_OPERATIONS = (
    Operation(
        "GET",
        "/clips/{clip}.wav",
        "clip_sound",
        "Sound of a clip; who listens is logged",
        Right.LISTEN,
        sound,
        "audio/wav",
        logged=True,
    ),
    Operation(
        "GET", "/clips/{clip}.png", "clip_picture", "Spectrogram of a clip", Right.VIEW, picture, "image/png"
    ),
)
