/** Text of any length in pieces that are worth a write. */

const PIECE_LENGTH = 1 << 16;

export class TextPieces {
  readonly #out: (text: string) => void;
  #piece = '';

  constructor(out: (text: string) => void) {
    this.#out = out;
  }

  add(text: string): void {
    this.#piece += text;
    if (this.#piece.length >= PIECE_LENGTH) this.flush();
  }

  flush(): void {
    if (this.#piece !== '') this.#out(this.#piece);
    this.#piece = '';
  }
}
