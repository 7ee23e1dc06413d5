"""Services that the operations of the API share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from anomaly.web.api.schemas.system import DeviceFacts
from anomaly.web.inputs import input_devices
from anomaly.web.jobs.job_store import JobStore
from anomaly.web.jobs.monitor_keeper import MonitorKeeper
from anomaly.web.live.hub import LiveHub
from anomaly.web.security.audit_log import AUDIT_NAME, AuditLog
from anomaly.web.security.authentication import Authentication
from anomaly.web.security.limits import LoginThrottle, RateLimit
from anomaly.web.security.one_time_keys import OneTimeKeys
from anomaly.web.security.sessions import SessionStore
from anomaly.web.security.tokens import TokenFile, read_tokens
from anomaly.web.security.users import USERS_NAME, UserFile
from anomaly.web.settings import WebSettings
from anomaly.web.site_access import SiteAccess
from anomaly.web.trend_view import TrendView


@dataclass
class Services:
    """Services of one server.

    Args:
        settings: of the server.
        access: site and database.
        users: of the dashboard.
        authentication: of requests.
        throttle: of logins.
        uploads: limit of recordings.
        audit: log of actions.
        live: live streams.
        jobs: commands that run beside the server.
        monitors: monitors of machines that were activated.
        trends: of machines, remembered for a while.
        listen_keys: keys of streams of inputs.
        begun_s: UNIX seconds at which the server began.
    """

    settings: WebSettings
    access: SiteAccess
    users: UserFile
    authentication: Authentication
    throttle: LoginThrottle
    uploads: RateLimit
    audit: AuditLog
    live: LiveHub
    jobs: JobStore
    monitors: MonitorKeeper
    trends: TrendView = field(default_factory=TrendView)
    listen_keys: OneTimeKeys = field(default_factory=OneTimeKeys)
    begun_s: float = field(default_factory=time.time)

    def inputs(self) -> list[DeviceFacts]:
        """Return the inputs of this computer."""
        return input_devices(self.access.site)


def build_services(settings: WebSettings) -> Services:
    """Read users and tokens, and make the services.

    Raises:
        ConfigError: the site file, the users or the tokens cannot be used.
    """
    access = SiteAccess(settings)
    folder = access.web_folder
    users = UserFile(folder / USERS_NAME)
    tokens = TokenFile() if settings.token_file is None else read_tokens(settings.token_file)
    settings.require_guard(guarded=bool(users.users() or tokens.identities))
    sessions = SessionStore(folder / "sessions.json")
    return Services(
        settings=settings,
        access=access,
        users=users,
        authentication=Authentication(settings, users, tokens, sessions),
        throttle=LoginThrottle(),
        uploads=RateLimit(settings.limits.uploads_per_minute / 60.0, settings.limits.uploads_per_minute),
        audit=AuditLog(folder / AUDIT_NAME),
        live=LiveHub(access, settings.limits.streams),
        jobs=JobStore(folder / "jobs"),
        monitors=MonitorKeeper(settings, access),
    )
