"""Histories run over a second AWS in lockstep: every call's effect is ministack's, too, over HTTP.

The scheduler, chance and the faults are the simulator's. What takes effect in the services in
memory takes effect in ministack at the same moment, by botocore; both answers are compared, and
in the end everything that is stored.
"""
