// The rooms of src/replay and what each may see (docs/ARCHITECTURE.md "Rooms of the replay"). Every room sees schema, core and itself.
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

/** All but the two rooms that no other kernel mechanism may ask. */
const MECHANISMS = ['model/cpu', 'model/task', 'model/work', 'model/rcu', 'model/srcu', 'model/sync', 'model/inferred'];
const MODELS = [...MECHANISMS, 'model/lock', 'model/log'];
const RECORD = ['knowledge', ...MODELS, 'record'];

/** Lowest first: a room sees the rooms named here and no other. */
const ROOMS = {
  core: [],
  knowledge: [],
  'model/cpu': ['knowledge'],
  'model/task': ['knowledge', 'model/cpu'],
  'model/work': ['knowledge', 'model/cpu', 'model/task'],
  'model/rcu': ['knowledge', 'model/cpu', 'model/task'],
  'model/srcu': ['knowledge', 'model/cpu', 'model/task', 'model/work'],
  'model/sync': ['knowledge', 'model/cpu', 'model/task', 'model/work', 'model/rcu', 'model/srcu'],
  'model/inferred': ['knowledge', ...MECHANISMS, 'model/log'],
  'model/lock': ['knowledge', 'model/cpu'],
  'model/log': ['knowledge'],
  'model/kernel-age': ['knowledge'],
  'model/measures': ['knowledge', ...MODELS],
  'model/models': ['knowledge', ...MODELS, 'model/kernel-age'],
  record: ['knowledge', ...MODELS, 'model/models'],
  snapshot: ['knowledge', ...MODELS, 'model/models'],
  instant: ['knowledge', ...MODELS, 'model/models'],
  'judge/finding-id': [],
  'judge/merge': [],
  'judge/chain': RECORD,
  'judge/storm': [...RECORD, 'judge/finding-id', 'judge/chain'],
  'judge/stall': [...RECORD, 'judge/finding-id', 'judge/chain', 'judge/storm'],
  'judge/wait': [...RECORD, 'judge/finding-id', 'judge/chain', 'judge/stall'],
  'judge/lock': [...RECORD, 'judge/finding-id'],
  'judge/log': [...RECORD, 'judge/finding-id', 'judge/chain'],
  'judge/assess': [...RECORD, 'judge/stall'],
  'judge/index': [...RECORD, 'judge/'],
  'what-if': [...RECORD, 'judge/'],
  roots: [],
  engine: ['knowledge', 'model/', 'record', 'judge/'],
};

/** Not yet as it should be: each line goes when its import does. */
const EXCEPTIONS = [];

const ROOT = '^src/replay/';
/** `model/` is everything below it, `model/rcu` a folder or a file of that name. */
const paths = (rooms) => `${ROOT}(${rooms.map((room) => (room.endsWith('/') ? room : `${room}[/.]`)).join('|')})`;

const rooms = Object.entries(ROOMS).map(([room, below]) => {
  const allowed = EXCEPTIONS.filter(([from]) => from === room).map(([, to]) => to);
  return {
    name: `replay-${room.replace('/', '-')}`,
    comment: 'Arrows point downward, from room to room.',
    severity: 'error',
    from: { path: paths([room]) },
    to: { path: ROOT, pathNot: paths(['core', room, ...below, ...allowed]) },
  };
});

/** A file that is in no room is under no rule. */
const homeless = {
  name: 'replay-rooms-are-complete',
  comment: 'Give the file a room in test/architecture/replay-rooms.cjs.',
  severity: 'error',
  from: { path: ROOT, pathNot: paths(Object.keys(ROOMS)) },
  to: {},
};

const tsFiles = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? tsFiles(join(folder, entry.name)) : [join(folder, entry.name)],
  );

/** Files in which a model lives, as opposed to those of the plain data that models leave. */
const modelFiles = tsFiles('src/replay/model').filter((file) =>
  /class \w+ implements \w*Model\b/.test(readFileSync(file, 'utf8')),
);

const plainData = {
  name: 'judges-read-data',
  comment: 'A judge reads the record: of a model it may know the types of what that leaves, never the model.',
  severity: 'error',
  from: { path: paths(['judge/', 'what-if']) },
  to: { path: `^(${modelFiles.join('|')})$`, dependencyTypesNot: ['type-only'] },
};

module.exports = [...rooms, homeless, plainData];
