"""By which commands a run goes on that has stopped, as the face calls them."""

from __future__ import annotations

from rowmill.engine.interface import Engine


def how_to_go_on(engine: Engine, name: str) -> str:
    """What is said of a run that has stopped before its end."""
    resume, rerun = engine.command("resume", name), engine.command("rerun", name, "--restart")
    return f"`{resume}` goes on with it, `{rerun}` starts over"
