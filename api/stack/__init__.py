"""The local stack: every server Pitboss needs, started and looked after by one process.

`supervisor` runs the parts; `postgres` and `redis` wrap the servers that come as wheels;
`credentials` and `ports` keep what must survive a restart in the data directory.
"""
