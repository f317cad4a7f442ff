"""The Healer: symptoms become issues, issues get remedies, and a remedy counts only when what follows verifies it.

`actor.py` hears facts, asks the ProcessManager and answers people; `casebook.py` holds the open issues and `store.py`
their history; `holders.py` looks who holds a port. All that is decided lies in pure files: what is a symptom
(`symptoms.py`), what makes two the same (`fingerprints.py`, `issues.py`), what is done (`plans.py`, `remedies.py`),
when it waits (`protection.py`, `course.py`), and when it has helped (`verification.py`).
"""
