"""Importing: the config files of other process supervisors as workloads of ours, and what of them has no equal here.

One reader per format, each a function of text: pure, but for `files`, which the caller lends for what a file includes.
Every key of a source is either taken over or noted with its line and what to do instead; nothing is dropped in silence.
"""
