"""Requests and answers of every provider as people read them: conversations, tool calls, tokens."""

from __future__ import annotations

from hashtape.cli.exchange.answered import Reply, reply_of
from hashtape.cli.exchange.asked import Asked, asked_by
from hashtape.cli.exchange.turns import Part, Turn, Usage

__all__ = ["Asked", "Part", "Reply", "Turn", "Usage", "asked_by", "reply_of"]
