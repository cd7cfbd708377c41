/**
 * libzstd itself, the reference decoder, as WebAssembly: it checks the XXH64 of each frame, decodes every window up to its own default
 * limit of 128 MiB and refuses larger ones before it takes memory for them. The package zstddec brings the compiled module; its
 * JavaScript does not look at the errors of a stream, so the functions are called here.
 */
import { ZSTDDecoder } from 'zstddec/stream';

/** What is used of the module's exports; sizes and addresses are 32-bit. */
export interface LibZstd {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  free(address: number): void;
  ZSTD_createDCtx(): number;
  ZSTD_decompressStream(context: number, outBuffer: number, inBuffer: number): number;
  ZSTD_decompress(to: number, capacity: number, from: number, bytes: number): number;
  ZSTD_DStreamInSize(): number;
  ZSTD_DStreamOutSize(): number;
}

/** The part of WebAssembly that is used; the declarations of Node 20 leave it out. */
declare const WebAssembly: {
  Instance: new (module: object, imports: object) => { readonly exports: object };
};

const WINDOW_TOO_LARGE = 16;

/** ZSTD_ErrorCode of zstd_errors.h, those that data can cause. */
const ERRORS: Readonly<Record<number, string>> = {
  10: 'not zstd data',
  14: 'of an unknown zstd version',
  [WINDOW_TOO_LARGE]: 'its window is larger than 128 MiB',
  20: 'damaged data',
  22: 'the checksum is wrong',
  24: 'damaged literals',
  30: 'damaged dictionary',
  32: 'compressed with a dictionary',
  64: 'no memory for its window',
  70: 'more data than declared',
  72: 'wrong size',
};
const MOST_ERRORS = 120;

let compiled: Promise<object> | undefined;

function compile(): Promise<object> {
  return new Promise((resolve, reject) => {
    class Loader extends ZSTDDecoder {
      override _init = (result: { readonly module: object }): void => resolve(result.module);
    }
    // With a fetch at hand the package decodes its own base64 through Node's HTTP client: 50 ms instead of 5.
    const { fetch } = globalThis;
    try {
      Reflect.set(globalThis, 'fetch', undefined);
      new Loader().init().catch(reject);
    } finally {
      globalThis.fetch = fetch;
    }
  });
}

let ready: (() => LibZstd) | undefined;

/** Compiles the decoder, once per thread. Needed before {@link newLibZstd}. */
export async function loadZstd(): Promise<void> {
  compiled ??= compile();
  const module = await compiled;
  ready = () =>
    new WebAssembly.Instance(module, { env: { emscripten_notify_memory_growth: () => undefined } }).exports as LibZstd;
}

/** A decoder with memory of its own: it goes with the instance. */
export function newLibZstd(): LibZstd {
  if (ready === undefined) throw new Error('loadZstd has not been awaited');
  return ready();
}

/** What libzstd says of the data. */
export class ZstdError extends Error {
  override readonly name = 'ZstdError';
  /** The frame may be sound: it needs more memory than is given to it. */
  readonly windowTooLarge: boolean;

  constructor(code: number) {
    super(ERRORS[code] ?? `zstd error ${code}`);
    this.windowTooLarge = code === WINDOW_TOO_LARGE;
  }
}

/**
 * @param result of a function that gives a size or an error
 * @throws ZstdError
 */
export function checked(result: number): number {
  if (result >= 0 || result < -MOST_ERRORS) return result >>> 0;
  throw new ZstdError(-result);
}
