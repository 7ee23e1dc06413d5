"""Jobs, inputs that are listened to, and recordings that are scored."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, RootModel

from anomaly.detect.file_score import Status
from anomaly.false_alarm_budget import LEAST_PER_DAY, MOST_PER_DAY
from anomaly.web.api.schemas.base import Answered, MachineName, Sent, Short
from anomaly.web.jobs.job import JobKind, JobState

Budget = Annotated[float, Field(ge=LEAST_PER_DAY, le=MOST_PER_DAY, allow_inf_nan=False)]
VersionName = Annotated[str, Field(pattern=r"^[0-9a-f]{4,12}$")]


class NewJob(Sent):
    """Job to begin.

    ``record`` needs ``device`` and ``seconds``; ``train`` takes ``profile``; ``replay`` takes ``version``;
    ``test-alert`` needs ``sink``.
    """

    kind: JobKind
    machine: MachineName
    device: Short | None = None
    seconds: Annotated[float, Field(ge=5, le=604_800, allow_inf_nan=False)] = 600.0
    channel: Annotated[str, Field(pattern=r"^(mean|\d{1,2})$")] = "mean"
    profile: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")] = "standard"
    version: VersionName | None = None
    sink: MachineName | None = None


class JobEntry(Answered):
    """One job."""

    id: str
    kind: JobKind
    machine: str
    by: str
    state: JobState
    created: str
    begun: str | None
    ended: str | None
    progress: float | None = Field(description="completed share of the whole, 0 to 1")
    remaining_s: float | None
    stage: str | None
    message: str | None
    levels: list[float]
    seconds: dict[str, int]
    result: dict[str, Any] | None
    error: dict[str, str | None] | None


class JobList(RootModel[list[JobEntry]]):
    """Jobs, the newest first."""


class ListenStream(Answered):
    """Address of a stream of `level` events, which is good for one minute and one viewer."""

    stream: str


class SinkTest(Sent):
    """Machine that the test message names."""

    machine: MachineName = "test"


class SinkAnswer(Answered):
    """The sink has confirmed the test message."""

    sink: str
    delivered: bool
    answer: str


class ActivationBody(Sent):
    """Budget of false alarms with which the machine is monitored; the one of the site file by default."""

    false_alarms_per_day: Budget | None = None


class VersionBody(Sent):
    """Version of the bundle; the one in use by default."""

    version: VersionName | None = None


class ReplayAnswer(Answered):
    """Result of a replay; ``job`` goes on where it takes longer than a minute."""

    job: str
    done: bool
    figures: dict[str, Any]


class ModelVersion(Answered):
    """Version of a bundle."""

    version: str
    created: str
    active: bool


class TrainingFacts(Answered):
    """Sound that the model was trained on."""

    recordings: int | None
    seconds: float | None
    fingerprint: str


class ChipFacts(Answered):
    """Use of the chip."""

    architecture: str | None
    neurons: int | None
    synapses: int | None
    cells: int | None
    spikes_per_second: float | None
    sops_per_second: float | None
    grid: tuple[int, int] | None = Field(description="rows and columns of cells")
    occupied: list[tuple[int, int, float]] = Field(
        description="row, column and relative fan-in of each cell with a neuron"
    )
    figures: dict[str, Any]


class EnergyFacts(Answered):
    """Range of the energy on the chip for each second of sound, in microjoules, and the sources of its figures."""

    low_uw: float | None
    high_uw: float | None
    sources: list[dict[str, Any]]
    notes: list[str]


class ModelEntry(Answered):
    """Model of a machine."""

    machine: str
    bundle: str
    version: str
    detector: str
    created: str
    bytes: int
    signed: bool
    promise: str | None
    training: TrainingFacts
    chip: ChipFacts
    energy: EnergyFacts
    metrics: dict[str, Any]
    versions: list[ModelVersion]


class ScoreQuery(Sent):
    """Machine whose model scores, as for `anomaly score`."""

    machine: MachineName
    detector: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "student"
    channel: Annotated[str, Field(pattern=r"^(mean|\d{1,2})$")] = "mean"
    false_alarms_per_day: Budget = 1.0
    per_second: bool = False


class SecondEntry(Answered):
    """Score of one second."""

    second: int
    score: float
    p_value: float
    state: str | None


class RecordingScore(Answered):
    """Score of a recording, as a row of `anomaly score --json`."""

    path: str
    seconds: float | None
    score: float | None
    p_value: float | None
    state: str | None
    status: Status
    error: str | None
    sensor: str | None
    format: str | None
    per_second: list[SecondEntry] | None = None
