// What an authority says when it refuses: problem documents (RFC 7807) with the types of RFC 8555 section
// 6.7, and what else can go wrong on the way to a certificate, in the same form.

/** Prefix of the types that ACME defines. */
const ACME_TYPES = 'urn:ietf:params:acme:error:';
const DETAIL_LENGTH_MAX = 1000;
const SUBPROBLEMS_MAX = 20;

export interface ProblemParts {
  /** Without the prefix of ACME: `badNonce`, `rateLimited`…; own ones are `unreachable` and `invalidAnswer`. */
  readonly type: string;
  readonly detail: string;
  /** Of the answer; null when there was none. */
  readonly status?: number | null;
  /** Earliest time of another try, as asked for. */
  readonly retryAfterMs?: number | null;
}

/** Why an authority did not do what it was asked. */
export class AcmeProblem extends Error {
  readonly type: string;
  readonly detail: string;
  readonly status: number | null;
  readonly retryAfterMs: number | null;

  constructor({ type, detail, status = null, retryAfterMs = null }: ProblemParts) {
    super(`${type}: ${detail}`);
    this.name = 'AcmeProblem';
    this.type = type;
    this.detail = detail;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Reads the body of an answer, or the `error` of an object, as a problem; never throws. */
export function readProblem(
  body: unknown,
  { status = null, retryAfterMs = null }: Pick<ProblemParts, 'status' | 'retryAfterMs'> = {},
): AcmeProblem {
  const document = asMap(typeof body === 'string' ? parseJson(body) : body);
  const written = document['type'];
  const type = typeof written === 'string' && written !== 'about:blank' ? written : 'refused';
  const details = [textOf(document['detail']), ...subproblemsOf(document['subproblems'])];
  const detail = details.filter(Boolean).join('; ').slice(0, DETAIL_LENGTH_MAX);
  return new AcmeProblem({
    type: type.startsWith(ACME_TYPES) ? type.slice(ACME_TYPES.length) : type.slice(0, 200),
    detail: detail === '' ? `status ${status ?? 'unknown'}` : detail,
    status,
    retryAfterMs,
  });
}

/** Returns whatever was thrown as a problem. */
export function problemOf(error: unknown): AcmeProblem {
  if (error instanceof AcmeProblem) return error;
  const { message = String(error), code } = error as { message?: string; code?: unknown };
  const detail =
    typeof code === 'string' && !message.includes(code) ? `${message} (${code})` : message;
  return new AcmeProblem({ type: 'failed', detail });
}

/** Reads a Retry-After field (RFC 9110 section 10.2.3) as ms from `nowMs` (Unix time); null without one. */
export function readRetryAfter(field: string | null, nowMs: number): number | null {
  if (field === null) return null;
  if (/^\d{1,9}$/.test(field)) return Number(field) * 1000;
  const atMs = Date.parse(field);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

function subproblemsOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, SUBPROBLEMS_MAX).map((item) => {
    const { identifier, detail } = asMap(item);
    const name = textOf(asMap(identifier)['value']);
    return name === '' ? textOf(detail) : `${name}: ${textOf(detail)}`;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Events are one line each. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value.replace(/[\x00-\x1f\x7f]+/g, ' ').trim() : '';
}

function asMap(value: unknown): Readonly<Record<string, unknown>> {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>) : {};
}
