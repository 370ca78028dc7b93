"""How a batch is cut into inserts depends on its rows and its limits, and on nothing else."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from warehouse.chunks import Chunk, ChunkCutter, OutboxRow

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = st.lists(
    st.builds(
        OutboxRow,
        topic=st.sampled_from(["bets", "players", "transactions"]),
        payload=st.binary(min_size=1, max_size=30).map(lambda text: text.hex().encode()),
        operator_id=st.just(1),
        created_at=st.just(NOW),
    ),
    max_size=60,
)


def cut(pages: list[list[OutboxRow]], rows: int, size: int) -> list[Chunk]:
    cutter = ChunkCutter(rows, size)
    chunks = [chunk for page in pages for chunk in cutter.add(page)]
    return chunks + list(cutter.finish())


@given(ROWS, st.integers(1, 20), st.integers(1, 400), st.integers(1, 60))
def test_chunks_hold_every_row_once_in_order_within_the_limits(
    rows: list[OutboxRow], max_rows: int, max_bytes: int, page: int
) -> None:
    chunks = cut([rows], max_rows, max_bytes)
    for topic in ("bets", "players", "transactions"):
        mine = [chunk for chunk in chunks if chunk.topic == topic]
        assert [chunk.number for chunk in mine] == list(range(len(mine)))
        lines = b"".join(chunk.body for chunk in mine).splitlines()
        assert lines == [row.payload for row in rows if row.topic == topic]
    for chunk in chunks:
        assert chunk.rows == len(chunk.body.splitlines()) <= max_rows
        assert len(chunk.body) <= max_bytes or chunk.rows == 1


@given(ROWS, st.integers(1, 20), st.integers(1, 400), st.integers(1, 60))
def test_pages_do_not_show_in_the_chunks(
    rows: list[OutboxRow], max_rows: int, max_bytes: int, page: int
) -> None:
    pages = [rows[start : start + page] for start in range(0, len(rows), page)]
    assert cut(pages, max_rows, max_bytes) == cut([rows], max_rows, max_bytes)


def test_tokens_name_stream_topic_batch_and_chunk() -> None:
    stream = UUID(int=7)
    chunk = Chunk(topic="bets", number=3, rows=1, body=b"{}\n")
    assert chunk.token(stream, 12) == f"{stream}:bets:12:3"
