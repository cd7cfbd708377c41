// Who may import whom (docs/ARCHITECTURE.md "Layers"). Run by `npm run layers`.
const replayRooms = require('./replay-rooms.cjs');

const only = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(schema|parsers|src)/', pathNot: to },
});
const exclusive = (pkg, owners, comment) => ({
  name: `${pkg.replace(/\W/g, '-')}-has-one-owner`,
  comment,
  severity: 'error',
  from: { path: '^(schema|parsers|src)/', pathNot: owners },
  to: { path: `^node_modules/${pkg}/` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('schema-imports-nothing', '^schema/', '^schema/', 'The vocabulary stands alone.'),
    only('parsers-see-schema', '^parsers/', '^(schema|parsers)/', 'Bytes to events: no store, no models.'),
    only('replay-is-pure', '^src/replay/', '^(schema|src/replay)/', 'Models see events, never files or SQL.'),
    ...replayRooms,
    only('store-sees-schema', '^src/store/', '^(schema|src/(store|histogram))/', 'SQLite lives in one room.'),
    only('histogram-stands-alone', '^src/histogram/', '^src/histogram/', 'Arithmetic only.'),
    only(
      'ingest-joins',
      '^src/ingest/',
      '^(schema|parsers|src/ingest)/',
      'Captures to ordered batches: no store, no models.',
    ),
    only(
      'jobs-drive',
      '^src/jobs/',
      '^(schema|src/(jobs|ingest|query|store|replay|histogram))/',
      'The one place where captures, store and models meet.',
    ),
    only(
      'job-threads-carry',
      '^src/jobs/(source|target)/',
      '^(schema|src/(jobs/(source|target)|ingest|store|replay/engine))',
      'Where batches come from and go to, in whichever thread; no job.',
    ),
    only(
      'query-reads-store',
      '^src/query/',
      '^(schema|src/(query|store|histogram|replay/knowledge/stack))/',
      'Queries see the store only, and what is known of stack frames.',
    ),
    only(
      'compare-reads-queries',
      '^src/compare/',
      '^(schema|src/(compare|query|store|histogram))/',
      'Statistics over what queries read.',
    ),
    only(
      'fleet-gathers',
      '^src/fleet/',
      '^(schema|src/(fleet|compare|query|store|histogram))/',
      'What is known of runs goes to a fleet, and reports come from there.',
    ),
    only(
      'plan-reads-knowledge',
      '^src/plan/',
      '^(schema|src/(plan|replay/knowledge))/',
      'What to record follows from what detectors need.',
    ),
    only(
      'report-formats',
      '^src/(report|export)/',
      '^(schema|src/(report|export|query|store|histogram|replay/(knowledge/stack|roots)))/',
      'Text and files from results.',
    ),
    only(
      'symbols-stand-alone',
      '^src/symbols/',
      '^(schema|src/symbols)/',
      'Object files and the tools that read them.',
    ),
    exclusive('better-sqlite3', '^src/store/', 'Only the store knows SQLite.'),
    exclusive('commander', '^src/cli/', 'Only the command line parses arguments.'),
    exclusive('cli-progress', '^src/cli/', 'Only the command line draws progress.'),
    exclusive('picocolors', '^src/(cli|report)/', 'Colours are a matter of presentation.'),
    exclusive('stream-json', '^parsers/trace-json/', 'JSON captures are read in one place.'),
    exclusive('@duckdb', '^src/fleet/lake/', 'A lake is read in one place.'),
    exclusive('hyparquet', '^src/fleet/lake/', 'And written there.'),
    exclusive('hyparquet-writer', '^src/fleet/lake/', 'And written there.'),
    exclusive('@clickhouse', '^src/fleet/clickhouse/', 'ClickHouse is spoken to in one place.'),
    exclusive('zstddec', '^parsers/zstd/', 'Decompression belongs to the byte sources.'),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
};
