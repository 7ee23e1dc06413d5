"""All operations of the API."""

from __future__ import annotations

from anomaly.web.api.case_operations import CASE_OPERATIONS
from anomaly.web.api.clip_operations import CLIP_OPERATIONS
from anomaly.web.api.device_operations import DEVICE_OPERATIONS
from anomaly.web.api.job_operations import JOB_OPERATIONS
from anomaly.web.api.live_operations import LIVE_OPERATIONS
from anomaly.web.api.machine_operations import MACHINE_OPERATIONS
from anomaly.web.api.model_operations import MODEL_OPERATIONS
from anomaly.web.api.operation import Operation
from anomaly.web.api.score_operations import SCORE_OPERATIONS
from anomaly.web.api.setup_operations import SETUP_OPERATIONS
from anomaly.web.api.site_operations import SITE_OPERATIONS
from anomaly.web.api.system_operations import SYSTEM_OPERATIONS

OPERATIONS: tuple[Operation, ...] = (
    *SITE_OPERATIONS,
    *MACHINE_OPERATIONS,
    *CASE_OPERATIONS,
    *CLIP_OPERATIONS,
    *LIVE_OPERATIONS,
    *SYSTEM_OPERATIONS,
    *DEVICE_OPERATIONS,
    *JOB_OPERATIONS,
    *MODEL_OPERATIONS,
    *SETUP_OPERATIONS,
    *SCORE_OPERATIONS,
)
