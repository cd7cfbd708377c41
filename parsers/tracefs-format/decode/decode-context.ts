import type { DiagnosticSink } from '../../../schema/index.ts';
import type { DictionaryWriter } from '../../dictionary-writer.ts';
import type { AddressNames } from '../address-names.ts';

/** What the decoders of one capture share. */
export interface DecodeContext {
  readonly dictionary: DictionaryWriter;
  readonly diagnostics: DiagnosticSink;
  readonly addresses: AddressNames;
  readonly littleEndian: boolean;
  /** Size of `long` and of pointers in the recorded kernel. */
  readonly longBytes: 4 | 8;
}
