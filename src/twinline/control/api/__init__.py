"""The HTTP API: endpoints that check who asks, hand the work on, and answer with documents.

Comes in: requests. Goes out: the structs of `control.schema` and `model` as JSON, every error as a `Problem`. Public
face: `make_api`.
"""

from twinline.control.api.application import make_api

__all__ = ["make_api"]
