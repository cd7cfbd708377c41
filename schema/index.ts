/** The vocabulary of quiesce: everything that crosses a layer. */
export * from './comparison.ts';
export * from './context-flags.ts';
export * from './diagnostics.ts';
export * from './dictionary.ts';
export * from './event-batch.ts';
export * from './event-catalog.ts';
export * from './event-cursor.ts';
export * from './event-fields.ts';
export * from './facts.ts';
export * from './findings.ts';
export * from './log-report.ts';
export * from './profile.ts';
export * from './recording-plan.ts';
export * from './results.ts';
export * from './state.ts';
export * from './units.ts';
