// A backend server: its live state, kept apart from the configured half so that it survives a reload.

/** Where a peer listens. `authority` is what goes into Host when the operator asks for the peer's own. */
export interface PeerAddress {
  readonly scheme: 'http' | 'https';
  readonly hostname: string;
  readonly port: number;
  /** host[:port] with the port left out when it is the scheme's default. */
  readonly authority: string;
}

/** One peer per id in a worker; the same object across configurations as long as the id stays. */
export class Peer {
  /** Upstream name and URL, e.g. `app/http://127.0.0.1:9001`; unique and stable. */
  readonly id: string;
  readonly upstream: string;
  readonly address: PeerAddress;

  /** Attempts of this worker that are running now. */
  inFlight = 0;
  /** Attempts of all other workers, as last reported by the sidecar. */
  inFlightElsewhere = 0;
  /** Attempts begun since this worker started. */
  attempts = 0;
  /** Attempts that failed by the peer's fault since this worker started. */
  failures = 0;
  /** Failures by the peer's fault since its last success, for passive ejection. */
  failuresInRow = 0;
  /** The sidecar's (or, without one, this worker's) verdict. */
  healthy = true;
  /** Its number in this worker's ledger (src/channel), -1 while it has none; written there only. */
  ledgerNumber = -1;

  constructor(id: string, upstream: string, address: PeerAddress) {
    this.id = id;
    this.upstream = upstream;
    this.address = address;
  }
}

/** The configured half: what one configuration says about a peer. */
export interface PeerConfig {
  readonly peer: Peer;
  /** Relative share of the load, at least 1. */
  readonly weight: number;
}

/** Returns the id of a peer, which workers and the sidecar form alike from the configuration. */
export function peerId(upstream: string, url: string): string {
  return `${upstream}/${url}`;
}
