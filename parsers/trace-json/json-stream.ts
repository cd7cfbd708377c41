/**
 * Bytes → JSON tokens → a visitor, in bounded memory: strings, keys and numbers come in pieces, and what is longer than
 * {@link MAX_TEXT} is cut. stream-json says what is wrong with a text but not where, so it is fed in small slices and the slice
 * is the place.
 */
import { getManyValues, isMany, none } from 'stream-chain/defs.js';
import { jsonParser, type Token } from 'stream-json/core/parser.js';

/** Bytes fed at a time; the tokens of a slice with an error are lost. */
const SLICE_BYTES = 1 << 10;
/** Characters kept of a string, key or number. */
export const MAX_TEXT = 1 << 16;
/** Nesting of the events of real traces is below 20. */
const MAX_DEPTH = 512;

/** What a JSON text consists of, in order. */
export interface JsonVisitor {
  open(kind: 'object' | 'array'): void;
  close(kind: 'object' | 'array'): void;
  key(text: string): void;
  /** A whole string; not called when {@link beginString} took the string over. */
  string(text: string): void;
  /** True to get a string in pieces, for strings without limit. */
  beginString(): boolean;
  stringPiece(text: string): void;
  endString(): void;
  /** Digits as they stand in the text. */
  number(text: string): void;
  literal(value: boolean | null): void;
}

/** The text is no JSON from some place on. */
export class JsonError extends Error {
  /** First byte of the slice that holds the place. */
  readonly byte: number;

  constructor(reason: string, byte: number) {
    super(`byte ${byte}: no JSON: ${reason.replace(/^Parser (cannot parse input: )?/, '')}`);
    this.byte = byte;
  }
}

export class JsonStream {
  /** Bytes taken in. */
  consumedBytes = 0;
  /** Open objects and arrays. */
  depth = 0;
  /** There was no more text: an error now means that its end is missing. */
  ended = false;
  readonly #visitor: JsonVisitor;
  readonly #parse = jsonParser({ packValues: false });
  readonly #decoder = new TextDecoder('utf-8');
  #text = '';
  #inPieces = false;

  constructor(visitor: JsonVisitor) {
    this.#visitor = visitor;
  }

  /** @throws JsonError */
  *write(chunk: Uint8Array): Generator<void> {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      const slice = chunk.subarray(at, at + SLICE_BYTES);
      this.#feed(this.#decoder.decode(slice, { stream: true }));
      this.consumedBytes += slice.length;
      yield;
    }
  }

  /** @throws JsonError when the text is not complete */
  end(): void {
    this.ended = true;
    this.#feed(none);
  }

  #feed(input: string | typeof none): void {
    let tokens: unknown;
    try {
      tokens = this.#parse(input as string);
    } catch (error) {
      throw this.ended
        ? new JsonError('the text ends in the middle of a value', this.consumedBytes)
        : new JsonError(`${(error as Error).message} (within ${SLICE_BYTES} bytes)`, this.consumedBytes);
    }
    if (isMany(tokens)) for (const token of getManyValues(tokens) as Token[]) this.#visit(token);
    else if (tokens !== none && tokens !== undefined && tokens !== null) this.#visit(tokens as Token);
  }

  #visit(token: Token): void {
    const visitor = this.#visitor;
    switch (token.name) {
      case 'startObject':
      case 'startArray':
        if (++this.depth > MAX_DEPTH) throw new JsonError('nested too deeply', this.consumedBytes);
        visitor.open(token.name === 'startObject' ? 'object' : 'array');
        break;
      case 'endObject':
      case 'endArray':
        this.depth--;
        visitor.close(token.name === 'endObject' ? 'object' : 'array');
        break;
      case 'startString':
        this.#text = '';
        this.#inPieces = visitor.beginString();
        break;
      case 'startKey':
      case 'startNumber':
        this.#text = '';
        this.#inPieces = false;
        break;
      case 'stringChunk':
      case 'numberChunk':
        if (this.#inPieces) visitor.stringPiece(token.value);
        else if (this.#text.length < MAX_TEXT) this.#text += token.value.slice(0, MAX_TEXT - this.#text.length);
        break;
      case 'endString':
        if (this.#inPieces) visitor.endString();
        else visitor.string(this.#text);
        break;
      case 'endKey':
        visitor.key(this.#text);
        break;
      case 'endNumber':
        visitor.number(this.#text);
        break;
      case 'trueValue':
      case 'falseValue':
      case 'nullValue':
        visitor.literal(token.value);
        break;
      default:
        break;
    }
  }
}
