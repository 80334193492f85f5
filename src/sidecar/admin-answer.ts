// Answers of the admin server: text for people and probes, JSON for programs, problems as JSON.

export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Stable codes of problems. */
export const problemCodes = [
  'malformed',
  'invalid',
  'forbidden',
  'not_found',
  'unknown_upstream',
  'unknown_peer',
  'unknown_certificate',
  'method_not_allowed',
  'peer_exists',
  'last_peer',
  'precondition_failed',
  'body_too_large',
  'unsupported_media_type',
  'refused',
  'failed',
  'stopping',
] as const;
export type ProblemCode = (typeof problemCodes)[number];

/** One thing that is wrong, and where in what was sent; '' for all of it. */
export interface ProblemDetail {
  readonly path: string;
  readonly message: string;
}

/** Returns an answer of plain text. */
export function text(status: number, body: string): AdminAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}

/** Returns an answer of JSON. */
export function json(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): AdminAnswer {
  const body = `${JSON.stringify(value)}\n`;
  return { status, contentType: 'application/json', body, headers };
}

/** Returns an answer that says what is wrong, `message` in one sentence. */
export function problem(
  status: number,
  code: ProblemCode,
  message: string,
  problems: readonly ProblemDetail[] = [],
): AdminAnswer {
  return json(status, { status, code, message, problems });
}
