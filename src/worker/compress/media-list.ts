// Which media types are worth compressing: a list of the operator's, looked up once for each value that
// peers send.

const MEMO_SIZE = 256;

export class MediaList {
  readonly #exact = new Set<string>();
  /** `text/`. */
  readonly #kinds: string[] = [];
  /** `+json`. */
  readonly #suffixes: string[] = [];
  readonly #memo = new Map<string, boolean>();

  /** `patterns`: lower case, `type/subtype`, `type/*` or `*+suffix`. */
  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      if (pattern.endsWith('/*')) this.#kinds.push(pattern.slice(0, -1));
      else if (pattern.startsWith('*')) this.#suffixes.push(pattern.slice(1));
      else this.#exact.add(pattern);
    }
  }

  /** Tells whether a value of Content-Type is in the list; event streams and gRPC never are. */
  has(contentType: string): boolean {
    const known = this.#memo.get(contentType);
    if (known !== undefined) return known;
    const isListed = this.#find(mediaType(contentType));
    if (this.#memo.size === MEMO_SIZE) this.#memo.clear();
    this.#memo.set(contentType, isListed);
    return isListed;
  }

  #find(type: string): boolean {
    if (isStreamProtocol(type)) return false;
    if (this.#exact.has(type) || this.#kinds.some((kind) => type.startsWith(kind))) return true;
    return this.#suffixes.some((suffix) => type.endsWith(suffix));
  }
}

/** Tells whether messages of a Content-Type stand for themselves inside the body and must come at once. */
export function isStreamType(contentType: string): boolean {
  return isStreamProtocol(mediaType(contentType));
}

function isStreamProtocol(type: string): boolean {
  return type === 'text/event-stream' || /^application\/grpc(?:-web)?(?:[-+]|$)/.test(type);
}

function mediaType(contentType: string): string {
  const end = contentType.indexOf(';');
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}
