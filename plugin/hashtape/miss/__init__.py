"""Why a request has no recording: the closest one that there is, and the difference, as text.

Pure: it is told everything, and reads nothing.
"""

from __future__ import annotations

from hashtape.miss.closest import Closest, find_closest
from hashtape.miss.difference import Change, changes, changes_of
from hashtape.miss.log import Miss, MissLog
from hashtape.miss.shown import shown_change
from hashtape.miss.text import describe_miss, request_line

__all__ = [
    "Change",
    "Closest",
    "Miss",
    "MissLog",
    "changes",
    "changes_of",
    "describe_miss",
    "find_closest",
    "request_line",
    "shown_change",
]
