-- Facts by run, names once. Version 3: a filter on run_id touches the facts of that run alone, and a domain has a number.
--
-- The tables of facts begin with the run, in the order in which the replay learned them. Where a fact names an RCU flavour or a srcu_struct, the
-- table has its number, and a view shows the name.

DROP VIEW span;
DROP VIEW thread;

-- What grace periods belong to: RCU flavours and srcu_structs.
CREATE TABLE domain (
  run_id    INTEGER NOT NULL REFERENCES run,
  domain_id INTEGER NOT NULL, -- number within the run
  name      TEXT NOT NULL,    -- rcu_preempt, rcu_sched, or the name of the srcu_struct
  PRIMARY KEY (run_id, domain_id),
  UNIQUE (run_id, name)
) WITHOUT ROWID;

-- Tasks, by what the facts say of them.
CREATE TABLE thread (
  run_id     INTEGER NOT NULL REFERENCES run,
  tid        INTEGER NOT NULL, -- as in the facts
  comm       TEXT NOT NULL,    -- the last of its names
  names      INTEGER NOT NULL, -- how many it had
  first_ns   INTEGER NOT NULL, -- first fact of it
  running_ns INTEGER,          -- time on CPUs; NULL: not recorded
  PRIMARY KEY (run_id, tid)
) WITHOUT ROWID;

-- CPUs, by what was recorded of them.
CREATE VIEW cpu AS
SELECT run_id,
       cpu,        -- as in the facts
       first_ns,   -- time of its first record
       last_ns,    -- end of the trace
       recorded_ns -- first to last, less the time between two traces
FROM cpu_span WHERE "of" = 'any';

-- ── Facts: made from schema/facts by npm test -- test/schema/facts -u ───────────────────────────────────────────────────────

INSERT INTO domain (run_id, domain_id, name)
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY name), name FROM (
  SELECT run_id, flavor AS name FROM grace_period
  UNION SELECT run_id, domain AS name FROM sync_wait
  UNION SELECT run_id, domain AS name FROM sync_wait_phase
  UNION SELECT run_id, domain AS name FROM srcu_reader
  UNION SELECT run_id, flavor AS name FROM rcu_blocker
  UNION SELECT run_id, flavor AS name FROM callback
);

-- As stored.
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
INSERT INTO _grace_period
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), (SELECT domain_id FROM domain AS d WHERE d.run_id = f.run_id AND d.name = f.flavor), gp_seq, expedited, request_ns, start_ns, init_done_ns, last_report_ns, end_ns, confidence, holdouts FROM grace_period AS f;
DROP TABLE grace_period;

-- RCU and SRCU grace periods.
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

-- As stored.
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
INSERT INTO _sync_wait
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), api, (SELECT domain_id FROM domain AS d WHERE d.run_id = f.run_id AND d.name = f.domain), comm, tid, start_ns, end_ns, metric, root_kind, confidence FROM sync_wait AS f;
DROP TABLE sync_wait;

-- Calls that wait for grace periods: synchronize_rcu, synchronize_srcu, rcu_barrier, …
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

-- As stored.
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
INSERT INTO _sync_wait_phase
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), api, (SELECT domain_id FROM domain AS d WHERE d.run_id = f.run_id AND d.name = f.domain), tid, wait_ns, phase, start_ns, end_ns FROM sync_wait_phase AS f;
DROP TABLE sync_wait_phase;

-- Phases of waits for RCU and SRCU grace periods: they follow each other and fill the wait.
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

-- As stored.
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
INSERT INTO _srcu_reader
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), (SELECT domain_id FROM domain AS d WHERE d.run_id = f.run_id AND d.name = f.domain), comm, tid, start_ns, end_ns FROM srcu_reader AS f;
DROP TABLE srcu_reader;

-- SRCU read-side critical sections.
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

-- As stored.
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
INSERT INTO _rcu_blocker
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), (SELECT domain_id FROM domain AS d WHERE d.run_id = f.run_id AND d.name = f.flavor), gp_seq, cpu, tid, comm, start_ns, end_ns, nmi_ns, hardirq_ns, softirq_ns, cause FROM rcu_blocker AS f;
DROP TABLE rcu_blocker;

-- CPUs and tasks that a grace period waited for.
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

ALTER TABLE context_span RENAME TO _old_context_span;

-- Interrupt contexts.
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
INSERT INTO context_span
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), cpu, kind, name, start_ns, end_ns FROM _old_context_span AS f;
DROP TABLE _old_context_span;

ALTER TABLE task_state RENAME TO _old_task_state;

-- States of tasks.
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
INSERT INTO task_state
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), tid, comm, state, cpu, start_ns, end_ns FROM _old_task_state AS f;
DROP TABLE _old_task_state;

ALTER TABLE work_item RENAME TO _old_work_item;

-- Items of workqueues.
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
INSERT INTO work_item
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), work, function, workqueue, queued_ns, activated_ns, start_ns, end_ns, tid, cpu FROM _old_work_item AS f;
DROP TABLE _old_work_item;

-- As stored.
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
INSERT INTO _callback
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), (SELECT domain_id FROM domain AS d WHERE d.run_id = f.run_id AND d.name = f.flavor), function, queued_ns, invoked_ns, cpu FROM callback AS f;
DROP TABLE callback;

-- RCU callbacks from call_rcu to their invocation.
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

ALTER TABLE lock_hold RENAME TO _old_lock_hold;

-- Times for which a task held a lock.
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
INSERT INTO lock_hold
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), class_id, tid, cpu, read, trylock, start_ns, end_ns FROM _old_lock_hold AS f;
DROP TABLE _old_lock_hold;

ALTER TABLE lock_wait RENAME TO _old_lock_wait;

-- Times for which a task waited for a lock.
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
INSERT INTO lock_wait
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), class_id, tid, start_ns, end_ns, owner_tid FROM _old_lock_wait AS f;
DROP TABLE _old_lock_wait;

ALTER TABLE lock_edge RENAME TO _old_lock_edge;

-- Lock order: to_class was acquired while from_class was held.
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
INSERT INTO lock_edge
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), from_class, to_class, dependency, count, held_event, acquire_event, tid, context FROM _old_lock_edge AS f;
DROP TABLE _old_lock_edge;

ALTER TABLE wait_edge RENAME TO _old_wait_edge;

-- Who waits for whom.
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
INSERT INTO wait_edge
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), rule, from_node, to_node, start_ns, end_ns FROM _old_wait_edge AS f;
DROP TABLE _old_wait_edge;

-- ── Views over them ────────────────────────────────────────────────────────────────────────────────────────────────────────

INSERT INTO thread (run_id, tid, comm, names, first_ns, running_ns)
SELECT run_id, tid, comm, names, first_ns, running_ns FROM (
  -- SQLite takes the name of the row that has the maximum.
  SELECT run_id, tid, comm, count(DISTINCT comm) AS names, min(start_ns) AS first_ns, sum(ran_ns) AS running_ns, max(start_ns)
  FROM (
    SELECT run_id, tid, comm, start_ns, CASE state WHEN 'running' THEN end_ns - start_ns END AS ran_ns FROM task_state
    UNION ALL SELECT run_id, tid, comm, start_ns, NULL FROM sync_wait
    UNION ALL SELECT run_id, tid, comm, start_ns, NULL FROM srcu_reader
    UNION ALL SELECT run_id, tid, comm, start_ns, NULL FROM rcu_blocker WHERE tid IS NOT NULL AND comm IS NOT NULL
  ) GROUP BY run_id, tid
);

-- Everything that has a beginning and a length, in one shape: what was where, and when.
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

