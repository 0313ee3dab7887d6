"""The lifespan of a site: at its end the bridge is closed, and the site's own runs inside."""

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest

from orderflow_bridge.asgi import lifespan
from tests.hosts.hosts import optional


class Watched:
    """A bridge that writes down who closed it, and when."""

    def __init__(self, story):
        self._story = story

    def close(self):
        self._story.append("closed")
        self.thread = threading.current_thread()


async def live(site, *, asked=None):
    """Take a site through its life as a server does; give what it sent and its state."""
    sent, state = [], {}
    messages = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive():
        if sent and asked is not None:
            asked(state)
        return {"type": next(messages)}

    async def send(message):
        sent.append(message["type"])

    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}
    async with asyncio.timeout(30):
        await site(scope, receive, send)
    return sent


ENDED = ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(
    ("module", "name"), [("starlette.applications", "Starlette"), ("fastapi", "FastAPI")]
)
def test_the_bridge_is_closed_at_shutdown_in_a_thread(module, name):
    """The loop does not wait for a database to let go."""
    story = []
    bridge = Watched(story)
    site = getattr(optional(module), name)(lifespan=lifespan(bridge))
    assert asyncio.run(live(site, asked=lambda _: story.append("served"))) == ENDED
    assert story == ["served", "closed"]
    assert bridge.thread is not threading.main_thread()


def test_the_sites_own_lifespan_runs_inside():
    """It has its state, and its end may still use the bridge."""
    story = []

    @asynccontextmanager
    async def own(app):
        story.append("began")
        yield {"mailer": "ready"}
        story.append("ended")

    applications = optional("starlette.applications")
    site = applications.Starlette(lifespan=lifespan(Watched(story), around=own))
    sent = asyncio.run(live(site, asked=lambda state: story.append(state["mailer"])))
    assert sent == ENDED
    assert story == ["began", "ready", "ended", "closed"]


def test_a_site_that_fails_to_start_still_closes_the_bridge():
    """What its start opened is given back, and its error goes through."""
    story = []

    @asynccontextmanager
    async def own(app):
        raise RuntimeError("no mailer")
        yield

    async def begin():
        async with lifespan(Watched(story), around=own)(None):
            story.append("served")

    with pytest.raises(RuntimeError, match="no mailer"):
        asyncio.run(begin())
    assert story == ["closed"]
