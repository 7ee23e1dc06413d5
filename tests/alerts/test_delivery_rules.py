"""Rules of a sink: groups, quiet hours, cooldown, and the escalation step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import AlertMessage, Case, Dispatcher, RetryPolicy, Store
from anomaly.alerts.delivery_rules import GROUP_S, DeliveryRules, delivery_rules
from anomaly.alerts.sink_worker import SinkWorker
from anomaly.alerts.sinks import SinkError
from anomaly.alerts.wording.case_text import case_text
from anomaly.config import load_site
from anomaly.config.delivery import DeliverySettings
from support.alert_store import Clock

MakeCase = Callable[..., Case]

pytestmark = pytest.mark.usefixtures("utc")


class Recorder:
    """Sink that records messages, and raises the planned failures first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.got: list[AlertMessage] = []
        self.failures: list[Exception] = []

    def deliver(self, message: AlertMessage) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.got.append(message)

    def close(self) -> None:
        """Nothing is open."""

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(message.machine, message.event) for message in self.got]


@pytest.fixture
def make(store: Store, clock: Clock) -> Callable[..., tuple[SinkWorker, Recorder]]:
    def make_worker(
        name: str = "mail", *, for_people: bool = False, **settings: Any
    ) -> tuple[SinkWorker, Recorder]:
        sink = Recorder(name)
        store.outbox.subscribe([name])
        rules = DeliveryRules(DeliverySettings.model_validate(settings), for_people=for_people)
        worker = SinkWorker(store, sink, clock=clock, seed=1, retry=RetryPolicy(), poll_s=0.01, rules=rules)
        return worker, sink

    return make_worker


def run(worker: SinkWorker, clock: Clock, seconds: int) -> None:
    for _ in range(seconds):
        while worker.step():
            pass
        clock.forward(1.0)


def test_a_flood_is_one_message_for_people_and_every_case_for_machines(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase
) -> None:
    mail, people = make("mail", for_people=True)
    hook, machines = make("hook")
    store.cases.asset = lambda machine: {"criticality": "critical" if machine == "m150" else "medium"}
    cases = []
    for number in range(200):
        cases.append(make_case(f"m{number}"))
        store.cases.open(cases[-1])
        clock.forward(60.0 / 201)
        mail.step()
        while hook.step():
            pass
    run(mail, clock, 5)
    (one,) = people.got
    assert [message.machine for message in machines.got] == [case.machine for case in cases]
    assert {case.id for case in one.group} == {case.id for case in cases}
    assert (one.event, one.machine, one.group[0].machine) == ("case.opened", "m150", "m150")
    assert one.id not in {message.id for message in machines.got}
    assert store.outbox.pending_count(["mail", "hook"]) == 0
    text = case_text(one)
    assert text.headline == "200 machines or microphones need attention."
    assert "m150: minor [case " in text.plain
    assert "180 more" in text.plain
    assert AlertMessage.from_json(one.to_json()) == one


def test_a_few_cases_have_a_message_each_after_the_same_wait(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase
) -> None:
    worker, sink = make(for_people=True)
    store.cases.open(make_case("pump"))
    store.cases.open(make_case("fan"))
    run(worker, clock, int(GROUP_S))
    assert sink.got == []
    run(worker, clock, 1)
    assert sink.events == [("pump", "case.opened"), ("fan", "case.opened")]
    assert [message.group for message in sink.got] == [(), ()]


@pytest.mark.parametrize("count", [2, 8])
def test_microphones_that_are_lost_at_once_are_one_message_for_people(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase, count: int
) -> None:
    """The machines' own alarms stay away meanwhile, and the end is one message too."""
    mail, people = make("mail", for_people=True)
    hook, machines = make("hook")
    cases = [make_case(f"m{n}", "sensor", evidence={"status": "lost"}) for n in range(count)]
    for case in cases:
        store.cases.open(case)
        assert store.cases.open(make_case(case.machine)) is None
        clock.forward(3.0)
        run(mail, clock, 1)
    run(mail, clock, 60)
    run(hook, clock, 1)
    for case in cases:
        store.cases.close(case.id, note="the microphone is well again")
    run(mail, clock, 61)
    assert [(one.event, len(one.group)) for one in people.got] == [
        ("case.opened", count),
        ("case.closed", count),
    ]
    assert len(machines.got) == count
    texts = [case_text(one) for one in people.got]
    assert texts[0].headline == f"The microphones of {count} machines fail: these machines are not judged."
    assert "what the microphones share" in texts[0].plain
    assert texts[1].headline.startswith(f"The microphones of {count} machines are well again")
    assert case_text(people.got[0], "de").headline.startswith(f"Die Mikrofone von {count} Maschinen")


def test_two_microphones_with_different_faults_have_a_message_each(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase
) -> None:
    worker, sink = make(for_people=True)
    for number, status in enumerate(("lost", "clipping")):
        store.cases.open(make_case(f"m{number}", "sensor", evidence={"status": status}))
    run(worker, clock, 61)
    assert [one.group for one in sink.got] == [(), ()]


def test_an_alarm_and_the_failure_of_its_microphone_are_one_message(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase
) -> None:
    worker, sink = make(for_people=True)
    store.cases.open(make_case("pump"))
    clock.forward(5.0)
    store.cases.open(make_case("pump", "sensor", evidence={"status": "silent"}))
    store.cases.open(make_case("fan"))
    run(worker, clock, 61)
    assert [len(one.group) for one in sink.got] == [3]
    store.cases.open(make_case("saw"))
    store.cases.open(make_case("saw", "sensor", evidence={"status": "silent"}))
    run(worker, clock, 61)
    (_, one) = sink.got
    assert {case.kind for case in one.group} == {"machine", "sensor"}
    assert case_text(one).headline == (
        "saw does not sound normal, and its microphone fails: the machine is not judged."
    )


def test_a_group_that_fails_is_repeated_whole_with_its_key(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase
) -> None:
    worker, sink = make(group_s=1.0)
    for number in range(5):
        store.cases.open(make_case(f"m{number}"))
    clock.forward(1.0)
    sink.failures = [SinkError("down")]
    seen: list[str] = []
    deliver = sink.deliver

    def note(message: AlertMessage) -> None:
        seen.append(message.id)
        deliver(message)

    sink.deliver = note
    run(worker, clock, 3)
    assert [len(message.group) for message in sink.got] == [5]
    assert len(seen) == 2
    assert len(set(seen)) == 1


def test_a_group_that_is_refused_is_five_letters(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase
) -> None:
    worker, sink = make(group_s=1.0)
    for number in range(5):
        store.cases.open(make_case(f"m{number}"))
    clock.forward(1.0)
    sink.failures = [SinkError("answered 400", permanent=True)]
    run(worker, clock, 2)
    assert sink.got == []
    assert len(store.history.events(name="message.dead-lettered")) == 5


def test_what_is_collected_is_sent_when_the_process_ends(store: Store, make_case: MakeCase) -> None:
    sink = Recorder("mail")
    rules = {"mail": DeliveryRules(for_people=True)}
    with Dispatcher(store, [sink], poll_s=0.01, rules=rules) as dispatcher:
        store.cases.open(make_case())
        assert dispatcher.drain(10.0)
    assert sink.events == [("pump", "case.opened")]


def test_quiet_hours_hold_all_but_urgent_cases_back(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase
) -> None:
    # The clock stands at 2027-01-15 08:00 UTC.
    worker, sink = make(quiet=["fri 08:00-08:30"], quiet_below=8)
    store.cases.asset = lambda machine: {"criticality": "critical" if machine == "press" else "low"}
    store.cases.open(make_case("pump", severity=3))
    store.cases.open(make_case("press", severity=2))
    run(worker, clock, 5)
    assert sink.events == [("press", "case.opened")]
    clock.forward(1784.0)
    run(worker, clock, 5)
    assert len(sink.got) == 1
    run(worker, clock, 65)
    assert sink.events[1:] == [("pump", "case.opened")]


def test_a_cooldown_spaces_the_messages_about_a_machine(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase
) -> None:
    worker, sink = make(cooldown_min=10)
    case = make_case()
    store.cases.open(case)
    run(worker, clock, 1)
    store.cases.comment(case.id, "one", "ann")
    store.cases.open(make_case("fan"))
    run(worker, clock, 590)
    assert sink.events == [("pump", "case.opened"), ("fan", "case.opened")]
    run(worker, clock, 20)
    assert sink.events[2:] == [("pump", "case.commented")]


def test_a_cooldown_outlives_the_process(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase
) -> None:
    before, _ = make(cooldown_min=10)
    case = make_case()
    store.cases.open(case)
    run(before, clock, 1)
    store.cases.comment(case.id, "one", "ann")
    after, sink = make(cooldown_min=10)
    run(after, clock, 590)
    assert sink.events == []
    run(after, clock, 20)
    assert sink.events == [("pump", "case.commented")]


def test_an_escalation_step_gets_what_nobody_acknowledges_in_time(
    store: Store, clock: Clock, make: Callable[..., Any], make_case: MakeCase
) -> None:
    worker, chief = make("chief", unacknowledged_min=15)
    known, missed = make_case("pump"), make_case("fan")
    store.cases.open(known)
    store.cases.open(missed)
    run(worker, clock, 60)
    store.cases.acknowledge(known.id, "ann")
    run(worker, clock, 830)
    assert chief.got == []
    run(worker, clock, 15)
    assert chief.events == [("fan", "case.opened")]
    store.cases.acknowledge(missed.id, "ann")
    store.cases.close(known.id)
    run(worker, clock, 5)
    # Whoever was woken learns that the case is acknowledged, and nothing of the other one.
    assert chief.events[1:] == [("fan", "case.acknowledged")]
    assert store.outbox.pending_count(["chief"]) == 0


def test_rules_of_a_site_follow_the_kind_of_sink(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(
        "sinks:\n"
        "  webhook: [{name: plant, url: 'https://plant.example'}]\n"
        "  email:\n"
        "    - {name: mail, host: mail.example, sender: a@b.example, recipients: [c@d.example]}\n"
        "    - {name: at-once, host: mail.example, sender: a@b.example, recipients: [c@d.example],"
        " delivery: {group_s: 0}}\n"
    )
    rules = delivery_rules(load_site(file))
    assert {name: rule.are_trivial for name, rule in rules.items()} == {
        "plant": True,
        "mail": False,
        "at-once": True,
    }
