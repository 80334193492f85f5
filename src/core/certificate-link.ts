// What a worker and the sidecar say to each other about certificates that clients ask for first.

/** A client has asked a listener for a name that there is no certificate for. */
export interface CertificateWanted {
  readonly kind: 'certificate-wanted';
  readonly id: number;
  /** Address of the listener. */
  readonly listener: string;
  /** DNS name in lower case. */
  readonly name: string;
}

/** The answer: it is in the storage now, or there will be none for the time being. */
export interface CertificateAnswer {
  readonly kind: 'certificate-answer';
  readonly id: number;
  readonly isThere: boolean;
}
