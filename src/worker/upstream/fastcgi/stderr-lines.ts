// Cuts what an application says on stderr into lines for the operator, within bounds.

const LINE_BYTES_MAX = 4096;
const LINES_MAX = 100;

export class StderrLines {
  readonly #onLine: (line: string) => void;
  #text = '';
  #lines = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  take(bytes: Buffer): void {
    if (this.#lines >= LINES_MAX) return;
    this.#text += bytes.toString('utf8');
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      this.#tell(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 1);
    }
    if (this.#text.length > LINE_BYTES_MAX) this.flush();
  }

  /** Tells what is left without a line end. */
  flush(): void {
    this.#tell(this.#text);
    this.#text = '';
  }

  #tell(line: string): void {
    const text = line.trim().slice(0, LINE_BYTES_MAX);
    if (text === '' || this.#lines >= LINES_MAX) return;
    this.#lines += 1;
    this.#onLine(text);
  }
}
