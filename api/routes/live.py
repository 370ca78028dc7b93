"""WebSockets: a player's own events, and an operator's news of the warehouse.

Browsers cannot set headers on a WebSocket: they come with the session cookie and are accepted from
our own origin only; programs send ``Authorization: Bearer``. A refused socket is closed before it
is accepted, with 4401 (no session) or 4403 (not yours). An open one gets a heartbeat. It is closed
with 4401 when its session ends (at once, or at a heartbeat if the news was lost), and with 4408
when it reads too slowly.
"""

import asyncio
from time import time
from typing import Any

import msgspec
from litestar import Router, WebSocket, websocket
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect, WebSocketException

from api.authentication import session_token
from api.live import Feed, Live
from api.problems import OUTAGES, Problem
from api.sessions import Session, Sessions, hash_token
from api.tenancy import Pools, Principal, provide_operator_id

HEARTBEAT_SECONDS = 15
NOT_AUTHENTICATED = 4401
FORBIDDEN = 4403
TOO_SLOW = 4408

Socket = WebSocket[Principal, Session, Any]


@websocket("/player")
async def player_socket(
    socket: Socket, live: NamedDependency[Live], sessions: NamedDependency[Sessions]
) -> None:
    """Bet results, balances and deposit status of the player who asks."""
    principal = _require_session(socket)
    if principal.kind != "player":
        raise WebSocketException(code=FORBIDDEN, detail="Only players have a feed here.")
    with live.follow_player(principal.subject_id, _session_of(socket)) as feed:
        await _serve(socket, feed, sessions)


@websocket("/operator")
async def operator_socket(
    socket: Socket,
    live: NamedDependency[Live],
    sessions: NamedDependency[Sessions],
    pools: Pools,
) -> None:
    """``{"type": "warehouse", "as_of": …}`` whenever the operator's numbers have moved on, and
    ``{"type": "rtp_alert", "alert_id": …, …}`` when the RTP monitor raises an alert."""
    _require_session(socket)
    try:
        operator_id = await provide_operator_id(socket, pools)
    except Problem as problem:
        raise WebSocketException(code=FORBIDDEN, detail=problem.detail) from problem
    with live.follow_operator(operator_id, _session_of(socket)) as feed:
        await _serve(socket, feed, sessions)


def _require_session(socket: Socket) -> Principal:
    principal = socket.scope.get("user")
    if principal is None:
        raise WebSocketException(code=NOT_AUTHENTICATED, detail="Log in first.")
    return principal


def _session_of(socket: Socket) -> bytes:
    return hash_token(session_token(socket) or "")


async def _serve(socket: Socket, feed: Feed, sessions: Sessions) -> None:
    """Send what the feed brings until the client leaves, lags or is logged out."""
    await socket.accept()
    sending = asyncio.create_task(_send(socket, feed, sessions))
    receiving = asyncio.create_task(_until_disconnect(socket))
    lagging = asyncio.create_task(feed.closed.wait())
    try:
        await asyncio.wait((sending, receiving, lagging), return_when=asyncio.FIRST_COMPLETED)
        left, slow = receiving.done(), lagging.done() and not feed.logged_out
    finally:
        # Before the close: the server does not send one while a receive is pending.
        for task in (sending, receiving, lagging):
            task.cancel()
        await asyncio.gather(sending, receiving, lagging, return_exceptions=True)
    if not left:
        code, reason = (TOO_SLOW, "Too slow.") if slow else (NOT_AUTHENTICATED, "Logged out.")
        await socket.close(code, reason)


async def _send(socket: Socket, feed: Feed, sessions: Sessions) -> None:
    """Returns when the session has ended."""
    loop = asyncio.get_running_loop()
    await socket.send_data(_beat("connected", socket.auth), "text")
    next_beat = loop.time() + HEARTBEAT_SECONDS
    while True:
        try:
            async with asyncio.timeout_at(next_beat):
                message = await feed.messages.get()
        except TimeoutError:
            if not await _still_stands(socket, sessions):
                return
            message = _beat("heartbeat", socket.auth)
            next_beat = loop.time() + HEARTBEAT_SECONDS
        await socket.send_data(message, "text")


async def _still_stands(socket: Socket, sessions: Sessions) -> bool:
    try:
        return await sessions.find(session_token(socket) or "") is not None
    except OUTAGES:  # nobody can be asked now; the next heartbeat asks again
        return True


def _beat(kind: str, session: Session) -> bytes:
    elapsed = max(0, int(time() - session.created_at))
    return msgspec.json.encode({"type": kind, "session_elapsed_seconds": elapsed})


async def _until_disconnect(socket: Socket) -> None:
    """Whatever the client says is read and ignored; only its leaving matters."""
    try:
        while True:
            await socket.receive_data("text")
    except WebSocketDisconnect:
        return


router = Router(path="/ws", route_handlers=[player_socket, operator_socket])
