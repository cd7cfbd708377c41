-- The layout of a store of version 3, as a new one gets it. Made from schema/migrations by npm test -- test/store/layout -u

CREATE TABLE store_info (
  key   TEXT PRIMARY KEY, -- schema: version of this layout, also in PRAGMA user_version
  value TEXT NOT NULL     -- its value
) WITHOUT ROWID;

CREATE TABLE run (
  run_id          INTEGER PRIMARY KEY, -- 1, 2, … in the order of ingest
  name            TEXT NOT NULL,       -- --name, or the name of the first capture
  boot            INTEGER NOT NULL,    -- 0-based boot within the captures; above 0 only for logs of several boots
  release         TEXT,                -- kernel release, when the captures tell it
  kernel          TEXT NOT NULL,       -- kernel profile as resolved by the replay, JSON (schema/profile.ts)
  kernel_given    TEXT NOT NULL,       -- the part of it that the user fixed with --profile, JSON
  kernel_header   TEXT NOT NULL,       -- the part of it that the captures stated before their first event, JSON
  kernel_captured TEXT NOT NULL,       -- the part of it that the captures stated by their end, JSON
  thresholds      TEXT NOT NULL,       -- thresholds in force: given, or else as the log or the kernel's own rules have them, JSON (schema/profile.ts)
  thresholds_given TEXT NOT NULL,      -- the part of them that the user gave, JSON
  stall_timeout_ns INTEGER,            -- age of a normal grace period at which the kernel warns, as the replay concluded from options, log and events; NULL: not replayed
  cpus            INTEGER NOT NULL,    -- CPUs announced or seen
  events          INTEGER NOT NULL,    -- events, markers of quiesce's own not counted
  records         INTEGER NOT NULL,    -- rows of the event tables, markers included
  lost            INTEGER NOT NULL,    -- events that the recorder says it lost
  first_ns        INTEGER NOT NULL,    -- time of the first record of the trace; of the log, when the run has no trace
  last_ns         INTEGER NOT NULL,    -- time of its last record: what is open lasts until here, whatever a log goes on to say
  base_ns         INTEGER NOT NULL,    -- origin of the timeline; 0 unless the clock exceeds 2^53 ns
  span_ns         INTEGER NOT NULL,    -- last_ns - first_ns
  first_event_id  INTEGER NOT NULL,    -- ids of its events: those from here
  last_event_id   INTEGER NOT NULL,    -- to here; below first_event_id when it has none
  replayed        INTEGER NOT NULL,    -- 1: facts and findings are those of a replay · 0: only stored (quiesce ingest)
  kept            TEXT NOT NULL,       -- what of it is here: all · metrics: histograms and findings, no events · findings
  ingested_at     TEXT NOT NULL,       -- when it was stored, UTC: 2026-12-01T02:39:15.123Z
  tool_version    TEXT NOT NULL,       -- quiesce that stored it
  host            TEXT,                -- machine that was recorded, when a capture names it, or the label host does
  content_hash    TEXT,                -- SHA-256 of its captures: the same for the same bytes under other names; NULL: read from a pipe
  string_base     INTEGER NOT NULL,    -- string.string_id of the run's string 0
  type_base       INTEGER NOT NULL,    -- event_type.type_id of the run's event type 0
  frame_base      INTEGER NOT NULL,    -- frame.frame_id of the run's frame 0
  stack_base      INTEGER NOT NULL     -- stack.stack_id of the run's stack 0, the empty one
);

CREATE INDEX run_by_content ON run (content_hash, boot);

CREATE TABLE run_label (
  run_id INTEGER NOT NULL REFERENCES run,
  key    TEXT NOT NULL,
  value  TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) WITHOUT ROWID;

CREATE INDEX run_label_by_value ON run_label (key, value);

CREATE TABLE capture (
  capture_id            INTEGER PRIMARY KEY, -- number in this file
  run_id                INTEGER NOT NULL REFERENCES run,
  path                  TEXT NOT NULL,       -- as given on the command line
  format                TEXT NOT NULL,       -- layout as recognised: trace-cmd report, ftrace text, kernel log, …
  clock                 TEXT,                -- trace clock, when the capture names it
  ns_per_tick           REAL,                -- length of a tick, when the clock does not count nanoseconds and the captures prove it
  rate_from             TEXT,                -- what proves it
  hostname              TEXT,                -- machine, when the capture names it
  bytes                 INTEGER,             -- its size; NULL: read from a pipe
  content_hash          TEXT,                -- SHA-256 of its bytes; NULL: read from a pipe
  first_ns              INTEGER,             -- time of its first record on the run's timeline; NULL: it has none in this boot
  last_ns               INTEGER,             -- time of its last record
  offset_ns             INTEGER,             -- added to the capture's own times; NULL for the capture that sets the timeline
  offset_uncertainty_ns INTEGER              -- half width of the interval that the offset is known to lie in
);

CREATE TABLE cpu_span (
  run_id      INTEGER NOT NULL REFERENCES run,
  cpu         INTEGER NOT NULL, -- CPU
  "of"        TEXT NOT NULL,    -- any: by all traces of the run · task, nmi, hardirq, softirq: by those that recorded such events
  first_ns    INTEGER NOT NULL, -- time of its first record
  last_ns     INTEGER NOT NULL, -- end of the trace: a CPU without further records is idle
  recorded_ns INTEGER NOT NULL, -- first to last, less the time between two traces: what shares are of
  PRIMARY KEY (run_id, cpu, "of")
) WITHOUT ROWID;

CREATE TABLE import_issue (
  run_id     INTEGER NOT NULL REFERENCES run,
  capture    TEXT NOT NULL,    -- path of the capture
  kind       TEXT NOT NULL,    -- code of the problem
  severity   TEXT NOT NULL,    -- data-loss, skipped or note
  count      INTEGER NOT NULL, -- how often
  first_line INTEGER,          -- 1-based line of the first occurrence, for text
  first_byte INTEGER,          -- byte offset of the first occurrence, for binary captures
  first_text TEXT NOT NULL     -- excerpt of the first occurrence
);

CREATE TABLE lost_event (
  event_id INTEGER PRIMARY KEY,            -- event.id of the marker
  run_id   INTEGER NOT NULL REFERENCES run,
  ts_ns    INTEGER NOT NULL,               -- time of the marker
  cpu      INTEGER NOT NULL,               -- CPU whose events are missing
  count    INTEGER                         -- number lost, NULL when the recorder does not know
);

CREATE TABLE string (
  string_id INTEGER PRIMARY KEY, -- run.string_base + number within the run
  text      TEXT NOT NULL        -- the text
);

CREATE TABLE event_type (
  type_id  INTEGER PRIMARY KEY,            -- run.type_base + number within the run
  run_id   INTEGER NOT NULL REFERENCES run,
  system   TEXT NOT NULL,                  -- sched, lock, rcu, …; '' when the capture does not say
  name     TEXT NOT NULL,                  -- sched_switch
  shape    TEXT NOT NULL,                  -- tracepoint, kprobe, kretprobe, syscall, sample or marker
  events   INTEGER NOT NULL,               -- events of this type in the run
  relation TEXT                            -- view that shows them, NULL when they are in other_event
, has_rows INTEGER NOT NULL DEFAULT 1);

CREATE TABLE event_field (
  type_id     INTEGER NOT NULL REFERENCES event_type,
  position    INTEGER NOT NULL, -- 0-based
  name        TEXT NOT NULL,    -- as the kernel names it
  type        TEXT NOT NULL,    -- int, hex, ptr or str
  column_name TEXT,             -- column of the view, NULL when it has none
  PRIMARY KEY (type_id, position)
) WITHOUT ROWID;

CREATE TABLE event_table (
  event_name TEXT PRIMARY KEY,     -- as recorded
  relation   TEXT NOT NULL UNIQUE, -- the view; the table is "_ev_" || relation
  has_stack  INTEGER NOT NULL      -- 1: the table has a stack_id column
) WITHOUT ROWID;

CREATE TABLE event_column (
  event_name  TEXT NOT NULL REFERENCES event_table,
  position    INTEGER NOT NULL, -- order of the columns
  field       TEXT NOT NULL,    -- field name as recorded
  class       TEXT NOT NULL,    -- number, or string (a string_id, or the text itself)
  display     TEXT NOT NULL,    -- int, hex, ptr or str: how the view shows it
  column_name TEXT NOT NULL,    -- column of the table and, for the first class of a field, of the view
  PRIMARY KEY (event_name, position)
) WITHOUT ROWID;

CREATE TABLE _other_event (
  id       INTEGER PRIMARY KEY, -- event id
  ts_ns    INTEGER NOT NULL,
  cpu      INTEGER,
  tid      INTEGER,
  comm     INTEGER NOT NULL,    -- string_id
  flags    INTEGER NOT NULL,    -- packed, see context_flags
  stack_id INTEGER,
  type_id  INTEGER NOT NULL,    -- event_type
  fields   TEXT NOT NULL        -- JSON object
);

CREATE VIEW other_event AS
SELECT o.id, r.run_id, o.ts_ns, o.cpu, o.tid,
       CAST((SELECT text FROM string WHERE string_id = o.comm) AS TEXT) AS comm,
       CAST((SELECT text FROM context_flags AS c WHERE c.flags = o.flags) AS TEXT) AS flags,
       CAST((SELECT context FROM context_flags AS c WHERE c.flags = o.flags) AS TEXT) AS context,
       o.stack_id,
       CAST((SELECT name FROM event_type AS t WHERE t.type_id = o.type_id) AS TEXT) AS name, -- kind of event
       o.fields                                                                              -- JSON object, field name → value
FROM _other_event AS o
LEFT JOIN run AS r ON r.run_id = (o.id >> 36) + 1 AND o.id > (r.run_id - 1) << 36 AND o.id <= r.run_id << 36;

CREATE VIEW event_count AS
SELECT run_id,
       name,                                       -- kind of event
       CAST(sum(events) AS INTEGER) AS events
FROM event_type WHERE shape <> 'marker' GROUP BY run_id, name;

CREATE TABLE context_flags (
  flags         INTEGER PRIMARY KEY, -- as stored in the event tables
  text          TEXT,                -- the kernel's five characters, NULL when unknown
  context       TEXT,                -- innermost of nmi, hardirq, softirq, task; NULL when unknown
  irqs_off      INTEGER,             -- 1: hard interrupts disabled; NULL when unknown
  bh_off        INTEGER,             -- 1: bottom halves disabled; NULL when unknown
  need_resched  INTEGER,             -- 1: rescheduling requested; NULL when unknown
  preempt_depth INTEGER,             -- preemption disable depth, saturates at 15; NULL when unknown
  migrate_depth INTEGER              -- migration disable depth, saturates at 15; NULL when unknown
);

CREATE TABLE frame (
  frame_id   INTEGER PRIMARY KEY, -- run.frame_base + number within the run
  symbol_id  INTEGER NOT NULL,    -- string_id of the function
  offset     INTEGER,             -- bytes into the function, NULL when unknown
  module_id  INTEGER,             -- string_id of the module, NULL for the kernel itself
  size       INTEGER,             -- bytes from the function to the next symbol, NULL when unknown
  address_id INTEGER              -- string_id of the address, NULL where the recording has names only
);

CREATE TABLE _stack (
  stack_id INTEGER PRIMARY KEY, -- run.stack_base + number within the run
  frames   TEXT NOT NULL        -- JSON array of frame ids, innermost first
);

CREATE VIEW stack AS
SELECT s.stack_id,                                                               -- as in the events
       f.key AS depth,                                                           -- 0 is the innermost
       f.value AS frame_id,
       (SELECT text FROM string WHERE string_id = frame.symbol_id) AS symbol,    -- function
       frame.offset AS offset,                                                   -- bytes into it
       (SELECT text FROM string WHERE string_id = frame.module_id) AS module,    -- NULL for the kernel itself
       frame.size AS size,                                                       -- bytes to the next symbol
       (SELECT text FROM string WHERE string_id = frame.address_id) AS address   -- 0xffffffff…, of that boot
FROM _stack AS s, json_each(s.frames) AS f JOIN frame ON frame.frame_id = f.value;

CREATE TABLE event_page (
  page_id        INTEGER PRIMARY KEY,
  run_id         INTEGER NOT NULL REFERENCES run,
  page_no        INTEGER NOT NULL, -- 0-based within the run
  first_event_id INTEGER NOT NULL, -- event.id of the first record
  records        INTEGER NOT NULL, -- records in the page
  first_ns       INTEGER NOT NULL, -- time of the first record
  last_ns        INTEGER NOT NULL, -- time of the last record
  body           BLOB NOT NULL     -- the columns
);

CREATE INDEX event_page_by_run ON event_page (run_id, page_no);

CREATE TABLE log_report (
  report_id INTEGER PRIMARY KEY,
  run_id    INTEGER NOT NULL REFERENCES run,
  page_no   INTEGER NOT NULL, -- event_page with which it was read
  ts_ns     INTEGER NOT NULL, -- time of its first line
  kind      TEXT NOT NULL,    -- schema/log-report.ts
  line      INTEGER NOT NULL, -- first line in the capture; 0 when it came from printk:console events
  end_line  INTEGER NOT NULL, -- last line
  cpu       INTEGER,          -- CPU that printed it, when known
  body      TEXT NOT NULL     -- the report, JSON
);

CREATE TABLE lock_class (
  run_id    INTEGER NOT NULL REFERENCES run,
  class_id  INTEGER NOT NULL, -- number within the run
  name      TEXT NOT NULL,    -- as in the events
  instances INTEGER NOT NULL, -- addresses seen
  wait_type TEXT,             -- spin, config, sleep, … as far as known
  usage     TEXT,             -- lockdep's usage characters, as far as observed
  PRIMARY KEY (run_id, class_id)
) WITHOUT ROWID;

CREATE TABLE finding (
  run_id     INTEGER NOT NULL REFERENCES run,
  position   INTEGER NOT NULL, -- order of the report, from 1
  finding_id TEXT NOT NULL,    -- the same in every replay of the capture
  kind       TEXT NOT NULL,    -- rcu-stall, lock-inversion, …
  severity   TEXT NOT NULL,    -- error, warning or info
  confidence TEXT NOT NULL,    -- reported, observed, inferred or predicted
  title      TEXT NOT NULL,    -- the verdict in one line
  start_ns   INTEGER NOT NULL, -- first and
  end_ns     INTEGER NOT NULL, -- last instant at which it held
  identity   TEXT NOT NULL,    -- what it is about, without what differs from boot to boot: the same problem of two runs has the same
  root       INTEGER NOT NULL, -- root_cause.position
  body       TEXT NOT NULL,    -- the whole finding as in --json
  PRIMARY KEY (run_id, position)
) WITHOUT ROWID;

CREATE INDEX finding_by_identity ON finding (identity);

CREATE TABLE root_cause (
  run_id   INTEGER NOT NULL REFERENCES run,
  position INTEGER NOT NULL, -- order of the report, from 1
  root_id  TEXT NOT NULL,    -- root- and the id of its first finding
  kind     TEXT NOT NULL,    -- nmi-storm, cpu-hog, …; of broken rules of locking the kind of the finding
  severity TEXT NOT NULL,    -- that of its worst finding
  identity TEXT NOT NULL,    -- that of its first finding, the cause: what runs are compared by
  title    TEXT NOT NULL,    -- the cause → what it held up → who suffered
  findings INTEGER NOT NULL, -- how many come down to it
  PRIMARY KEY (run_id, position)
) WITHOUT ROWID;

CREATE INDEX root_cause_by_identity ON root_cause (identity);

CREATE TABLE finding_evidence (
  run_id      INTEGER NOT NULL REFERENCES run,
  finding_id  TEXT NOT NULL,
  finding     INTEGER NOT NULL, -- finding.position
  position    INTEGER NOT NULL, -- order, from 1
  event_id    INTEGER,          -- event.id, or
  line        INTEGER,          -- line of the kernel log
  role        TEXT NOT NULL,    -- what it proves
  to_event_id INTEGER,          -- last event.id when it stands for many events: those between the two ids
  events      TEXT,             -- of these names, JSON array; NULL: of any name
  cpu         INTEGER,          -- on this CPU; NULL: on any
  tid         INTEGER,          -- of this task, or naming it; NULL: of any
  PRIMARY KEY (run_id, finding, position)
) WITHOUT ROWID;

CREATE TABLE chain_link (
  run_id     INTEGER NOT NULL REFERENCES run,
  finding_id TEXT NOT NULL,
  finding    INTEGER NOT NULL, -- finding.position
  position   INTEGER NOT NULL, -- order, from 1: the blocked task
  kind       TEXT NOT NULL,    -- task, lock, rcu-gp, srcu-gp, work, reader, cpu, nmi, …
  name       TEXT NOT NULL,
  tid        INTEGER,
  cpu        INTEGER,
  blame_ns   INTEGER NOT NULL, -- exclusive share of the blocked time
  note       TEXT,             -- what it was doing
  parent     INTEGER,          -- position of the link that waits for this one; NULL for the blocked task
  rule       TEXT,             -- edge of the wait-for graph that leads here: W4
  event_id   INTEGER,          -- the event that shows it
  line       INTEGER,          -- or the line of the log
  closes     INTEGER,          -- 1: it is on the way already, it closes the cycle
  PRIMARY KEY (run_id, finding, position)
) WITHOUT ROWID;

CREATE TABLE assessment (
  run_id  INTEGER NOT NULL REFERENCES run,
  kind    TEXT NOT NULL,    -- kind of finding
  status  TEXT NOT NULL,    -- assessed, partial or not-assessed
  missing TEXT NOT NULL,    -- events or inputs that would decide it, JSON array
  note    TEXT NOT NULL,
  PRIMARY KEY (run_id, kind)
) WITHOUT ROWID;

CREATE TABLE histogram (
  run_id     INTEGER NOT NULL REFERENCES run,
  metric     TEXT NOT NULL,    -- rcu-gp, nmi, lock-hold, …
  label      TEXT NOT NULL,    -- handler, lock class, domain, …: what the metric is grouped by
  count      INTEGER NOT NULL, -- finished intervals
  open_count INTEGER NOT NULL, -- intervals still open at the end of the capture, not in the buckets
  min_ns     INTEGER,          -- exact
  max_ns     INTEGER,          -- exact
  sum_ns     INTEGER NOT NULL, -- of the finished ones
  PRIMARY KEY (run_id, metric, label)
) WITHOUT ROWID;

CREATE TABLE histogram_bucket (
  run_id  INTEGER NOT NULL REFERENCES run,
  metric  TEXT NOT NULL,
  label   TEXT NOT NULL,
  bucket  INTEGER NOT NULL, -- number of the bucket (src/histogram/log-linear.ts)
  low_ns  INTEGER NOT NULL, -- smallest and
  high_ns INTEGER NOT NULL, -- largest value that it counts
  count   INTEGER NOT NULL,
  PRIMARY KEY (run_id, metric, label, bucket)
) WITHOUT ROWID;

CREATE TABLE variant_result (
  run_id  INTEGER NOT NULL REFERENCES run,
  variant TEXT NOT NULL,    -- srcu-raw-locks, preempt-rt, …
  no_op   INTEGER NOT NULL, -- 1: the variant changes nothing in this run
  body    TEXT NOT NULL,    -- cleared, remaining and new findings, JSON
  PRIMARY KEY (run_id, variant)
) WITHOUT ROWID;

CREATE TABLE snapshot (
  run_id   INTEGER NOT NULL REFERENCES run,
  event_id INTEGER NOT NULL, -- event.id of the last event that it includes
  ts_ns    INTEGER NOT NULL, -- time of that event
  body     BLOB NOT NULL,    -- format byte, CRC-32, MessagePack (src/store/snapshot-codec.ts)
  PRIMARY KEY (run_id, event_id)
);

CREATE INDEX event_type_without_rows ON event_type (relation) WHERE has_rows = 0;

CREATE TABLE domain (
  run_id    INTEGER NOT NULL REFERENCES run,
  domain_id INTEGER NOT NULL, -- number within the run
  name      TEXT NOT NULL,    -- rcu_preempt, rcu_sched, or the name of the srcu_struct
  PRIMARY KEY (run_id, domain_id),
  UNIQUE (run_id, name)
) WITHOUT ROWID;

CREATE TABLE thread (
  run_id     INTEGER NOT NULL REFERENCES run,
  tid        INTEGER NOT NULL, -- as in the facts
  comm       TEXT NOT NULL,    -- the last of its names
  names      INTEGER NOT NULL, -- how many it had
  first_ns   INTEGER NOT NULL, -- first fact of it
  running_ns INTEGER,          -- time on CPUs; NULL: not recorded
  PRIMARY KEY (run_id, tid)
) WITHOUT ROWID;

CREATE VIEW cpu AS
SELECT run_id,
       cpu,        -- as in the facts
       first_ns,   -- time of its first record
       last_ns,    -- end of the trace
       recorded_ns -- first to last, less the time between two traces
FROM cpu_span WHERE "of" = 'any';

CREATE TABLE _grace_period (
  run_id         INTEGER NOT NULL REFERENCES run,
  fact_no        INTEGER NOT NULL,
  domain_id      INTEGER NOT NULL,
  gp_seq         TEXT,
  expedited      INTEGER NOT NULL,
  request_ns     INTEGER,
  start_ns       INTEGER NOT NULL,
  init_done_ns   INTEGER,
  last_report_ns INTEGER,
  end_ns         INTEGER,
  confidence     TEXT NOT NULL,
  holdouts       TEXT NOT NULL,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE VIEW grace_period AS
SELECT run_id,
       fact_no,        -- number within the run
       CAST((SELECT name FROM domain AS d WHERE d.run_id = f.run_id AND d.domain_id = f.domain_id) AS TEXT) AS flavor, -- rcu_preempt, rcu_sched, or the name of the srcu_struct
       gp_seq,         -- the kernel's sequence number as it prints it, NULL when no event showed it
       expedited,      -- 1: expedited
       request_ns,     -- first request for it
       start_ns,       -- start
       init_done_ns,   -- initialisation of the rcu_node tree finished
       last_report_ns, -- last quiescent state reported
       end_ns,         -- end
       confidence,     -- observed: its events are there · inferred: from what waits for it
       holdouts,       -- CPUs and tasks that reported last, or are still pending
       domain_id       -- number of that name in domain
FROM _grace_period AS f;

CREATE TABLE _sync_wait (
  run_id     INTEGER NOT NULL REFERENCES run,
  fact_no    INTEGER NOT NULL,
  api        TEXT NOT NULL,
  domain_id  INTEGER NOT NULL,
  comm       TEXT NOT NULL,
  tid        INTEGER NOT NULL,
  start_ns   INTEGER NOT NULL,
  end_ns     INTEGER,
  metric     TEXT,
  root_kind  TEXT,
  confidence TEXT NOT NULL,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE VIEW sync_wait AS
SELECT run_id,
       fact_no,    -- number within the run
       api,        -- function called
       CAST((SELECT name FROM domain AS d WHERE d.run_id = f.run_id AND d.domain_id = f.domain_id) AS TEXT) AS domain, -- flavour, or name of the srcu_struct
       comm,       -- task that called
       tid,
       start_ns,
       end_ns,
       metric,     -- latency that counts it: synchronize-rcu, rcu-barrier, …; NULL: part of another call's wait
       root_kind,  -- what it waited for in the end, when known (nmi-storm, cpu-hog, … or another kind of finding)
       confidence, -- observed or inferred
       domain_id   -- number of that name in domain
FROM _sync_wait AS f;

CREATE TABLE _sync_wait_phase (
  run_id    INTEGER NOT NULL REFERENCES run,
  fact_no   INTEGER NOT NULL,
  api       TEXT NOT NULL,
  domain_id INTEGER NOT NULL,
  tid       INTEGER NOT NULL,
  wait_ns   INTEGER NOT NULL,
  phase     TEXT NOT NULL,
  start_ns  INTEGER NOT NULL,
  end_ns    INTEGER NOT NULL,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE VIEW sync_wait_phase AS
SELECT run_id,
       fact_no,   -- number within the run
       api,       -- as in sync_wait
       CAST((SELECT name FROM domain AS d WHERE d.run_id = f.run_id AND d.domain_id = f.domain_id) AS TEXT) AS domain,
       tid,
       wait_ns,   -- sync_wait.start_ns
       phase,     -- WAIT_CURRENT_GP, GP_START_LATENCY, GP_INIT, GP_QS_WAIT, GP_KTHREAD_LATENCY, GP_CLEANUP_WAKE, SRCU_START_LATENCY, SRCU_SCAN, SRCU_CALLBACK_DELAY, SRCU_CALLBACKS, SCHED_LATENCY; joined by + where no event separates them
       start_ns,
       end_ns,
       domain_id  -- number of that name in domain
FROM _sync_wait_phase AS f;

CREATE TABLE _srcu_reader (
  run_id    INTEGER NOT NULL REFERENCES run,
  fact_no   INTEGER NOT NULL,
  domain_id INTEGER NOT NULL,
  comm      TEXT NOT NULL,
  tid       INTEGER NOT NULL,
  start_ns  INTEGER NOT NULL,
  end_ns    INTEGER,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE VIEW srcu_reader AS
SELECT run_id,
       fact_no,   -- number within the run
       CAST((SELECT name FROM domain AS d WHERE d.run_id = f.run_id AND d.domain_id = f.domain_id) AS TEXT) AS domain, -- name of the srcu_struct
       comm,      -- reader
       tid,
       start_ns,
       end_ns,
       domain_id  -- number of that name in domain
FROM _srcu_reader AS f;

CREATE TABLE _rcu_blocker (
  run_id     INTEGER NOT NULL REFERENCES run,
  fact_no    INTEGER NOT NULL,
  domain_id  INTEGER NOT NULL,
  gp_seq     TEXT,
  cpu        INTEGER,
  tid        INTEGER,
  comm       TEXT,
  start_ns   INTEGER NOT NULL,
  end_ns     INTEGER,
  nmi_ns     INTEGER NOT NULL,
  hardirq_ns INTEGER NOT NULL,
  softirq_ns INTEGER NOT NULL,
  cause      TEXT,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE VIEW rcu_blocker AS
SELECT run_id,
       fact_no,    -- number within the run
       CAST((SELECT name FROM domain AS d WHERE d.run_id = f.run_id AND d.domain_id = f.domain_id) AS TEXT) AS flavor, -- that of the grace period
       gp_seq,     -- of the grace period
       cpu,        -- CPU whose quiescent state is pending, or on which the reader runs
       tid,        -- preempted or sleeping reader
       comm,       -- its name
       start_ns,   -- when the grace period began to wait for it
       end_ns,     -- when it reported
       nmi_ns,     -- share of the interval that the CPU spent in NMIs
       hardirq_ns, -- in hard interrupts
       softirq_ns, -- in softirqs
       cause,      -- nmi-storm, cpu-hog, reader-preempted, …; NULL: it lasted less than what is slow, 1 s or a lower threshold
       domain_id   -- number of that name in domain
FROM _rcu_blocker AS f;

CREATE TABLE context_span (
  run_id   INTEGER NOT NULL REFERENCES run,
  fact_no  INTEGER NOT NULL,                -- number within the run
  cpu      INTEGER NOT NULL,
  kind     TEXT NOT NULL,                   -- nmi, hardirq or softirq
  name     TEXT NOT NULL,                   -- handler, vector or softirq action
  start_ns INTEGER NOT NULL,
  end_ns   INTEGER NOT NULL,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE TABLE task_state (
  run_id   INTEGER NOT NULL REFERENCES run,
  fact_no  INTEGER NOT NULL,                -- number within the run
  tid      INTEGER NOT NULL,
  comm     TEXT NOT NULL,
  state    TEXT NOT NULL,                   -- running, runnable, blocked (D) or sleeping
  cpu      INTEGER,                         -- CPU it ran on or waits for
  start_ns INTEGER NOT NULL,
  end_ns   INTEGER,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE TABLE work_item (
  run_id       INTEGER NOT NULL REFERENCES run,
  fact_no      INTEGER NOT NULL,                -- number within the run
  work         TEXT NOT NULL,                   -- address of the work_struct, as printed
  function     TEXT NOT NULL,                   -- work function
  workqueue    TEXT NOT NULL,                   -- '' when the queueing was not recorded
  queued_ns    INTEGER,
  activated_ns INTEGER,                         -- given to a worker pool
  start_ns     INTEGER,                         -- execution
  end_ns       INTEGER,
  tid          INTEGER,                         -- worker
  cpu          INTEGER,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE TABLE _callback (
  run_id     INTEGER NOT NULL REFERENCES run,
  fact_no    INTEGER NOT NULL,
  domain_id  INTEGER NOT NULL,
  function   TEXT NOT NULL,
  queued_ns  INTEGER NOT NULL,
  invoked_ns INTEGER,
  cpu        INTEGER,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE VIEW callback AS
SELECT run_id,
       fact_no,    -- number within the run
       CAST((SELECT name FROM domain AS d WHERE d.run_id = f.run_id AND d.domain_id = f.domain_id) AS TEXT) AS flavor, -- rcu_preempt or rcu_sched
       function,   -- callback function, kvfree_rcu for memory
       queued_ns,  -- call_rcu
       invoked_ns,
       cpu,        -- CPU that invoked it
       domain_id   -- number of that name in domain
FROM _callback AS f;

CREATE TABLE lock_hold (
  run_id   INTEGER NOT NULL REFERENCES run,
  fact_no  INTEGER NOT NULL,                -- number within the run
  class_id INTEGER NOT NULL,                -- lock_class
  tid      INTEGER NOT NULL,                -- holder
  cpu      INTEGER NOT NULL,                -- CPU on which it was acquired
  read     INTEGER NOT NULL,                -- 1: shared
  trylock  INTEGER NOT NULL,                -- 1: acquired by a trylock
  start_ns INTEGER NOT NULL,
  end_ns   INTEGER NOT NULL,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE TABLE lock_wait (
  run_id    INTEGER NOT NULL REFERENCES run,
  fact_no   INTEGER NOT NULL,                -- number within the run
  class_id  INTEGER NOT NULL,                -- lock_class
  tid       INTEGER NOT NULL,                -- waiter
  start_ns  INTEGER NOT NULL,
  end_ns    INTEGER,
  owner_tid INTEGER,                         -- holder when the wait began, when known
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE TABLE lock_edge (
  run_id        INTEGER NOT NULL REFERENCES run,
  fact_no       INTEGER NOT NULL,                -- number within the run
  from_class    INTEGER NOT NULL,                -- lock_class held
  to_class      INTEGER NOT NULL,                -- lock_class acquired under it
  dependency    TEXT NOT NULL,                   -- ER, EN, SR, SN as lockdep names them; several joined by commas
  count         INTEGER NOT NULL,                -- how often
  held_event    INTEGER,                         -- event.id of the first witness: acquisition of the held lock
  acquire_event INTEGER,                         -- event.id of the first witness: acquisition of the new lock
  tid           INTEGER,                         -- task of the first witness
  context       TEXT NOT NULL,                   -- context of the first witness
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE TABLE wait_edge (
  run_id    INTEGER NOT NULL REFERENCES run,
  fact_no   INTEGER NOT NULL,                -- number within the run
  rule      TEXT NOT NULL,                   -- kind of edge: a rule of docs/MODEL.md, chapter 4.1
  from_node TEXT NOT NULL,                   -- waiter
  to_node   TEXT NOT NULL,                   -- what it waits for
  start_ns  INTEGER NOT NULL,
  end_ns    INTEGER,
  PRIMARY KEY (run_id, fact_no)
) WITHOUT ROWID;

CREATE VIEW span AS
SELECT run_id,
       kind,                    -- nmi, hardirq, softirq · running, runnable, blocked, sleeping · lock-hold, lock-wait · rcu-gp, sync-wait, srcu-reader, work, callback
       name,                    -- handler, task, lock class, flavour, function
       cpu,                     -- NULL: of none
       tid,                     -- NULL: of none
       start_ns,
       CAST(end_ns - start_ns AS INTEGER) AS dur_ns -- NULL: still open when the capture ended
FROM (
  SELECT run_id, kind, name, cpu, CAST(NULL AS INTEGER) AS tid, start_ns, end_ns FROM context_span
  UNION ALL SELECT run_id, state, comm, cpu, tid, start_ns, end_ns FROM task_state
  UNION ALL SELECT h.run_id, CAST('lock-hold' AS TEXT), c.name, h.cpu, h.tid, h.start_ns, h.end_ns
            FROM lock_hold AS h JOIN lock_class AS c USING (run_id, class_id)
  UNION ALL SELECT w.run_id, CAST('lock-wait' AS TEXT), c.name, CAST(NULL AS INTEGER), w.tid, w.start_ns, w.end_ns
            FROM lock_wait AS w JOIN lock_class AS c USING (run_id, class_id)
  UNION ALL SELECT run_id, CAST('rcu-gp' AS TEXT), flavor, CAST(NULL AS INTEGER), CAST(NULL AS INTEGER), start_ns, end_ns FROM grace_period
  UNION ALL SELECT run_id, CAST('sync-wait' AS TEXT), api, CAST(NULL AS INTEGER), tid, start_ns, end_ns FROM sync_wait
  UNION ALL SELECT run_id, CAST('srcu-reader' AS TEXT), domain, CAST(NULL AS INTEGER), tid, start_ns, end_ns FROM srcu_reader
  UNION ALL SELECT run_id, CAST('work' AS TEXT), function, cpu, tid, start_ns, end_ns FROM work_item WHERE start_ns IS NOT NULL
  UNION ALL SELECT run_id, CAST('callback' AS TEXT), function, cpu, CAST(NULL AS INTEGER), queued_ns, invoked_ns FROM callback
);
