"""The analyst reads the platform's tables and nothing else."""

from __future__ import annotations

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.integration.warehouse.gateway.conftest import Answer, Ask, ask_gateway
from tests.support.gateway import GatewayProcess
from warehouse.gateway import allowed

ALLOWED = """
SELECT 1
SELECT * FROM bets ORDER BY id
SELECT * FROM pitboss.bets FINAL
FROM bets SELECT id
SELECT count(), sumIf(wager, id > 1), uniqExactIf(game, 1), COUNT(DISTINCT game) FROM bets
SELECT quantileTDigestMerge(q) FROM (SELECT quantileTDigestState(wager) AS q FROM bets)
SELECT * FROM bets_of(operator = 1)
SELECT * FROM pitboss.bets_of(operator = 1)
SELECT id FROM bets WHERE id IN (SELECT id FROM bets) AND game IN ('a', 'b')
SELECT row_number() OVER (PARTITION BY game ORDER BY id) FROM bets
SELECT lag(id) OVER w FROM bets WINDOW w AS (ORDER BY id)
SELECT toStartOfHour(now()), date_trunc('day', today()), dateDiff('day', today(), yesterday())
WITH x AS (SELECT 1 AS a) SELECT a FROM x JOIN bets ON x.a = bets.id
SELECT game, count() FROM bets GROUP BY game WITH TOTALS HAVING count() > 0 ORDER BY game
SELECT game FROM bets LIMIT 1 BY game
SELECT arrayMap(x -> x * 2, [1, 2]), map('a', 1)['a'], (1, 2).1
SELECT CASE WHEN 1 THEN 2 END, id::String, -id, id BETWEEN 1 AND 2 FROM bets
SELECT * EXCEPT (id) FROM bets
SELECT number FROM numbers(3) UNION ALL SELECT 5
SELECT 'it''s; -- fine', 'é' FORMAT JSON
SHOW TABLES
SHOW DATABASES
SHOW CREATE TABLE bets
SHOW COLUMNS FROM bets
DESCRIBE TABLE bets
EXISTS bets
EXPLAIN SELECT * FROM bets
EXPLAIN indexes = 1 SELECT * FROM bets WHERE id = 1
SELECT name, total_rows FROM system.tables WHERE database = currentDatabase()
SELECT name, type FROM system.columns WHERE table = 'bets'
SELECT name, value, readonly FROM system.settings LIMIT 5
SELECT table_name FROM information_schema.tables LIMIT 1
SELECT version(), timezone(), currentUser()
SELECT * FROM values((1, 'a'), (2, 'b'))
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(x, y)
SELECT count(*) FROM system.tables
SELECT * FROM (SELECT name FROM system.tables)
SELECT t.name, t.engine FROM system.tables AS t JOIN bets ON 1
SELECT 1 AS format ORDER BY format DESC
SHOW SETTINGS LIKE 'max_threads'
SELECT arrayReduce('sum', [1, 2]), arrayReduce('quantiles(0.5, 1e-1)', [1.5])
SELECT arrayReduce('groupConcatIf(\\', \\')', ['a', 'b'], [1, 0]), arrayMap(upper, ['a'])
SELECT finalizeAggregation(initializeAggregation('uniqState', id)) FROM bets
EXPLAIN PIPELINE graph = 1 SELECT * FROM bets
SELECT b.id FROM bets NATURAL JOIN bets AS b
SHOW FULL COLUMNS FROM pitboss.bets
SHOW COLUMNS FROM bets FROM pitboss LIKE 'i%'
SHOW INDEXES FROM bets
SHOW INDEXES FROM bets FORMAT Native
SHOW COLUMNS FROM bets FORMAT Native
SHOW DATABASES FORMAT Native
SHOW TABLES FORMAT Native
SHOW FULL TABLES FROM pitboss LIKE 'b%' FORMAT JSON
SHOW CREATE TABLE bets FORMAT Native
SHOW CREATE TABLE pitboss.bets FORMAT Native
EXISTS bets FORMAT Native
EXISTS pitboss.bets FORMAT Native
DESCRIBE bets FORMAT Native
EXPLAIN SELECT 1 FORMAT Native
""".strip().splitlines()

# One a line; what each one would give away or change is plain from its text.
REFUSED = r"""
SELECT file('/etc/passwd')
SELECT FILE('/etc/passwd')
SELECT length(file('/etc/passwd'))
SELECT fileIf('/etc/passwd', 1)
WITH file('/etc/passwd') AS f SELECT f
SELECT (SELECT file('/etc/passwd'))
SELECT 1 UNION ALL SELECT length(file('/etc/passwd'))
SELECT * FROM bets ARRAY JOIN [file('/etc/passwd')] AS f
SELECT * FROM numbers(length(file('/etc/passwd')))
SELECT id FROM bets ORDER BY id WITH FILL FROM length(file('/etc/passwd')) TO 5
SELECT id FROM bets ORDER BY id WITH FILL INTERPOLATE (game AS file('/etc/passwd'))
SELECT id FROM bets LIMIT length(file('/etc/passwd'))
SELECT sum(id) OVER (ROWS BETWEEN length(file('/etc/passwd')) PRECEDING AND CURRENT ROW) FROM bets
SELECT count() FILTER (WHERE file('/etc/passwd') = '') FROM bets
SELECT * APPLY(file) FROM bets
SELECT * APPLY(x -> file(x)) FROM bets
SELECT COLUMNS('game') APPLY file FROM bets
SHOW TABLES WHERE file('/etc/passwd') = ''
SHOW TABLES LIMIT length(file('/etc/passwd'))
SHOW COLUMNS FROM bets WHERE file('/etc/passwd') = ''
EXPLAIN SELECT file('/etc/passwd')
EXPLAIN AST SELECT file('/etc/passwd')
/* a comment */ SELECT file('/etc/passwd') -- another
SELECT * FROM file('/etc/passwd', 'LineAsString')
DESCRIBE file('/etc/passwd')
DESCRIBE TABLE (SELECT * FROM file('/etc/passwd', 'LineAsString'))
SELECT 1 INTO OUTFILE '/tmp/x'
SELECT 1 FORMAT JSON INTO OUTFILE '/tmp/x'
SELECT 1 INTO OUTFILE '/tmp/x' TRUNCATE FORMAT CSV
SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')
SELECT * FROM s3('http://127.0.0.1:1/x', 'CSV', 'a String')
SELECT * FROM s3(credentials)
SELECT * FROM remote('127.0.0.1', system.one)
SELECT * FROM cluster('default', system.one)
SELECT * FROM executable('id', 'TSV', 'a String')
SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')
SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')
SELECT * FROM sqlite('/tmp/x', 'a')
SELECT * FROM python('x')
SELECT * FROM input('a Int8')
SELECT * FROM merge('.*')
SELECT * FROM merge('system', '.*')
SELECT * FROM loop(system.processes)
SELECT * FROM view(SELECT * FROM system.processes)
SELECT * FROM viewIfPermitted(SELECT 1 ELSE null('a Int8'))
SELECT * FROM eval('select 1')
SELECT * FROM fuzzQuery('select 1')
SELECT * FROM dictionary('x')
SELECT * FROM mergeTreeIndex('pitboss', 'bets')
SELECT * FROM filesystem('/')
SELECT dictGet('d', 'a', 1)
SELECT joinGet('j', 'a', 1)
SELECT hasColumnInTable('system', 'processes', 'query')
SELECT catboostEvaluate('/etc/passwd', 1)
SELECT getSetting('max_threads')
SELECT getServerSetting('path')
SELECT hostName()
SELECT sleep(1)
SELECT addressToLine(1)
SELECT aiGenerate('hello')
SELECT logTrace('x')
SELECT query FROM system.processes
SELECT * FROM `system`.`processes`
SELECT 1 IN system.processes
SELECT 1 IN (SELECT 1 FROM system.processes)
SELECT 1 NOT IN system.processes
SELECT system.processes.query FROM system.processes
SELECT * FROM system.query_log
SELECT * FROM system.disks
SELECT * FROM system.server_settings
SELECT * FROM system.named_collections
SELECT * FROM system.users
SELECT * FROM system.user_directories
SELECT * FROM system.stack_trace
SELECT * FROM system.dictionaries
SELECT * FROM default.anything
DESCRIBE system.processes
EXISTS system.processes
SHOW CREATE TABLE system.processes
SHOW TABLES FROM system
SHOW PROCESSLIST
SHOW USERS
SHOW GRANTS
SHOW ACCESS
KILL QUERY WHERE 1
KILL MUTATION WHERE 1
SELECT 1; SELECT 2
SELECT 1; KILL QUERY WHERE 1
SELECT 1;;SELECT 1 INTO OUTFILE '/tmp/x'
SET max_threads = 1
SET readonly = 0
SET param_x = 1
USE system
SELECT 1 SETTINGS max_threads = 1
SELECT 1 SETTINGS readonly = 0
SELECT 1 FORMAT JSON SETTINGS max_threads = 1
SELECT * FROM (SELECT 1 SETTINGS max_threads = 1)
DESCRIBE bets SETTINGS describe_extend_object_types = 1
INSERT INTO bets VALUES (3, 1, 'c', 1)
INSERT INTO bets SELECT 3, 1, 'c', 1
WITH x AS (SELECT 1) INSERT INTO bets SELECT 3, 1, 'c', 1
EXPLAIN INSERT INTO bets VALUES (1)
INSERT INTO FUNCTION file('/tmp/x', 'TSV') SELECT 1
CREATE TABLE x (a Int8) ENGINE = Memory
CREATE TEMPORARY TABLE x (a Int8)
CREATE VIEW x AS SELECT 1
CREATE DATABASE x
CREATE FUNCTION f AS x -> x
CREATE USER x
CREATE ROW POLICY p ON bets USING 1
CREATE NAMED COLLECTION c AS a = 1
CREATE DICTIONARY d (a Int8) PRIMARY KEY a SOURCE(NULL()) LAYOUT(FLAT()) LIFETIME(0)
DROP TABLE bets
DROP DATABASE pitboss
DETACH TABLE bets
ATTACH TABLE bets
TRUNCATE TABLE bets
RENAME TABLE bets TO b
EXCHANGE TABLES bets AND bets
ALTER TABLE bets DELETE WHERE 1
ALTER TABLE bets ADD COLUMN x Int8
DELETE FROM bets WHERE 1
UPDATE bets SET wager = 1 WHERE 1
OPTIMIZE TABLE bets
CHECK TABLE bets
SYSTEM FLUSH LOGS
SYSTEM SHUTDOWN
SYSTEM STOP MERGES
BACKUP TABLE bets TO File('/tmp/x')
RESTORE TABLE bets FROM File('/tmp/x')
GRANT ALL ON *.* TO analyst
REVOKE ALL ON *.* FROM analyst
EXECUTE AS default SELECT 1
BEGIN TRANSACTION
EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:1') PARTITION BY 1
SELECT a FROM generateRandom('x UInt8, a String ALIAS file(''/etc/passwd'')') LIMIT 1
SELECT a FROM generateRandom('x UInt8, a String DEFAULT file(''/etc/passwd'')') LIMIT 1
SELECT a FROM null('x UInt8, a String ALIAS file(''/etc/passwd'')')
SELECT a FROM values('x UInt8, a String ALIAS file(''/etc/passwd'')', (1))
SELECT a FROM values(concat('x UInt8, a String ALIAS ', 'hostName()'), (1))
SELECT a FROM values({s:String}, (1))
SELECT quantile(length(file('/etc/passwd')))(1)
SELECT id FROM bets PREWHERE file('/etc/passwd') = ''
SELECT id FROM bets QUALIFY file('/etc/passwd') = ''
SELECT id FROM bets GROUP BY GROUPING SETS ((file('/etc/passwd')))
SELECT id FROM bets LIMIT 1 BY file('/etc/passwd')
SELECT * FROM bets JOIN bets AS b ON file('/etc/passwd') = ''
SELECT * REPLACE (file('/etc/passwd') AS game) FROM bets
SELECT * FROM bets_of(operator = length(file('/etc/passwd')))
SELECT * FROM bets_of(operator = (SELECT length(file('/etc/passwd'))))
SELECT arrayMap(x -> file('/etc/passwd'), [1])
WITH RECURSIVE x AS (SELECT file('/etc/passwd') AS f UNION ALL SELECT f FROM x) SELECT * FROM x
SELECT * FROM PYTHON('x')
SELECT * FROM Python(x)
SELECT * FROM FILE('/etc/passwd', 'LineAsString')
SELECT * FROM bets(operator = 1)
SELECT * FROM unknown_view(operator = 1)
SELECT * FROM `default`.`/etc/passwd`
SELECT * FROM format(CSV, '1,2')
SELECT * FROM (EXPLAIN SELECT 1)
SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))
EXPLAIN SELECT 1 SETTINGS max_threads = 1
EXPLAIN SELECT 1 FORMAT TSV SETTINGS max_threads = 1
EXPLAIN SYNTAX SELECT 1 FORMAT TSV SETTINGS readonly = 0
SHOW TABLES FORMAT TSV SETTINGS max_threads = 1
EXISTS bets SETTINGS max_threads = 1
SHOW TABLES INTO OUTFILE '/tmp/x'
EXPLAIN AST SELECT 1 INTO OUTFILE '/tmp/x'
SHOW COLUMNS FROM processes FROM system
SHOW COLUMNS FROM `processes` IN `system`
SHOW FULL COLUMNS FROM system.processes
SHOW EXTENDED FULL FIELDS FROM processes FROM system LIKE 'q%'
SHOW INDEX FROM processes FROM system
SHOW KEYS FROM `processes` FROM `system`
SHOW COLUMNS FROM {t:Identifier} FROM system
SHOW COLUMNS FROM bets FROM {d:Identifier}
SHOW TABLES FROM system FORMAT system
SHOW TABLES FROM system FORMAT pitboss
SHOW CREATE TABLE system.processes FORMAT processes
EXISTS system.processes FORMAT processes
EXISTS DATABASE system FORMAT system
SHOW MERGES
SHOW CLUSTERS
SHOW CLUSTER 'default'
SHOW FILESYSTEM CACHES
SHOW SETTING max_threads
SHOW CREATE DATABASE default
SHOW DICTIONARIES FROM system
SELECT data_paths FROM system.tables
SELECT t.metadata_path FROM system.tables AS t
SELECT p FROM system.tables ARRAY JOIN data_paths AS p
SELECT * FROM system.tables
SELECT t.* FROM system.tables AS t
SELECT * EXCEPT (name) FROM system.tables
SELECT COLUMNS('path') FROM system.tables
SELECT tuple(*) FROM system.tables
SELECT toString(tuple(*)) FROM (SELECT * FROM system.databases)
WITH t AS (SELECT * FROM system.tables) SELECT count() FROM t
SELECT {c:Identifier} FROM system.tables
SELECT 1 FROM (SELECT ['/'] AS data_paths) AS a JOIN system.tables USING (data_paths)
SELECT ('a', '/') IN system.databases
SELECT getClientHTTPHeader('X-ClickHouse-Key')
SELECT queryID()
SELECT serverUUID()
SELECT tcpPort()
SELECT getMacro('x')
SELECT currentProfiles()
SELECT filesystemAvailable()
SELECT 1 PARALLEL WITH SELECT 2
SELECT arrayReduce('groupConcat(file(\'/proc/self/cmdline\'))', ['a', 'b'])
SELECT arrayReduce('groupConcat((SELECT query FROM system.processes LIMIT 1))', ['a', 'b'])
SELECT arrayReduce('groupConcat(@@hostname)', ['a', 'b'])
SELECT arrayReduce('groupConcatIf(hostName())', ['a', 'b'], [1, 1])
SELECT arrayReduce(concat('groupConcat(host', 'Name())'), ['a', 'b'])
SELECT arrayReduce({a:String}, ['a', 'b'])
WITH 'groupConcat(hostName())' AS f SELECT arrayReduce(f, ['a', 'b'])
SELECT ARRAYREDUCE('groupConcat(hostName())', ['a', 'b'])
SELECT arrayReduce('quantile([hostName()][1])', [1])
SELECT arrayReduceInRanges('groupConcat(hostName())', [(1, 2)], ['a', 'b'])
SELECT finalizeAggregation(initializeAggregation('groupConcatState(hostName())', 'a'))
SELECT arrayReduce('flameGraph', [1])
SELECT arrayMap(file, ['/proc/self/cmdline'])
SELECT arrayMap(file AS f, ['/proc/self/cmdline'])
SELECT arrayMap((`file`), ['/proc/self/cmdline'])
SELECT arrayMap({f:Identifier}, ['/proc/self/cmdline'])
SELECT arrayMap(x -> arrayMap(file, [x]), ['/proc/self/cmdline'])
SELECT arraySort(sleepEachRow, [1, 2])
SELECT arrayMap(arrayReduce, ['sum'])
SELECT arrayMap(if(1, file, file), ['/proc/self/cmdline'])
SELECT count() FROM (SELECT '/tmp' AS data_path) AS a NATURAL JOIN system.databases
EXPLAIN AST graph = 1 SELECT 1
EXPLAIN AST `graph` = 1 SELECT 1
SELECT multiMatchAny('a', ['(a{1,500}){1,500}'])
SELECT multiFuzzyMatchAny('a', 2, ['(a|b){1,200}x.*y'])
SELECT polygonsUnionCartesian([[[(0., 0.), (1., 1.)]]], [[[(0., 1.), (1., 0.)]]])
SELECT printf('%1000000000d', 1)
SELECT arrayLevenshteinDistance(range(1000000), range(1000000))
SELECT defaultValueOfTypeName(repeat('[', 1000000))
""".strip().splitlines()

PARAMETERS = {
    "param_s": "x UInt8, a String ALIAS file(\\'/etc/passwd\\')",
    "param_t": "processes",
    "param_d": "system",
    "param_c": "data_paths",
    "param_a": "groupConcat(hostName())",
    "param_f": "file",
}


@pytest.fixture(scope="module", autouse=True)
def bets(gateway: GatewayProcess) -> None:
    for sql in (
        "CREATE TABLE bets (id UInt32, operator_id UInt32, game String, wager Int64)"
        " ENGINE = ReplacingMergeTree ORDER BY id",
        "INSERT INTO bets VALUES (1, 1, 'a', 100), (2, 2, 'b', 200)",
        "CREATE VIEW bets_of AS SELECT * FROM bets WHERE operator_id = {operator:UInt32}",
    ):
        assert ask_gateway(gateway, sql).status == 200


@pytest.fixture
def analyse(gateway: GatewayProcess, ask: Ask):
    def run(sql: str = "", **more) -> Answer:
        return ask(sql, user=gateway.analyst, **more)

    return run


@pytest.mark.parametrize("sql", ALLOWED)
def test_may(analyse: Ask, sql: str) -> None:
    answer = analyse(sql)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("sql", REFUSED)
def test_may_not(analyse: Ask, ask: Ask, sql: str) -> None:
    answer = analyse(sql, **PARAMETERS)
    assert answer.code != 0, answer.body
    assert b"root:" not in answer.body
    assert ask("SELECT count(), sum(wager) FROM bets").body == b"2\t300\n"


def test_refusals_come_from_the_guard_not_from_luck(analyse: Ask) -> None:
    """ACCESS_DENIED, READONLY or the parser's refusals: never an engine that tried."""
    codes = {sql: analyse(sql, **PARAMETERS).code for sql in REFUSED}
    assert {sql: code for sql, code in codes.items() if code not in (48, 62, 164, 358, 497)} == {}


@pytest.mark.parametrize(
    "params",
    [
        {"max_threads": "1"},
        {"readonly": "0"},
        {"database": "system"},
        {"database": "default"},
        {"query": "SELECT 1;"},
    ],
)
def test_may_not_by_parameters(analyse: Ask, params: dict[str, str]) -> None:
    assert analyse("SELECT 1", **params).code != 0


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM {x:Identifier}",
        "SELECT 1 IN {x:Identifier}",
        "DESCRIBE {x:Identifier}",
        "SELECT query FROM {y:Identifier}.processes",
    ],
)
def test_identifier_parameters_are_seen_through(analyse: Ask, sql: str) -> None:
    answer = analyse(sql, param_x="system.processes", param_y="system")
    assert answer.code in (62, 497), answer.body


def test_parameters_may_fill_in_allowed_names(analyse: Ask) -> None:
    sql = "SELECT {c:Identifier} FROM {t:Identifier} WHERE id = {id:UInt32}"
    assert analyse(sql, param_c="game", param_t="bets", param_id="2").body == b"b\n"


# A name that would start a line of its own in the listing of the syntax tree: the nodes after it
# would seem to belong to the node it pretends to be.
FAKE = "a{end}   TableExpression x"
LINE_ENDS = ["\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("function", ["hostName()", "length(file('/etc/passwd'))"])
def test_names_cannot_fake_the_syntax_tree(analyse: Ask, end: str, function: str) -> None:
    name = FAKE.format(end=end)
    assert analyse(f"SELECT `{name}`, {function} FROM (SELECT 1 AS `{name}`)").code == 497
    parameter = "SELECT {x:Identifier}, " + function + f" FROM (SELECT 1 AS `{name}`)"
    assert analyse(parameter, param_x=name).code == 497
    only = "SELECT {x:Identifier}, " + function
    assert analyse(only, param_x=name).code == 497
    assert analyse(f"SELECT '{name}', {function}").code == 497


@pytest.mark.parametrize("end", LINE_ENDS)
def test_texts_may_have_any_line_end(analyse: Ask, end: str) -> None:
    assert analyse(f"SELECT 'a{end}b' FORMAT RawBLOB").body.decode() == f"a{end}b"


@pytest.mark.parametrize("text", ["", " ", ";", "-- only this", "FORMAT Native", "\n FORMAT TSV"])
def test_an_empty_statement_is_told_in_a_line(analyse: Ask, text: str) -> None:
    answer = analyse(text)
    assert (answer.code, answer.body.count(b"\n")) == (62, 1)
    assert answer.body.startswith(b"Code: 62. DB::Exception: Empty query")


def test_cannot_outlive_its_own_request(gateway: GatewayProcess, ask: Ask, analyse: Ask) -> None:
    """Nothing an analyst did changes what the writer's or the next analyst's handle does."""
    for sql in REFUSED[:40]:
        analyse(sql)
    assert ask("CREATE TABLE after (a Int8) ENGINE = Memory").status == 200
    assert ask("DROP TABLE after").status == 200


def test_every_allowed_function_exists_and_no_other_differs_by_case(ask: Ask) -> None:
    listed = allowed.functions()
    known = ask("SELECT name FROM system.functions").body.decode().split()
    # Not in that table: forms of the syntax that become functions in the tree.
    syntax = {"lambda", "exists", "grouping", "countdistinct", "untuple"}
    assert listed - {name.lower() for name in known} <= syntax
    lines = allowed.FUNCTIONS_FILE.read_text().splitlines()
    exact = {line for line in lines if line and not line.startswith("#")}
    assert [name for name in known if name.lower() in listed and name not in exact] == []


def test_ordinary_client_connects_as_analyst(gateway: GatewayProcess) -> None:
    client = clickhouse_connect.get_client(
        host=gateway.host,
        port=gateway.port,
        username=gateway.analyst.user,
        password=gateway.analyst.password,
        database=gateway.database,
    )
    assert client.query("SELECT sum(wager) FROM bets").result_rows == [(300,)]
    assert list(client.query_df("SELECT id, game FROM bets ORDER BY id").game) == ["a", "b"]
    with pytest.raises(DatabaseError):
        client.insert("bets", [[3, 1, "c", 1]])
    with pytest.raises(DatabaseError):
        client.command("DROP TABLE bets")
