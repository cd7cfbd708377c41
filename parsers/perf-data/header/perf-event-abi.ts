/**
 * Numbers of the perf_event ABI (include/uapi/linux/perf_event.h of Linux 6.12) and of the records that the perf tool adds
 * (tools/lib/perf/include/perf/event.h).
 */

/** Every record begins with u32 type, u16 misc, u16 size; the size includes this header. */
export const RECORD_HEADER_BYTES = 8;

// Records of the kernel.
export const RECORD_MMAP = 1;
export const RECORD_LOST = 2;
export const RECORD_COMM = 3;
export const RECORD_EXIT = 4;
export const RECORD_THROTTLE = 5;
export const RECORD_UNTHROTTLE = 6;
export const RECORD_FORK = 7;
export const RECORD_SAMPLE = 9;
export const RECORD_MMAP2 = 10;
export const RECORD_AUX = 11;
/** Of an AUX record: there was no room for all of it. */
export const AUX_FLAG_TRUNCATED = 1;
export const RECORD_LOST_SAMPLES = 13;
export const RECORD_KSYMBOL = 17;
/** Records of the kernel have types below this one; those of the tool start here. */
export const RECORD_USER_TYPE_START = 64;

// Records of the tool.
export const RECORD_HEADER_ATTR = 64;
export const RECORD_HEADER_TRACING_DATA = 66;
export const RECORD_HEADER_BUILD_ID = 67;
export const RECORD_FINISHED_ROUND = 68;
export const RECORD_ID_INDEX = 69;
export const RECORD_AUXTRACE = 71;
export const RECORD_EVENT_UPDATE = 78;
export const RECORD_HEADER_FEATURE = 80;
export const RECORD_COMPRESSED = 81;
export const RECORD_COMPRESSED2 = 83;

// Bits of misc.
export const MISC_CPUMODE_MASK = 7;
export const MISC_CPUMODE_KERNEL = 1;
/** FORK: the mappings are not inherited, an exec follows. */
export const MISC_FORK_EXEC = 1 << 13;
/** LOST_SAMPLES: dropped on purpose by a BPF filter, not lost. */
export const MISC_LOST_SAMPLES_BPF = 1 << 15;
/** Of a build id: its length stands behind it. */
export const MISC_BUILD_ID_SIZE = 1 << 15;
/** KSYMBOL: the symbol goes away (bit 0 of the record's own flags). */
export const KSYMBOL_UNREGISTER = 1;

// perf_event_attr.type
export const TYPE_HARDWARE = 0;
export const TYPE_SOFTWARE = 1;
export const TYPE_TRACEPOINT = 2;
export const TYPE_HW_CACHE = 3;
export const TYPE_RAW = 4;
export const TYPE_BREAKPOINT = 5;

// perf_event_attr.sample_type
export const SAMPLE_IP = 1 << 0;
export const SAMPLE_TID = 1 << 1;
export const SAMPLE_TIME = 1 << 2;
export const SAMPLE_ADDR = 1 << 3;
export const SAMPLE_READ = 1 << 4;
export const SAMPLE_CALLCHAIN = 1 << 5;
export const SAMPLE_ID = 1 << 6;
export const SAMPLE_CPU = 1 << 7;
export const SAMPLE_PERIOD = 1 << 8;
export const SAMPLE_STREAM_ID = 1 << 9;
export const SAMPLE_RAW = 1 << 10;
export const SAMPLE_BRANCH_STACK = 1 << 11;
export const SAMPLE_REGS_USER = 1 << 12;
export const SAMPLE_STACK_USER = 1 << 13;
export const SAMPLE_WEIGHT = 1 << 14;
export const SAMPLE_DATA_SRC = 1 << 15;
export const SAMPLE_IDENTIFIER = 1 << 16;
export const SAMPLE_TRANSACTION = 1 << 17;
export const SAMPLE_REGS_INTR = 1 << 18;
export const SAMPLE_PHYS_ADDR = 1 << 19;
export const SAMPLE_AUX = 1 << 20;
export const SAMPLE_CGROUP = 1 << 21;
export const SAMPLE_DATA_PAGE_SIZE = 1 << 22;
export const SAMPLE_CODE_PAGE_SIZE = 1 << 23;
export const SAMPLE_WEIGHT_STRUCT = 1 << 24;

// perf_event_attr.read_format
export const READ_TOTAL_TIME_ENABLED = 1 << 0;
export const READ_TOTAL_TIME_RUNNING = 1 << 1;
export const READ_ID = 1 << 2;
export const READ_GROUP = 1 << 3;
export const READ_LOST = 1 << 4;

// perf_event_attr.branch_sample_type
export const BRANCH_HW_INDEX = 1 << 17;
export const BRANCH_COUNTERS = 1 << 19;

/**
 * Context markers inside a call chain are addresses −4095 … −1: high half all ones, low half at or above this one.
 * PERF_CONTEXT_KERNEL is −128, PERF_CONTEXT_USER −512, PERF_CONTEXT_GUEST* from −2048 on.
 */
export const CONTEXT_MAX_LO = 0x1_0000_0000 - 4095;
export const CONTEXT_KERNEL_LO = 0x1_0000_0000 - 128;
export const CONTEXT_USER_LO = 0x1_0000_0000 - 512;
