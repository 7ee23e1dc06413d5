"""The server beside a monitor: a process of its own that ends with the block."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.cli import _with_web_address
from anomaly.errors import ConfigError, UsageError
from anomaly.web.client import Client
from anomaly.web.companion import serving_beside
from anomaly.web.security.identity import Role
from anomaly.web.security.users import USERS_NAME, UserFile
from support.dashboard import SITE


def test_the_server_runs_while_the_monitor_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    with serving_beside("127.0.0.1:0", config=tmp_path / "site.yaml", models=None, state=None) as process:
        url = capsys.readouterr().err.split()[1]
        with Client(url) as client:
            assert {machine["machine"] for machine in client.machines()} == {"pump", "fan"}
        assert process.poll() is None
    assert process.returncode == 0


def test_what_is_wrong_is_said_before_the_monitoring_begins(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    config = tmp_path / "site.yaml"
    with pytest.raises(ConfigError, match="nobody would have to log in"):
        serving_beside("0.0.0.0:0", config=config, models=None, state=None).__enter__()
    with pytest.raises(UsageError, match="an address and a port"):
        serving_beside("here", config=config, models=None, state=None).__enter__()
    with pytest.raises(ConfigError, match="the dashboard cannot start"):
        serving_beside("192.0.2.1:80", config=_with_user(tmp_path), models=None, state=None).__enter__()


def _with_user(folder: Path) -> Path:

    UserFile(folder / "state/web" / USERS_NAME).add("anna", "a password of anna", Role.VIEWER, listen=False)
    return folder / "site.yaml"


def test_the_address_may_be_left_out() -> None:
    usual = ["--web", "127.0.0.1:8421"]
    assert _with_web_address(["monitor", "--web"]) == ["monitor", *usual]
    assert _with_web_address(["monitor", "--web", "--jsonl"]) == ["monitor", *usual, "--jsonl"]
    assert _with_web_address(["monitor", "--web", "0.0.0.0:80"]) == ["monitor", "--web", "0.0.0.0:80"]
    assert _with_web_address(["serve", "--web"]) == ["serve", "--web"]
