"""Cases and what people do about them."""

from __future__ import annotations

from support.dashboard import CLIP_ID, Dashboard


def test_cases_by_page(dashboard: Dashboard) -> None:
    page = dashboard.get("/cases?state=open&machine=pump")
    assert [case["id"] for case in page["items"]] == [dashboard.case.id]
    assert page["next"] is None
    assert dashboard.get("/cases?state=closed")["items"] == []
    assert dashboard.client.get("/api/v1/cases?page=nonsense").status_code == 422


def test_one_case(dashboard: Dashboard) -> None:
    case = dashboard.get(f"/cases/{dashboard.case.id[:8]}")
    assert case["why"]["suspects"] == [
        {"low_hz": 3_000.0, "high_hz": 3_700.0, "deviation": 9.1, "change_db": None}
    ]
    assert [event["event"] for event in case["history"]] == ["case.opened"]
    assert [clip["id"] for clip in case["clips"]] == [CLIP_ID]
    assert dashboard.client.get("/api/v1/cases/ffffffff").status_code == 404


def test_actions_are_those_of_the_command_line(dashboard: Dashboard) -> None:
    path = f"/cases/{dashboard.case.id}"
    assert dashboard.post(f"{path}/acknowledge", {"note": "seen"})["state"] == "active-acknowledged"
    assert dashboard.post(f"{path}/comment", {"text": "a bearing?"})["history"][-1]["note"] == "a bearing?"
    assert dashboard.post(f"{path}/assign", {"to": "anna"})["assigned_to"] == "anna"
    assert dashboard.post(f"{path}/shelve", {"for_s": 3_600})["silenced_until"] is not None
    assert dashboard.post(f"{path}/unshelve")["silenced_until"] is None
    closed = dashboard.post(f"{path}/close", {"finding": "outer-race", "action": "replaced"})
    assert (closed["state"], closed["finding"], closed["action"]) == ("closed", "outer-race", "replaced")
    assert {event["by"] for event in closed["history"][1:]} == {dashboard.get("/site")["user"]["name"]}


def test_actions_that_do_not_fit(dashboard: Dashboard) -> None:
    path = f"/cases/{dashboard.case.id}"
    dashboard.post(f"{path}/close", {"finding": "bewitched"}, status=422)
    dashboard.post(f"{path}/shelve", {"for_s": 1e9}, status=422)
    dashboard.post(f"{path}/comment", {"text": "  "}, status=422)
    dashboard.post(f"{path}/close")
    dashboard.post(f"{path}/acknowledge", status=409)
    dashboard.post("/cases/0000/acknowledge", status=404)


def test_sound_and_picture_of_a_clip(dashboard: Dashboard) -> None:
    sound = dashboard.client.get(f"/api/v1/clips/{CLIP_ID}.wav")
    assert (sound.status_code, sound.content[:4], len(sound.content)) == (200, b"RIFF", 44 + 32_000)
    part = dashboard.client.get(f"/api/v1/clips/{CLIP_ID}.wav", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, sound.content[4:8])
    picture = dashboard.client.get(f"/api/v1/clips/{CLIP_ID}.png")
    assert picture.content == b"\x89PNG picture"
    accesses = dashboard.client.app.state.services.access.reader().clip_accesses()  # type: ignore[attr-defined]
    assert [(access.how, access.note) for access in accesses.rows] == [
        ("play", "dashboard"),
        ("play-on", "dashboard"),
    ]
    assert dashboard.client.get("/api/v1/clips/ffffffffffff.wav").status_code == 404
