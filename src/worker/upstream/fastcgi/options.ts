// What the operator may set about FastCGI peers, in one complete object. All bounds are this worker's share.

/** Which file answers which path, and what the application is told besides. */
export interface ScriptOptions {
  /** Directory of the application as the peer sees it, without a slash at the end. */
  readonly root: string;
  /** Name of the script that answers a path with a slash at its end, e.g. `index.php`. */
  readonly index: string;
  /** Path of the script that answers every path that names none, or null: 404. */
  readonly frontController: string | null;
  /** Endings of scripts, lower-case, e.g. `.php`: what follows one in a path is PATH_INFO. */
  readonly endings: readonly string[];
  /** Further parameters as flat pairs; they win over those made from the request. */
  readonly params: readonly string[];
}

export interface FastcgiOptions {
  readonly script: ScriptOptions;
  /** Open connections to all peers of the upstream together. */
  readonly connectionsMax: number;
  /** Exchanges that may wait for a connection, and for how long each. */
  readonly pendingMax: number;
  readonly pendingTimeoutMs: number;
  /** Unused connections that are kept per peer; 0: each request has its own. */
  readonly keptMax: number;
  /** They are closed after this. */
  readonly idleMs: number;
  readonly timeouts: {
    readonly connectMs: number;
    /** From the last sign of life to the end of the response head. */
    readonly headMs: number;
    /** Between two pieces of a body. */
    readonly bodyIdleMs: number;
  };
  readonly responseHeadBytesMax: number;
  /** Bytes of a request body of unknown length that are gathered to learn it: CGI must be told first. */
  readonly chunkedBodyBytesMax: number;
  /** Is told what applications say on stderr, a line at a time. */
  readonly onStderr: (line: string, peerId: string) => void;
}
