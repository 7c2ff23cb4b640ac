"""Measuring speed and memory: systems that take turns, medians with intervals, ceilings, and the result as JSON.

This room knows no model and no library; what is measured comes in as a function or as a process behind a pipe.
"""
