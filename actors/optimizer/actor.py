"""The Optimizer's shell: measures, tries a candidate, and keeps or undoes it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from actors.base import Actor, Home, NodeView, Repeat
from actors.optimizer.calm import at_work, trouble
from actors.optimizer.candidates import Candidate, choose
from actors.optimizer.decide import decide
from actors.optimizer.knob import Knob
from actors.optimizer.measure import Measure, median_or_none
from actors.optimizer.resume import Kept, Step, resume
from actors.optimizer.settings import OptimizerSettings
from actors.optimizer.store import Experiment, ExperimentStore
from bus.errors import CommandError
from bus.messages import (
    ActorStarted,
    EmergencyDeclared,
    EmergencyEnded,
    ExperimentKept,
    ExperimentList,
    ExperimentRow,
    ExperimentStarted,
    ExperimentUndone,
    GetHealth,
    HealthChanged,
    HealthLevel,
    HealthReport,
    IssueEscalated,
    IssueList,
    IssueRaised,
    IssueResolved,
    ListExperiments,
    ListIssues,
    MetricsSampled,
    RemedyStarted,
)

PARAMETER = "monitor.sampling_interval_s"
OBJECTIVE = "the shortest interval whose own CPU, in percent of one core, stays within its limit"
ISSUES_LISTED = 1000


class Optimizer(Actor[OptimizerSettings]):
    """Owns the experiments and the values that proved themselves.

    An experiment is in its table before anything is changed, so that one found there at the start is undone. While one
    runs, an incident undoes it at once. `before` and `after` of its facts are median costs in percent of one core.
    """

    name = "optimizer"
    listens = (
        ActorStarted,
        EmergencyDeclared,
        EmergencyEnded,
        HealthChanged,
        IssueEscalated,
        IssueRaised,
        IssueResolved,
        MetricsSampled,
        RemedyStarted,
    )
    answers = (ListExperiments,)
    Settings = OptimizerSettings

    def __init__(self, home: Home, node: NodeView, settings: OptimizerSettings) -> None:
        super().__init__(home, node, settings)
        self._store: ExperimentStore | None = None
        self._knob = Knob(self)
        self._configured: float | None = None
        self._issues: set[str] = set()
        self._whole: HealthLevel = "healthy"
        self._measure: Measure | None = None
        self._emergency = ""
        self._before: list[float] = []
        self._pace: float | None = None
        self._running: Experiment | None = None
        self._busy = self._resuming = True
        self._undoing = False
        self._cycles: Repeat | None = None

    def on_start(self) -> None:
        """Put the parameter where it belongs, then try something at every cycle."""
        self._store = ExperimentStore(self.node.state_dir / "optimizer.db")
        self._come_back()
        self._cycles = self.every(self.settings.every, self._cycle)

    def on_stop(self) -> None:
        """Close the tables. A running experiment is undone by the next start."""
        if self._store is not None:
            self._store.close()

    def on_reload(self) -> None:
        """Other limits hold from the next decision on."""
        if self._cycles is not None:
            self._cycles.interval_s = self.settings.every

    # -- the start

    def _come_back(self) -> None:
        """Read what is in force, and go on from there."""
        self._busy = self._resuming = True
        self._measure = None
        self._knob.read(self._resume)

    def _resume(self, in_force: float) -> None:
        self._resuming = False
        self._running = self._kept.running(PARAMETER)
        running = (self._running.baseline, self._running.candidate) if self._running is not None else None
        bounds = (self.settings.interval_min, self.settings.interval_max)
        step = resume(in_force, running, self._kept.kept(PARAMETER), bounds)
        self._configured = step.configured
        if step.drop_kept:
            self._kept.drop_kept(PARAMETER)
        self.log.info("parameter.resumed", parameter=PARAMETER, step=step.do, value=step.value, why=step.why)
        if step.do == "undo":
            self._undo(step.why, after=None)
        elif step.do == "apply":
            self._knob.set(step.value, step.why, lambda _, refusal: self._applied(step, refusal))
        else:
            self._resumed(step)

    def _applied(self, step: Step, refusal: str) -> None:
        if refusal:
            self.log.warning("kept.dropped", parameter=PARAMETER, value=step.value, why=refusal)
            self._kept.drop_kept(PARAMETER)
        self._busy = False

    def _resumed(self, step: Step) -> None:
        if self._running is not None:
            self._undone(step.why, after=None, value=step.value)
        self._busy = False

    # -- a cycle: baseline, candidate, decision

    def _cycle(self) -> None:
        """Begin with what the others say: which issues are open, how well the whole is, what the interval is."""
        if self._busy:
            return
        self._busy = True
        self.request(ListIssues(open_only=True, limit=ISSUES_LISTED), self._issues_listed)

    def _issues_listed(self, outcome: IssueList | CommandError) -> None:
        if isinstance(outcome, IssueList):
            self._issues = at_work(outcome.issues)
        self.request(GetHealth(), self._health_read)

    def _health_read(self, outcome: HealthReport | CommandError) -> None:
        if self._resuming:
            return  # a new Monitor came meanwhile
        if isinstance(outcome, CommandError):
            self._busy = False
            return
        self._whole = outcome.whole.level
        self._emergency = outcome.emergency if outcome.frozen else ""
        self._knob.value = outcome.sampling_interval_s
        if trouble(self._issues, self._whole, self._emergency):
            self._busy = False
            return
        self._begin(Measure(interval_s=outcome.sampling_interval_s, since_s=self.clock()), self._baseline_measured)

    def _begin(self, measure: Measure, then: Callable[[Measure], None]) -> None:
        self._busy = True
        self._measure = measure
        self._wait(measure, then)

    def _wait(self, measure: Measure, then: Callable[[Measure], None]) -> None:
        """Wait until a measurement is over, then hand it on; a measurement that was given up ends here."""
        if measure is not self._measure:
            return
        left_s = measure.left_s(self.clock(), self.settings.window, self.settings.samples_min)
        if left_s > 0:
            self.after(left_s, self._wait, measure, then)
            return
        self._measure = None
        then(measure)

    def _baseline_measured(self, measure: Measure) -> None:
        candidate = self._candidate(measure)
        if candidate is None:
            self._busy = False
            return
        self._before, self._pace = measure.cpu, measure.pace
        self._start(measure.interval_s, candidate)

    def _candidate(self, measure: Measure) -> Candidate | None:
        cost = median_or_none(measure.cpu)
        if cost is None or len(measure.cpu) < self.settings.samples_min:
            self.log.info("cycle.skipped", why="too few samples", samples=len(measure.cpu))
            return None
        tried = self._kept.undone(PARAMETER, measure.interval_s, self.clock.wall() - self.settings.again_after)
        return choose(measure.interval_s, cost, measure.host, self.settings, tried)

    def _start(self, baseline: float, candidate: Candidate) -> None:
        """Keep the baseline, tell, and only then change anything."""
        cost = median_or_none(self._before) or 0.0
        self._running = experiment = self._kept.begin(
            Experiment(
                number=0,
                parameter=PARAMETER,
                baseline=baseline,
                candidate=candidate.value,
                state="running",
                before=cost,
                after=None,
                why=candidate.why,
                started_at=self.clock.wall(),
            )
        )
        self.publish(
            ExperimentStarted(
                subject="monitor",
                experiment=experiment.name,
                parameter=PARAMETER,
                baseline=baseline,
                candidate=candidate.value,
                objective=OBJECTIVE,
                why=candidate.why,
            )
        )
        self._knob.try_once(candidate.value, f"{experiment.name}: {candidate.why}", self._candidate_set)

    def _candidate_set(self, refusal: CommandError | None) -> None:
        if self._running is None or self._undoing:
            return
        troubled = trouble(self._issues, self._whole, self._emergency)
        why = f"the candidate could not be set: {refusal}" if refusal else troubled
        if why:
            self._undo(why, after=None)
            return
        measure = Measure(
            interval_s=self._running.candidate, since_s=self.clock(), former_s=self._running.baseline, skip=1
        )
        self._begin(measure, self._candidate_measured)

    def _candidate_measured(self, measure: Measure) -> None:
        running = self._running
        if running is None:
            return
        verdict = decide(running.baseline, running.candidate, self._before, measure.cpu, self.settings)
        after = median_or_none(measure.cpu)
        if measure.cpu and measure.pace != self._pace:
            self._undo("the Monitor's pace changed meanwhile", after=after)
        elif verdict.keep and after is not None:
            self._keep(running, after, verdict.why)
        else:
            self._undo(verdict.why, after=after if len(measure.cpu) >= self.settings.samples_min else None)

    # -- the end of an experiment

    def _keep(self, running: Experiment, after: float, why: str) -> None:
        configured = self._configured if self._configured is not None else running.baseline
        ended = replace(running, state="kept", after=after, why=f"{running.why}; {why}")
        self._kept.end(ended, Kept(running.candidate, configured))
        self._running = None
        self._busy = False
        self.log.info("experiment.kept", experiment=ended.name, value=ended.candidate, why=why)
        self.publish(
            ExperimentKept(
                subject="monitor",
                experiment=ended.name,
                parameter=PARAMETER,
                value=ended.candidate,
                before=ended.before,
                after=after,
            )
        )

    def _undo(self, why: str, *, after: float | None) -> None:
        """Put the baseline back; the experiment is over only when it is read back."""
        self._measure = None
        if self._running is None:
            return
        self._busy = self._undoing = True
        baseline = self._running.baseline

        def back(in_force: float, refusal: str) -> None:
            self._undone(f"{why}; the baseline is {refusal}" if refusal else why, after=after, value=in_force)
            self._busy = self._undoing = False

        self._knob.set(baseline, f"{self._running.name} undone: {why}", back)

    def _undone(self, why: str, *, after: float | None, value: float) -> None:
        if self._running is None:
            return
        ended = replace(self._running, state="undone", after=after, why=f"{self._running.why}; {why}")
        self._kept.end(ended)
        self._running = None
        self.log.info("experiment.undone", experiment=ended.name, value=value, why=why)
        self.publish(
            ExperimentUndone(
                subject="monitor",
                experiment=ended.name,
                parameter=PARAMETER,
                value=value,
                before=ended.before,
                after=after,
                why=why,
            )
        )

    # -- what is heard

    def on_metrics_sampled(self, fact: MetricsSampled) -> None:
        measure = self._measure
        if measure is None:
            return
        if fact.scope == "host" and "cpu" in fact.values:
            measure.host_cpu.append(fact.values["cpu"])
        elif fact.scope == "node":
            asked_s = fact.values.get("asked_interval_s", fact.interval_s)
            if not measure.take(fact.values.get("cpu"), asked_s, fact.values.get("pace", 1.0)):
                self._changed_by_another(asked_s)

    def _changed_by_another(self, interval_s: float) -> None:
        """Somebody chose another interval during a measurement: it stays, and nothing is learnt from this one."""
        self._measure = None
        self._knob.value = interval_s
        self._undone(f"the interval was set to {interval_s:g} s by somebody else", after=None, value=interval_s)
        self._busy = False

    def on_issue_raised(self, fact: IssueRaised) -> None:
        self._issues.add(fact.issue)
        self._incident()

    def on_remedy_started(self, fact: RemedyStarted) -> None:
        """An issue that was left to a person, or to a later time, is worked on again."""
        self._issues.add(fact.issue)
        self._incident()

    def on_issue_resolved(self, fact: IssueResolved) -> None:
        self._issues.discard(fact.issue)

    def on_issue_escalated(self, fact: IssueEscalated) -> None:
        self._issues.discard(fact.issue)

    def on_actor_started(self, fact: ActorStarted) -> None:
        """A new Monitor samples as the config says; what was kept has to be applied to it again."""
        if fact.subject != GetHealth.target or self._resuming:
            return
        if self._running is None:
            self._come_back()
        else:
            self._undo("the Monitor was started anew", after=None)

    def on_emergency_declared(self, fact: EmergencyDeclared) -> None:
        self._emergency = fact.incident if fact.freeze else ""
        self._incident()

    def on_emergency_ended(self, _fact: EmergencyEnded) -> None:
        self._emergency = ""

    def on_health_changed(self, fact: HealthChanged) -> None:
        if fact.scope == "whole":
            self._whole = fact.level
            self._incident()

    def _incident(self) -> None:
        """Stop measuring when it is not calm any more; a candidate that is in force is taken back at once."""
        why = trouble(self._issues, self._whole, self._emergency)
        if not why or self._measure is None:
            return
        self._measure = None
        if self._running is None:
            self._busy = False
        else:
            self._undo(f"incident: {why}", after=None)

    # -- being asked

    def do_list_experiments(self, command: ListExperiments) -> ExperimentList:
        rows = [row_of(experiment) for experiment in self._kept.newest(command.limit)]
        value = self._knob.value
        return ExperimentList(experiments=rows, parameters={PARAMETER: value} if value is not None else {})

    @property
    def _kept(self) -> ExperimentStore:
        if self._store is None:
            msg = "the tables are not open: on_start has not run"
            raise RuntimeError(msg)
        return self._store


def row_of(experiment: Experiment) -> ExperimentRow:
    """An experiment as it is shown."""
    return ExperimentRow(
        experiment=experiment.name,
        parameter=experiment.parameter,
        baseline=experiment.baseline,
        candidate=experiment.candidate,
        state=experiment.state,
        before=experiment.before,
        after=experiment.after,
        why=experiment.why,
        started_at=experiment.started_at,
    )
