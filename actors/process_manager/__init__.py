"""ProcessManager: keeps the node's workloads alive, and knows of each whether it lives, is ready and does its work.

It owns the lives of processes: it alone starts, signals, stops and adopts them. It decides when an ended process is
started again, and nothing else: what an unwell but living process needs is the Healer's decision, which declared
workloads should run is the Reconciler's. Everything it must not forget lies in `process_manager.db`; everything else is
found again in the world, so that the death of the node neither kills nor doubles a workload.
"""
