// What a Node.js program does with ClickHouse, one scenario a run: `node clickhouse_client.mjs NAME`.
// Prints what it saw as one line of JSON; an error of the client's is printed, not thrown.
// Environment: MODULES (folder with node_modules), URL, DATABASE, LOGIN, PASSWORD, COMPRESSION (1).

import { createRequire } from "node:module";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

const { MODULES, URL: url, DATABASE: database, LOGIN, PASSWORD, COMPRESSION } = process.env;
const { createClient } = createRequire(join(MODULES, "package.json"))("@clickhouse/client");

const client = createClient({
  url,
  database,
  username: LOGIN,
  password: PASSWORD,
  compression: { request: COMPRESSION === "1", response: COMPRESSION === "1" },
});

const number = async (query) => {
  const answer = await client.query({ query, format: "JSONCompactEachRow" });
  return Number((await answer.json())[0][0]);
};
const processes = () => number("SELECT count() - 1 FROM system.processes");
const until = async (condition) => {
  for (let tries = 0; tries < 1500; tries += 1) {
    if (await condition()) return true;
    await sleep(20);
  }
  return false;
};
const failure = async (promise) => {
  try {
    await promise;
    return null;
  } catch (error) {
    return { code: error.code, type: error.type, message: error.message };
  }
};

const scenarios = {
  async ping() {
    return { ping: await client.ping(), select: await client.ping({ select: true }) };
  },

  async stream() {
    const answer = await client.query({
      query: "SELECT number AS n, toString(number) AS s FROM numbers({rows:UInt64})",
      query_params: { rows: 300000 },
      format: "JSONEachRow",
    });
    let rows = 0;
    let sum = 0;
    for await (const batch of answer.stream()) {
      for (const row of batch) {
        const { n, s } = row.json();
        if (String(n) !== s) throw new Error(`${n} is not ${s}`);
        rows += 1;
        sum += Number(n);
      }
    }
    return { rows, sum };
  },

  async parameters() {
    const answer = await client.query({
      query: "SELECT {s:String} AS s, {a:Array(UInt8)} AS a, {n:Nullable(String)} AS n, {t:DateTime} AS t",
      query_params: { s: "it's \\ a\ttab\n", a: [1, 2], n: null, t: "2026-01-02 03:04:05" },
      format: "JSONEachRow",
    });
    return (await answer.json())[0];
  },

  async insert() {
    await client.command({ query: "CREATE TABLE js (n UInt64, s String) ENGINE = MergeTree ORDER BY n" });
    const values = Array.from({ length: 50000 }, (_, n) => ({ n, s: `row ${n} é` }));
    const result = await client.insert({ table: "js", values, format: "JSONEachRow" });
    const lines = Readable.from(Array.from({ length: 1000 }, (_, n) => `${50000 + n},streamed\n`), {
      objectMode: false,
    });
    await client.insert({ table: "js", values: lines, format: "CSV" });
    const written = Number(result.summary.written_rows);
    const seen = await number("SELECT count() FROM js");
    const sum = await number("SELECT sum(n) FROM js");
    const last = await client.query({ query: "SELECT s FROM js WHERE n = 49999", format: "TabSeparated" });
    const text = await last.text();
    await client.command({ query: "DROP TABLE js SYNC" });
    return { written, seen, sum, text };
  },

  async exec() {
    const { stream } = await client.exec({ query: "SELECT number FROM numbers(3) FORMAT CSV" });
    let text = "";
    for await (const chunk of stream) text += chunk;
    return { text };
  },

  async abort() {
    const controller = new AbortController();
    const endless = client.query({
      query: "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1",
      abort_signal: controller.signal,
    });
    const failed = failure(endless);
    const started = await until(async () => (await processes()) === 1);
    controller.abort();
    const error = await failed;
    return { started, aborted: error !== null, stopped: await until(async () => (await processes()) === 0) };
  },

  async leave() {
    const answer = await client.query({ query: "SELECT * FROM system.numbers", format: "JSONEachRow" });
    const stream = answer.stream();
    await new Promise((resolve) => stream.once("data", resolve));
    const started = (await processes()) === 1;
    answer.close();
    return { started, stopped: await until(async () => (await processes()) === 0) };
  },

  async errors() {
    const query = (sql) => failure(client.query({ query: sql, format: "JSONEachRow" }));
    const late = await client.query({
      query: "SELECT throwIf(number = 3000000, 'too far') AS t, number FROM numbers(9000000)",
      format: "JSONEachRow",
      clickhouse_settings: { max_threads: 1, max_block_size: 10000 },
    });
    const read = async () => {
      for await (const _ of late.stream());
    };
    return {
      table: await query("SELECT * FROM nowhere"),
      syntax: await query("SELEC 1"),
      setting: await failure(
        client.query({ query: "SELECT 1", clickhouse_settings: { no_such_setting: 1 } }),
      ),
      late: await failure(read()),
    };
  },

  async reader() {
    const rows = async (sql) => (await client.query({ query: sql, format: "JSONEachRow" })).json();
    return {
      one: await rows("SELECT 1 AS one"),
      insert: await failure(
        client.insert({ table: "samples", values: [{ id: 1 }], format: "JSONEachRow" }),
      ),
      create: await failure(client.command({ query: "CREATE TABLE js (n UInt8) ENGINE = Memory" })),
      file: await failure(client.query({ query: "SELECT file('/etc/passwd')" })),
      setting: await failure(client.query({ query: "SELECT 1", clickhouse_settings: { max_threads: 1 } })),
    };
  },
};

try {
  console.log(JSON.stringify(await scenarios[process.argv[2]]()));
} finally {
  await client.close();
}
