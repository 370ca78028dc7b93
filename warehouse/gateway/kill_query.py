"""KILL QUERY by what clients know of their queries.

The engine gives each query an id of its own, runs all of them as its one user, and has more in
their texts than was sent. So the gateway finds those that are meant, in the engine's list of them
with ids, users and texts as the clients know them, and has the engine kill these. An id out of
that list, `system.processes`, is as good: a statement that names one means it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from warehouse.gateway import statement as statements
from warehouse.gateway.canonical import canonical
from warehouse.gateway.engine import Engine, Handle, Progress, quote_string
from warehouse.gateway.errors import GatewayError
from warehouse.gateway.execute import Write, output_format
from warehouse.gateway.kills import Running
from warehouse.gateway.request import QueryRequest
from warehouse.gateway.statement import Statement
from warehouse.tokens import tokenize

# What `execute` puts around a text. Of the engine's answer only the parts that it filled in.
_MARK = r"^/\* ([0-9a-f]{32}) \*/ "
_PIPE = r"\nINTO OUTFILE '/dev/fd/\d+' TRUNCATE(?: FORMAT \w+)?\n"
_STATUS = {"SYNC": "finished", "ASYNC": "waiting", "TEST": "unknown_status"}


def is_kill_query(statement: Statement) -> bool:
    """Whether a statement is KILL QUERY; KILL MUTATION and the like are the engine's own."""
    if statement.keyword != "KILL":
        return False
    return [word.upper() for word in statements.words(statement.text)[:2]] == ["KILL", "QUERY"]


async def kill_query(
    engine: Engine, request: QueryRequest, statement: Statement, write: Write
) -> Progress:
    """Kills, or with TEST only tells, and writes the answer: nothing at all if nobody was meant,
    as with a server. With SYNC the queries have ended by then.

    Raises GatewayError.
    """
    fmt = output_format(statement, request)
    text = await canonical(engine, statement.text)
    async with engine.killers.lend({}) as handle, engine.kills.statement():
        running = engine.kills.running
        body, progress, hit = await engine.call(_kill, handle, request, text, fmt, running)
    if _parts(text)[1] == "SYNC":
        await asyncio.gather(*(one.ended.wait() for one in hit))
    if body:
        await write(body)
    return progress


def _kill(
    handle: Handle, request: QueryRequest, text: bytes, fmt: str, running: list[Running]
) -> tuple[bytes, Progress, list[Running]]:
    """In a thread, whole, so that a lost client does not lose what was hit."""
    condition, mode, tail = _parts(text)
    handle.prepare(request.database, request.settings)
    listed = _listed(running, " ".join([text.decode(), *request.params.values()]))
    # The condition is the client's own SQL, who may run any.
    which = f"SELECT engine_query_id, mark FROM {listed} WHERE {condition}"  # noqa: S608
    meant, _ = handle.run(which, params=request.params)
    marks = dict(line.split("\t") for line in meant.decode().splitlines())
    if not marks:
        return b"", Progress(), []
    engine_ids = "(" + ", ".join(map(quote_string, marks)) + ")"
    told = f"'{_STATUS[mode]}' AS kill_status, query_id, user, query"
    of_these = f"WHERE engine_query_id IN {engine_ids} {tail}"
    body, progress = handle.run(f"SELECT {told} FROM {listed} {of_these}", fmt)  # noqa: S608
    if mode == "TEST":
        return body, progress, []
    kill = f"KILL QUERY WHERE query_id IN {engine_ids} ASYNC"
    answer, _ = handle.run(kill, "JSONCompactEachRow")
    killed = {marks[msgspec.json.decode(line)[1]] for line in answer.splitlines()}
    hit = [one for one in running if one.mark in killed]
    for one in hit:
        one.killed = True
    return body, progress, hit


def _listed(running: list[Running], text: str) -> str:
    """The list of running requests as a subquery, with two columns more: what the engine knows
    a query by, and its mark. One whose engine's id is in `text` is listed by that."""
    marks = _array(one.mark for one in running)
    ids = _array(one.query_id for one in running)
    users = _array(one.user for one in running)
    return f"""(
SELECT * REPLACE (
    if(position({quote_string(text)}, engine_query_id) > 0, engine_query_id,
       transform(mark, {marks}, {ids}, engine_query_id)) AS query_id,
    transform(mark, {marks}, {users}, user) AS user,
    replaceRegexpOne(
        replaceRegexpOne(query, {quote_string(_MARK)}, ''), {quote_string(_PIPE)}, '') AS query
) FROM (
    SELECT query_id AS engine_query_id, extract(query, {quote_string(_MARK)}) AS mark, *
    FROM system.processes
) WHERE has({marks}, mark)
)"""  # noqa: S608


def _array(texts: Iterable[str]) -> str:
    return f"CAST([{', '.join(map(quote_string, texts))}], 'Array(String)')"


def _parts(text: bytes) -> tuple[str, str, str]:
    """Condition, mode, and FORMAT and SETTINGS if there are any, of the engine's
    `KILL QUERY WHERE condition mode …`. Raises GatewayError NOT_IMPLEMENTED for ON CLUSTER."""
    top = [token for token in tokenize(text) if not token.depth]
    if top[2].word != "WHERE":
        raise GatewayError("NOT_IMPLEMENTED", "KILL QUERY ON CLUSTER: there is no cluster here")
    mode = next(
        token
        for token, after in zip(reversed(top), [None, *reversed(top)], strict=False)
        if token.word in _STATUS and (after is None or after.word in ("FORMAT", "SETTINGS"))
    )
    condition = text[top[2].end : mode.start]
    return condition.decode(), mode.word, text[mode.end :].decode()
