"""The same schema on a ClickHouse cluster: replicated tables on every shard, one name for all.

The files in ``warehouse/sql`` describe one server. Here each statement of theirs becomes what a
cluster needs; its text is cut by ClickHouse's lexical rules and put together again, so that the
columns, keys and SELECTs stay the ones that were reviewed.

* A table of a tenant's rows ``t`` becomes ``t_local``, replicated within its shard, and ``t``, a
  Distributed table over all shards. The operator chooses the shard: one operator's rows are
  together, and its queries, its rollups and its deduplication take one shard.
* The small dimensions that everyone joins are whole on every server, under their own name.
* A view that feeds a rollup reads and writes the local tables of its own shard.
* A view that is read reads the Distributed tables.
"""

from collections.abc import Sequence
from itertools import pairwise

import clickhouse_connect
import msgspec
from sqlalchemy.engine import make_url

from warehouse.sql_files import read_sql, sql_names
from warehouse.tokens import Token, tokenize

EVERYWHERE = frozenset({"games", "operators"})
"""Dimensions that are whole on every server."""

LOCAL_SUFFIX = "_local"
SHARDING_KEY = "operator_id"
_KEEPER_SHARD = "/clickhouse/tables/{shard}/{database}/{table}"
_KEEPER_ALL = "/clickhouse/tables/all/{database}/{table}"


class Cluster(msgspec.Struct, frozen=True):
    """A cluster by the ``name`` its servers' configuration gives it, and the ``database`` on it.

    Their macros must have ``shard`` and ``replica``, and the cluster ``internal_replication``.
    """

    name: str
    database: str


class NotRendered(Exception):
    """A statement of a form that the rendering doesn't know."""


def schema(cluster: Cluster) -> list[str]:
    """Every statement of the schema in the order to run them in; each may be run again."""
    texts = [read_sql(folder, name) for folder in ("tables", "views") for name in sql_names(folder)]
    return [statement for text in texts for statement in render(text, cluster)]


def render(text: str, cluster: Cluster) -> list[str]:
    """What a CREATE TABLE or CREATE VIEW for one server becomes on ``cluster``.

    Raises ``NotRendered`` for any other statement.
    """
    parts = _Parts(text)
    if parts.kind == "TABLE":
        return _table(parts, cluster)
    if "TO" in parts.header:
        return [_feeding_view(parts, cluster)]
    return [parts.rebuilt([(parts.name.end, parts.name.end, _on(cluster))])]


class _Parts:
    """A CREATE statement and its tokens outside of parentheses."""

    def __init__(self, text: str) -> None:
        self.bytes = text.encode()
        self.tokens = list(tokenize(self.bytes))
        self.top = [token for token in self.tokens if token.depth == 0]
        words = [token.word for token in self.top]
        at = next((at for at, word in enumerate(words[:4]) if word in ("TABLE", "VIEW")), None)
        if not words or words[0] != "CREATE" or at is None:
            raise NotRendered(text.partition("\n")[0])
        self.kind = words[at]
        at += 4 if words[at + 1 : at + 4] == ["IF", "NOT", "EXISTS"] else 1
        self.name = self.top[at]
        self.after_name = self.top[at + 1 :]
        """Tokens behind the name; those of a view's SELECT too."""
        words = words[at + 1 :]
        self.header = words[: words.index("AS")] if "AS" in words else words

    def text(self, token: Token) -> str:
        return self.bytes[token.start : token.end].decode()

    def find(self, word: str) -> int | None:
        """Where behind the name that word stands."""
        places = (at for at, token in enumerate(self.after_name) if token.word == word)
        return next(places, None)

    def rebuilt(self, edits: Sequence[tuple[int, int, str]]) -> str:
        """The statement with each ``(start, end, replacement)`` made."""
        text = self.bytes
        for start, end, replacement in sorted(edits, reverse=True):
            text = text[:start] + replacement.encode() + text[end:]
        return text.decode()


def _table(parts: _Parts, cluster: Cluster) -> list[str]:
    name = parts.text(parts.name)
    local = _local(name)
    edits = [(parts.name.start, parts.name.end, local + _on(cluster)), _engine(parts, name)]
    for token in parts.after_name:
        if parts.text(token) == "non_replicated_deduplication_window":
            edits.append((token.start, token.end, "replicated_deduplication_window"))
    statements = [parts.rebuilt(edits)]
    if local != name:
        comment = parts.find("COMMENT")
        text = "" if comment is None else parts.text(parts.after_name[comment + 1])
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {name}{_on(cluster)} AS {local}\n"
            f"ENGINE = Distributed({_quoted(cluster.name)}, {_quoted(cluster.database)},"
            f" {_quoted(local)}, {SHARDING_KEY})" + (f"\nCOMMENT {text}" if text else "")
        )
    return statements


def _engine(parts: _Parts, name: str) -> tuple[int, int, str]:
    """ENGINE = XMergeTree[(…)] as ReplicatedXMergeTree(path, replica[, …])."""
    at = parts.find("ENGINE")
    if at is None:
        raise NotRendered(f"{name} has no ENGINE")
    engine, following = parts.after_name[at + 2], parts.after_name[at + 3 : at + 5]
    end, arguments = engine.end, ""
    if [token.word for token in following] == ["(", ")"]:
        end = following[1].end
        arguments = parts.bytes[following[0].end : following[1].start].decode().strip()
    everywhere = name in EVERYWHERE
    path = _KEEPER_ALL if everywhere else _KEEPER_SHARD
    replica = "{shard}-{replica}" if everywhere else "{replica}"
    arguments = ", ".join(filter(None, (_quoted(path), _quoted(replica), arguments)))
    return engine.start, end, f"Replicated{parts.text(engine)}({arguments})"


def _feeding_view(parts: _Parts, cluster: Cluster) -> str:
    """CREATE MATERIALIZED VIEW v TO t AS SELECT … FROM s, on the local tables of the shard."""
    edits = [(parts.name.end, parts.name.end, _on(cluster))]
    behind = parts.tokens[parts.tokens.index(parts.name) + 1 :]
    for token, following in pairwise(behind):
        if token.word in ("TO", "FROM", "JOIN") and parts.text(following) in sql_names("tables"):
            edits.append(_renamed(parts, following))
    return parts.rebuilt(edits)


def _renamed(parts: _Parts, token: Token) -> tuple[int, int, str]:
    return token.start, token.end, _local(parts.text(token))


def _local(name: str) -> str:
    return name if name in EVERYWHERE else name + LOCAL_SUFFIX


def _on(cluster: Cluster) -> str:
    return f" ON CLUSTER {_quoted(cluster.name)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def create(clickhouse_url: str, cluster: str) -> None:
    """Make what is missing of the schema on all servers of ``cluster``; replace the plain views.

    Existing tables are left as they are: on a cluster a migration that alters one is run by hand.
    Raises ``clickhouse_connect.driver.exceptions.Error``.
    """
    url = make_url(clickhouse_url)
    target = Cluster(cluster, url.database or "")
    server = url.set(database="default").render_as_string(hide_password=False)
    with clickhouse_connect.get_client(dsn=server, autogenerate_session_id=False) as client:
        client.command(
            f"CREATE DATABASE IF NOT EXISTS {{name:Identifier}}{_on(target)}",
            parameters={"name": target.database},
        )
    with clickhouse_connect.get_client(dsn=clickhouse_url, autogenerate_session_id=False) as client:
        for statement in schema(target):
            client.command(statement)
