// What a case of the corpus of malformed requests says, and how its bytes are put together.

/** A status, or `close`: the connection ends without a single byte of an answer. */
export type Outcome = number | 'close';

export interface BadRequest {
  readonly name: string;
  /** What somebody could gain, where it is an attack. */
  readonly attack?: string;
  /** One character is one octet. */
  readonly bytes: string;
  /** What comes back when all of it arrives at once. */
  readonly outcome: Outcome;
  /** The same byte by byte, where that differs. */
  readonly outcomeSlowly?: Outcome;
  /** How many requests are served: never one whose target is `/smuggled`. Default 0. */
  readonly served?: number;
  readonly servedSlowly?: number;
  /** Why it is played in one segment only. */
  readonly onlyAtOnce?: string;
  /** The engine answers nothing and closes only when its own timer strikes, after 8 to 12 s. */
  readonly isSilent?: boolean;
}

/** What a smuggler would like to have served. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

/** A POST with these fields besides Host, and this behind its head. */
export function post(fields: readonly string[], after = ''): string {
  return `POST /first HTTP/1.1\r\n${['Host: a', ...fields].join('\r\n')}\r\n\r\n${after}`;
}

/** A GET with exactly these fields. */
export function get(...fields: readonly string[]): string {
  return `GET /first HTTP/1.1\r\n${[...fields, ''].join('\r\n')}\r\n`;
}
