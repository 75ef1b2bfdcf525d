"""Rules about time: it passes, what is due is looked at, and sleepers wake."""

from datetime import date, datetime, time, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.stateful.fates import calls_of_the_queue, fates
from tests.stateful.machine import Machine, which
from tests.stateful.place import Place
from tests.stateful.practice import BERLIN
from tests.support.memory_database import CallHooks

MOST_ASLEEP = 3


class Times(Machine):
    """The clock, the schedule and its workers."""

    @rule(minutes=st.sampled_from((0.01, 1, 30, 61, 400, 1440, 1500, 5000)))
    def time_passes(self, minutes: float) -> None:
        self.place.pass_time(minutes=minutes)

    @rule(seconds=st.sampled_from((-1, 0, 60, 3600)))
    def midnight_comes(self, seconds: int) -> None:
        tomorrow = (self.place.now + timedelta(days=1)).date()
        self.place.wait_until(_at(tomorrow) + timedelta(seconds=seconds))

    @rule()
    def all_looked_at(self) -> None:
        self.place.look_at_all()

    @rule(
        hours=st.sampled_from((0, 1, 25)),
        fate=fates | calls_of_the_queue,
        workers=st.lists(fates, max_size=3),
    )
    def schedule_runs(self, hours: int, fate: CallHooks, workers: list[CallHooks]) -> None:
        """The schedule runs twice, and workers may take what it sends or has sent before."""
        self.place.pass_time(hours=hours)
        self.place.schedule(fate)
        self.place.schedule()
        for worker_fate in workers:
            self.place.work(worker_fate)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(encounter=which, fate=fates)
    def one_looked_at(self, encounter: int, fate: CallHooks) -> None:
        ids = self.place.due() or self.encounters()
        self.place.look(ids[encounter % len(ids)], fate)


class Sleepers(Machine):
    """Sleepers wake. When there are none, jobs run, and running them again changes nothing."""

    place: Place

    @precondition(lambda self: self.place.asleep)
    @rule(number=which, again=st.sampled_from((0, 0, 1, 2, 3, 5)))
    def sleeper_woken(self, number: int, again: int) -> None:
        self.place.wake(number % len(self.place.asleep), again)

    @precondition(lambda self: len(self.place.asleep) > MOST_ASLEEP)
    @rule()
    def first_sleeper_woken(self) -> None:
        self.place.wake(0)

    @precondition(lambda self: self.snapshot.encounters)
    @rule(encounter=which)
    def session_read_whole_is_what_is_stored(self, encounter: int) -> None:
        encounter_id = self.encounter_id(encounter)
        if not self.snapshot.encounters[encounter_id].deleted:
            self.check_everything(encounter_id)

    @precondition(lambda self: not self.place.asleep)
    @rule()
    def jobs_run_twice(self) -> None:
        self.place.look_at_all()
        for encounter_id in self.place.due():
            self.place.look(encounter_id)
        if not self.place.due():
            self.again()


def _at(day: date) -> datetime:
    return datetime.combine(day, time(), BERLIN)
