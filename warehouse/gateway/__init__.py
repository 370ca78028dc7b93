"""ClickHouse's HTTP interface over the embedded engine (chDB), in a process of its own.

`python -m warehouse.gateway --path DIR --users FILE` owns the engine's data directory and serves
the protocol that every ClickHouse client speaks, so that nothing else in the project can tell an
embedded warehouse from a ClickHouse server. The modules, in the order a request meets them:

server      HTTP: routes, response headers, errors, disconnects
auth        who is asking
request     URL parameters, headers and form fields → one `QueryRequest`
codecs      HTTP content codings; native: ClickHouse's own block framing
statement   where a statement ends and its data begins
guard       what the analyst may run
rows        the rows of an INSERT, received
execute     runs it: results out and rows in
engine      handles of the engine, pooled
datadir, sandbox   the lock, the temporary directory and the walls around the process
"""
