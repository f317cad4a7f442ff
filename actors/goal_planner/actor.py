"""The GoalPlanner's shell: hears samples, keeps goals, and tells when one is set, met or over."""

from __future__ import annotations

from msgspec.structs import replace

from actors.base import Actor, Home, NodeView, Repeat
from actors.goal_planner.goals import OPEN, Goal, meets, progress
from actors.goal_planner.runs import Run, advance, measured_before, of_subjects
from actors.goal_planner.settings import GoalPlannerSettings
from actors.goal_planner.store import GoalStore
from actors.goal_planner.targets import METRICS, Ended, Reading, completed, ended, gap_max_s, goal_wanted, target_of
from bus.messages import (
    GoalCompleted,
    GoalEnded,
    GoalList,
    GoalRow,
    GoalSet,
    HealthChanged,
    ListGoals,
    MetricsSampled,
    ThresholdCrossed,
    Trend,
    TrendChanged,
)

Key = tuple[str, str]
"""(subject, metric)"""


class GoalPlanner(Actor[GoalPlannerSettings]):
    """Owns the goals; they are set, measured and ended by samples alone.

    What samples said before a start is not known after it: every hold and every window begins afresh.
    """

    name = "goal_planner"
    listens = (HealthChanged, MetricsSampled, ThresholdCrossed, TrendChanged)
    answers = (ListGoals,)
    Settings = GoalPlannerSettings

    def __init__(self, home: Home, node: NodeView, settings: GoalPlannerSettings) -> None:
        super().__init__(home, node, settings)
        self._store: GoalStore | None = None
        self._open: dict[Key, Goal] = {}
        self._runs: dict[Key, Run] = {}
        self._trends: dict[Key, Trend] = {}
        self._health: dict[str, str] = {}
        self._checks: Repeat | None = None

    def on_start(self) -> None:
        """Take up the open goals again."""
        self._store = GoalStore(self.node.state_dir / "goal_planner.db")
        self._open = {(goal.subject, goal.metric): goal for goal in self._store.open()}
        self._check()
        self._checks = self.every(self.settings.check_every, self._check)

    def on_stop(self) -> None:
        """Close the table."""
        if self._store is not None:
            self._store.close()

    def on_reload(self) -> None:
        """Other workloads or targets: end what is obsolete; what was measured against old targets does not count."""
        if self._checks is not None:
            self._checks.interval_s = self.settings.check_every
        self._runs = {}
        self._trends = {key: trend for key, trend in self._trends.items() if key[0] in self.node.workloads}
        self._health = {name: why for name, why in self._health.items() if name in self.node.workloads}
        self._check()

    # -- what is measured

    def on_metrics_sampled(self, fact: MetricsSampled) -> None:
        if fact.scope != "workload" or fact.subject not in self.node.workloads:
            return
        for metric in METRICS:
            if metric in fact.values:
                self._sample(fact, metric)

    def on_threshold_crossed(self, fact: ThresholdCrossed) -> None:
        workload = self.node.workloads.get(fact.subject)
        if fact.scope != "workload" or workload is None or fact.metric not in METRICS:
            return
        key, target = (fact.subject, fact.metric), target_of(workload, fact.metric, self.settings)
        run = self._runs.get(key)
        if run is None or (meets(fact.limit, target.direction, target.value) and fact.limit != target.value):
            return  # beyond that limit is not beyond this target
        self._runs[key] = measured_before(run, held_s=fact.held_s, now_s=self.clock())
        self._consider(key, fact.value)

    def on_trend_changed(self, fact: TrendChanged) -> None:
        if fact.metric in METRICS and fact.subject in self.node.workloads:
            self._trends[(fact.subject, fact.metric)] = fact.trend

    def on_health_changed(self, fact: HealthChanged) -> None:
        if fact.scope == "workload" and fact.subject in self.node.workloads:
            self._health[fact.subject] = "" if fact.level == "healthy" else ", ".join([fact.level, *fact.why[:1]])

    def _sample(self, fact: MetricsSampled, metric: str) -> None:
        key, value = (fact.subject, metric), fact.values[metric]
        workload = self.node.workloads[fact.subject]
        target = target_of(workload, metric, self.settings)
        met = meets(value, target.direction, target.value)
        gap_s = gap_max_s(workload, fact.interval_s) + fact.unchanged_s
        self._runs[key] = advance(self._runs.get(key), met=met, now_s=self.clock(), gap_max_s=gap_s)
        self._consider(key, value)

    def _consider(self, key: Key, value: float) -> None:
        """Set a goal, or take the value into the open one and see whether it is met."""
        goal = self._open.get(key)
        if goal is None:
            self._set(key, value)
            return
        self._open[key] = goal = replace(goal, value=value, state="in_progress")
        if completed(goal, self._runs.get(key), self.settings):
            self._complete(goal, value)

    # -- the life of a goal

    def _set(self, key: Key, value: float) -> None:
        workload = self.node.workloads[key[0]]
        target = target_of(workload, key[1], self.settings)
        reading = Reading(value=value, trend=self._trends.get(key), health=self._health.get(key[0], ""))
        wanted = goal_wanted(workload, target, self._runs.get(key), reading, self.settings)
        if wanted is None:
            return
        goal = self._kept.add(replace(wanted, set_at=self.clock.wall(), value=value))
        self._open[key] = goal
        self.log.info("goal.set", goal=goal.name, subject=goal.subject, why=goal.why)
        self.publish(
            GoalSet(
                subject=goal.subject,
                goal=goal.name,
                goal_kind=goal.goal_kind,
                priority=goal.priority,
                metric=goal.metric,
                direction=goal.direction,
                target=goal.target,
                baseline=goal.baseline,
                window_s=goal.window_s,
                why=goal.why,
            )
        )

    def _complete(self, goal: Goal, value: float) -> None:
        wall_s = self.clock.wall()
        del self._open[(goal.subject, goal.metric)]
        self._kept.update(replace(goal, state="completed", ended_at=wall_s), is_open=False)
        took_s = wall_s - goal.set_at
        self.log.info("goal.completed", goal=goal.name, subject=goal.subject, value=value, took_s=took_s)
        self.publish(
            GoalCompleted(subject=goal.subject, goal=goal.name, metric=goal.metric, value=value, took_s=took_s)
        )

    def _check(self) -> None:
        """End what is obsolete or late; forget the samples of workloads that are gone."""
        self._runs = of_subjects(self._runs, self.node.workloads)
        for goal in list(self._open.values()):
            workload = self.node.workloads.get(goal.subject)
            end = ended(goal, workload, self.settings, self.clock.wall())
            if end is not None:
                self._end(goal, end)

    def _end(self, goal: Goal, end: Ended) -> None:
        key = (goal.subject, goal.metric)
        del self._open[key]
        self._runs.pop(key, None)
        self._kept.update(replace(goal, state=end.state, ended_at=self.clock.wall(), ended_why=end.why), is_open=False)
        self.log.info("goal.ended", goal=goal.name, subject=goal.subject, state=end.state, why=end.why)
        self.publish(GoalEnded(subject=goal.subject, goal=goal.name, state=end.state, why=end.why))

    # -- being asked

    def do_list_goals(self, command: ListGoals) -> GoalList:
        goals = list(self._open.values())
        if not command.open_only:
            goals += self._kept.ended()
        goals.sort(key=lambda goal: (-goal.priority, goal.state not in OPEN, -goal.number))
        return GoalList(goals=[row_of(goal) for goal in goals])

    @property
    def _kept(self) -> GoalStore:
        if self._store is None:
            msg = "the table is not open: on_start has not run"
            raise RuntimeError(msg)
        return self._store


def row_of(goal: Goal) -> GoalRow:
    """A goal as it is shown; the reason of its end when it is over."""
    return GoalRow(
        goal=goal.name,
        subject=goal.subject,
        goal_kind=goal.goal_kind,
        priority=goal.priority,
        state=goal.state,
        metric=goal.metric,
        direction=goal.direction,
        target=goal.target,
        baseline=goal.baseline,
        value=goal.value,
        progress=progress(goal),
        set_at=goal.set_at,
        why=goal.why if goal.state in OPEN else (goal.ended_why or goal.why),
    )
