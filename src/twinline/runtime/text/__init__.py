"""Conversations over messages. Public face: `TextLine`."""

from twinline.runtime.text.line import TextLine

__all__ = ["TextLine"]
