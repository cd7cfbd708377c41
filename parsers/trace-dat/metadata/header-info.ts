/**
 * `events/header_page` of the recorded kernel, which trace.dat embeds:
 *
 *     	field: u64 timestamp;	offset:0;	size:8;	signed:0;
 *     	field: local_t commit;	offset:8;	size:8;	signed:1;
 *     	field: int overwrite;	offset:8;	size:1;	signed:1;
 *     	field: char data;	offset:16;	size:4080;	signed:1;
 *
 * Written by ring_buffer_print_page_header of kernel/trace/ring_buffer.c.
 */
import { type ByteReader, MetadataError } from './byte-reader.ts';
import type { PageLayout } from './metadata.ts';

function fieldOf(text: string, name: string): { offset: number; sizeBytes: number } | undefined {
  const match = new RegExp(`field:[^;]*\\b${name};\\s*offset:(\\d+);\\s*size:(\\d+);`).exec(text);
  return match ? { offset: Number(match[1]), sizeBytes: Number(match[2]) } : undefined;
}

function expectName(reader: ByteReader, name: string): void {
  const at = reader.origin + reader.at;
  if (reader.text(name.length + 1) !== name) throw new MetadataError(`"${name}" expected`, at);
}

/** Reads "header_page\0", its text, "header_event\0" and its text. */
export function readHeaderInfo(reader: ByteReader): PageLayout {
  expectName(reader, 'header_page');
  const at = reader.origin + reader.at;
  const page = reader.text(reader.u64());
  expectName(reader, 'header_event');
  const event = reader.text(reader.u64());
  const timestamp = fieldOf(page, 'timestamp');
  const commit = fieldOf(page, 'commit');
  const data = fieldOf(page, 'data');
  const commitBytes = commit?.sizeBytes === 4 ? 4 : commit?.sizeBytes === 8 ? 8 : undefined;
  if (timestamp?.offset !== 0 || timestamp.sizeBytes !== 8 || !commit || !data || !commitBytes) {
    throw new MetadataError('ring-buffer pages of an unknown layout (header_page)', at);
  }
  if (commit.offset + commitBytes > data.offset || data.offset > 64) {
    throw new MetadataError('ring-buffer pages of an impossible layout (header_page)', at);
  }
  // Linux before 2.6.31 packed type and length differently: "type : 2 bits".
  if (event !== '' && !/type_len\s*:\s*5 bits/.test(event)) {
    throw new MetadataError('ring-buffer records of an unknown layout (header_event)', at);
  }
  return { commitOffset: commit.offset, commitBytes, dataOffset: data.offset };
}
