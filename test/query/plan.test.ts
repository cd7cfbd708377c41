/** Recording plans: what detectors need, as commands for the kernel at hand. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FINDING_KINDS, kindRow, METRIC_NAMES, METRICS, type RecordingPlan } from '../../schema/index.ts';
import { eventNames, RECORDABLES } from '../../src/plan/recordable-events.ts';
import { planRecordings } from '../../src/plan/recording-plan.ts';
import { readTracefs, type TracefsTarget } from '../../src/plan/tracefs-target.ts';
import { PROBE_ROLES } from '../../src/replay/knowledge/probe-roles.ts';
import { quiesce } from '../support/command-line.ts';
import { replayText } from '../support/replay-capture.ts';
import { folderOfTest } from '../support/temporary-folder.ts';

const everything = { kinds: FINDING_KINDS, metrics: [], durationS: 30 };
const shown = new Set(RECORDABLES.flatMap(({ shows }) => shows));

/** A kernel with all events and functions, less some. */
function kernelWithout(...left: string[]): TracefsTarget {
  const has = (name: string) => !left.some((pattern) => name.startsWith(pattern));
  return {
    path: '/sys/kernel/tracing',
    events: new Set(
      RECORDABLES.filter(({ type }) => type === 'tracepoint')
        .map(({ id }) => id)
        .filter(has),
    ),
    functions: new Set(
      RECORDABLES.filter(({ type }) => type === 'kprobe')
        .map(({ id }) => id)
        .filter(has),
    ),
    kprobes: has('kprobes'),
  };
}

function planFor(...names: string[]): RecordingPlan['recordings'][number] {
  return planRecordings(
    {
      ...everything,
      kinds: FINDING_KINDS.filter((kind) => names.includes(kind)),
      metrics: METRIC_NAMES.filter((name) => names.includes(name)),
    },
    undefined,
  ).recordings[0];
}

describe('what is planned', () => {
  it('covers every requirement of every detector', () => {
    for (const kind of FINDING_KINDS) {
      const { recordings } = planRecordings({ ...everything, kinds: [kind] }, undefined);
      for (const { anyOf, name } of kindRow(kind).needs.events) {
        if (anyOf.includes('<log>') || anyOf.includes('<context-flags>')) continue;
        const [{ events, kprobes, stacks }] = recordings;
        const recorded = [
          ...events.map((event) => event.replace(/^.*:/, '')),
          ...kprobes.map((line) => line.replace(/^\w+:(\S+) .*/, '$1')),
          ...(stacks ? ['<stacks>'] : []),
        ];
        const shown = anyOf.some((need) => [need].flat().every((event) => recorded.includes(event)));
        expect([kind, name, shown]).toEqual([kind, name, true]);
      }
    }
  });

  it('names only events that it knows how to record', () => {
    const helpful = FINDING_KINDS.flatMap((kind) => kindRow(kind).needs.helpful);
    for (const need of [...helpful, ...Object.values(METRICS).flatMap(({ events }) => events)]) {
      expect([need, eventNames(need).length > 0]).toEqual([need, true]);
      for (const name of eventNames(need)) expect(shown).toContain(name);
    }
  });

  it('probes functions that the models understand (E1.9), so that a recording of it is read', async () => {
    const { kprobes } = planFor('blocked-sync');
    for (const line of kprobes) expect(PROBE_ROLES.has(line.split(' ')[1])).toBe(true);
    expect(kprobes).toContain('p:synchronize_srcu synchronize_srcu ssp=$arg1:symbol');
    expect(kprobes).toContain('r64:synchronize_srcu_ret synchronize_srcu');
    // What such a probe prints.
    const { facts } = await replayText(`# tracer: nop
       closer-7       [000] .....     5.000000: synchronize_srcu: (synchronize_srcu+0x4/0x170) ssp=tracepoint_srcu+0x0/0x1c0
       closer-7       [000] d....     5.000100: sched_switch: prev_comm=closer prev_pid=7 prev_prio=120 prev_state=D ==> next_comm=swapper/0 next_pid=0 next_prio=120
       <idle>-0       [000] d....     7.000000: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=closer next_pid=7 next_prio=120
       closer-7       [000] .....     7.000100: synchronize_srcu_ret: (tracepoint_probe_unregister+0x20/0x90 <- synchronize_srcu)
`);
    expect(facts.syncWaits).toMatchObject([{ api: 'synchronize_srcu', domain: 'tracepoint_srcu', tid: 7 }]);
  });

  it('records locks apart from everything else, unless told otherwise', () => {
    const apart = planRecordings(everything, undefined).recordings;
    expect(apart.map(({ name, tier }) => [name, tier])).toEqual([
      ['hangs', 'moderate'],
      ['locks', 'heavy'],
    ]);
    expect(apart[0].events).not.toContain('lock:lock_acquire');
    const [together] = planRecordings({ ...everything, together: true }, undefined).recordings;
    expect(together.events).toEqual(expect.arrayContaining(['lock:lock_acquire', 'rcu:rcu_grace_period']));
  });

  it('never records a beginning without its end', () => {
    for (const tier of ['light', 'moderate', 'heavy'] as const)
      for (const { events } of planRecordings({ ...everything, tier }, undefined).recordings)
        for (const name of events) {
          const other = name
            .replace(/_(entry|exit)$/, (_, end) => (end === 'entry' ? '_exit' : '_entry'))
            .replace('lock_acquire', 'lock_release')
            .replace(/execute_(start|end)$/, (_, end) => (end === 'start' ? 'execute_end' : 'execute_start'));
          if (RECORDABLES.some(({ id }) => id === other)) expect(events).toContain(other);
        }
  });

  it('leaves out for a lighter tier what no verdict depends on, and says so', () => {
    const request = {
      kinds: ['rcu-stall', 'blocked-sync'] as const,
      metrics: [],
      durationS: 30,
      tier: 'light' as const,
    };
    const [light] = planRecordings(request, undefined).recordings;
    expect(light.tier).toBe('light');
    expect(light.events_per_second).toBeLessThanOrEqual(5000);
    expect(light.events).toEqual(expect.arrayContaining(['sched:sched_switch', 'rcu:rcu_grace_period']));
    expect(light.missing.length).toBeGreaterThan(0);
    for (const { consequence } of light.missing) expect(consequence).toMatch(/^left out: more than light: /);
    const [locks] = planRecordings({ ...request, kinds: ['lock-inversion'] }, undefined).recordings;
    expect([locks.tier, locks.missing]).toEqual(['heavy', []]);
  });

  it('makes the buffer as large as the rate asks for', () => {
    const light = planFor('nmi-storm');
    const heavy = planFor('lock-inversion');
    expect(light.buffer_kb).toBe(8192);
    expect(heavy.buffer_kb).toBeGreaterThan(16_384);
    // tracefs alone: the whole recording has to fit.
    expect(heavy.buffer_kb_tracefs * 1024).toBeGreaterThan(heavy.events_per_second * 30 * 50);
  });
});

describe('a plan for a kernel', () => {
  it('without CONFIG_RCU_TRACE and lockdep says what only the log decides, and what it would take', () => {
    const plan = planRecordings(everything, kernelWithout('rcu:rcu_', 'lock:lock_'));
    expect(plan.recordings.map(({ name }) => name)).toEqual(['hangs']);
    const stall = plan.from_log.find(({ kind }) => kind === 'rcu-stall');
    expect(stall).toEqual({
      kind: 'rcu-stall',
      needs: ['rcu:rcu_grace_period (CONFIG_RCU_TRACE)'],
      reports: ['rcu-stall'],
    });
    expect(plan.from_log.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['lock-inversion', 'wait-context', 'soft-lockup']),
    );
    expect(plan.recordings[0].kinds).toEqual(expect.arrayContaining(['blocked-sync', 'hung-task', 'nmi-storm']));
  });

  it('without NMI events says what is weaker', () => {
    const [{ missing, events }] = planRecordings(
      { ...everything, kinds: ['rcu-stall'] },
      kernelWithout('nmi:'),
    ).recordings;
    expect(events).not.toContain('nmi:nmi_handler');
    expect(missing).toEqual([
      {
        name: 'nmi:nmi_handler (x86)',
        wanted_by: ['rcu-stall'],
        consequence: 'not on this kernel: NMI time is invisible',
      },
    ]);
  });

  it('probes the name that the compiler gave a function, without arguments that it changed', () => {
    const target = kernelWithout('try_check_zero');
    const functions = new Set([...(target.functions ?? []), 'try_check_zero.isra.0', 'try_check_zero.isra.0.cold']);
    const [{ kprobes }] = planRecordings(
      { ...everything, kinds: ['blocked-sync'] },
      { ...target, functions },
    ).recordings;
    expect(kprobes).toContain('p:try_check_zero try_check_zero.isra.0');
    const [without] = planRecordings({ ...everything, kinds: ['blocked-sync'] }, target).recordings;
    expect(without.kprobes.join('\n')).not.toContain('try_check_zero');
  });

  it('that cannot be probed relies on stacks', () => {
    const [{ kprobes, stacks, missing }] = planRecordings(
      { ...everything, kinds: ['blocked-sync'] },
      kernelWithout('kprobes'),
    ).recordings;
    expect([kprobes, stacks]).toEqual([[], true]);
    expect(missing.map(({ name }) => name)).toContain('synchronize_rcu (CONFIG_KPROBE_EVENTS)');
  });

  it('is read from tracefs', () => {
    const folder = folderOfTest();
    expect(readTracefs(folder)).toBeUndefined();
    writeFileSync(join(folder, 'available_events'), 'sched:sched_switch\nnmi:nmi_handler\n');
    expect(readTracefs(folder)).toEqual({
      path: folder,
      events: new Set(['sched:sched_switch', 'nmi:nmi_handler']),
      functions: undefined,
      kprobes: false,
    });
    writeFileSync(join(folder, 'kprobe_events'), '');
    expect(readTracefs(folder)?.kprobes).toBe(true);
    writeFileSync(
      join(folder, 'available_filter_functions'),
      'synchronize_rcu\nnf_ct_get [nf_conntrack]\n__do_softirq (a b)\n',
    );
    expect(readTracefs(folder)?.functions).toEqual(new Set(['synchronize_rcu', 'nf_ct_get', '__do_softirq']));
  });
});

describe('the commands', () => {
  it('ask perf for nothing that the kernel does not let it sample', () => {
    const [{ commands }] = planRecordings({ ...everything, kinds: ['irq-storm'] }, undefined).recordings;
    expect(commands['trace-cmd'].record[0]).toContain('irq_work_exit');
    expect(commands.perf.record[0]).not.toContain('irq_work_');
  });

  it('record the same events with every tool, and leave nothing behind', () => {
    for (const recording of planRecordings(everything, undefined).recordings) {
      const probes = recording.kprobes.map((line) => line.replace(/^\w+:(\S+) .*/, '$1'));
      for (const [tool, { prepare, record, restore }] of Object.entries(recording.commands)) {
        const text = [...prepare, ...record].join('\n');
        for (const event of recording.events.filter((name) => tool !== 'perf' || !name.includes('irq_work_')))
          expect([
            tool,
            text.includes(tool === 'tracefs' ? `events/${event.replace(':', '/')}/enable` : event),
          ]).toEqual([tool, true]);
        for (const probe of probes) {
          expect(text).toContain(tool === 'tracefs' ? `events/kprobes/${probe}/enable` : `kprobes:${probe}`);
          expect(restore.join('\n')).toContain(`echo '-:${probe}' >>`);
        }
        expect(record.join('\n')).toContain('quiesce replay');
        expect(record).toContainEqual(expect.stringMatching(/^dmesg > /));
      }
      expect(recording.commands['trace-cmd'].record[0]).toMatch(
        /^trace-cmd record -C mono -b \d+ -e .* -o \w+\.dat sleep 30$/,
      );
      expect(recording.commands.perf.record[0]).toMatch(
        /^perf record -a -k mono -m \d+M -e .* -o \w+\.perf\.data -- sleep 30$/,
      );
    }
  });

  it('set and remove the stack trigger where stacks are wanted', () => {
    const { commands } = planFor('blocked-sync');
    expect(commands['trace-cmd'].prepare).toContain(
      "echo 'stacktrace if prev_state == 2' > /sys/kernel/tracing/events/sched/sched_switch/trigger",
    );
    expect(commands['trace-cmd'].restore).toContain(
      "echo '!stacktrace if prev_state == 2' > /sys/kernel/tracing/events/sched/sched_switch/trigger",
    );
    expect(commands.perf.record[0]).toContain("-e 'sched:sched_switch/call-graph=fp/'");
    expect(planFor('nmi-storm').commands['trace-cmd'].prepare).toEqual([]);
  });

  it('do what the samples were recorded with', () => {
    // samples/README.md has the commands that made the recordings of this repository.
    const readme = readFileSync(new URL('../../samples/README.md', import.meta.url), 'utf8');
    const { kprobes, events } = planFor('blocked-sync', 'rcu-stall');
    for (const name of ['synchronize_srcu', 'synchronize_rcu', 'process_srcu', 'try_check_zero', '__srcu_read_lock']) {
      expect(readme).toContain(`p:${name}`);
      expect(kprobes.some((line) => line.startsWith(`p:${name} `))).toBe(true);
    }
    expect(events).toEqual(expect.arrayContaining(['sched:sched_switch', 'sched:sched_waking', 'nmi:nmi_handler']));
  });
});

describe('quiesce plan', () => {
  const fakeTracefs = (events: readonly string[]) => {
    const folder = folderOfTest();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'available_events'), `${events.join('\n')}\n`);
    return folder;
  };

  it('prints a shell script: every line is a comment, a command, or a part of one', async () => {
    const { status, out } = await quiesce('plan', '--any-kernel');
    expect(status).toBe(0);
    expect(out).toMatch(/^# for any kernel/);
    expect(out).toMatch(/^# ── hangs ─/m);
    expect(out).toMatch(/^# ── locks ─/m);
    for (const line of out.replace(/\\\n\s*/g, '').split('\n'))
      expect(line).toMatch(/^$|^#|^(echo|trace-cmd record|dmesg|quiesce replay) /);
  });

  it('looks at the kernel named, and says what is not there', async () => {
    const tracefs = fakeTracefs(['sched:sched_switch', 'sched:sched_waking']);
    const { out } = await quiesce('plan', '--for', 'hung-task,nmi-storm', '--tracefs', tracefs);
    expect(out).toContain(`# for the kernel at ${tracefs}`);
    expect(out).toMatch(
      /nmi-storm: reported by the kernel as perf-interrupt, nmi-handler-long; events would need\s+#?\s*nmi:nmi_handler \(x86\)/,
    );
    expect(out).not.toContain('-e nmi:nmi_handler');
    // Nothing was written: looking is all that a plan does.
    expect(readdirSync(tracefs)).toEqual(['available_events']);
  });

  it('prints quiesce.plan/1', async () => {
    const { out } = await quiesce('plan', '--any-kernel', '--json', '--for', 'rcu-gp', '--duration', '2m');
    const plan = JSON.parse(out) as RecordingPlan;
    expect(plan).toMatchObject({
      schema: 'quiesce.plan/1',
      tracefs: null,
      duration_s: 120,
      recordings: [{ kinds: [], metrics: ['rcu-gp'], tier: 'light' }],
    });
    expect(plan.recordings[0].commands.perf.record[0]).toContain('sleep 120');
  });

  it('serves every recorder', async () => {
    expect((await quiesce('plan', '--any-kernel', '--recorder', 'perf')).out).toContain('perf record -a');
    expect((await quiesce('plan', '--any-kernel', '--recorder', 'tracefs')).out).toContain(
      'echo 1 > /sys/kernel/tracing/tracing_on',
    );
  });

  it('says what is wrong with its arguments', async () => {
    expect(await quiesce('plan', '--for', 'stall')).toMatchObject({
      status: 2,
      err: expect.stringContaining("'stall' is no finding and no metric"),
    });
    expect(await quiesce('plan', '--tracefs', '/nowhere')).toMatchObject({
      status: 2,
      err: expect.stringContaining('/nowhere: available_events cannot be read'),
    });
    expect(await quiesce('plan', '--duration', '10ms')).toMatchObject({
      status: 2,
      err: expect.stringContaining('at least 1s'),
    });
    expect(await quiesce('plan', '--recorder', 'lttng')).toMatchObject({ status: 2 });
  });
});
