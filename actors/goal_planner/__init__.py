"""GoalPlanner: turns what is measured to be worse than it should be into goals with a measured target.

In this cut the plan of a goal is its priority and that it can be seen: repairing is the Healer's way, which hears of
the same departure by its own thresholds, and tuning is the Optimizer's. No action is made up here; a goal is completed
by its metric alone, whoever brought that about.
"""
