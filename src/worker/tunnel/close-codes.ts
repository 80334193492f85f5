// Which codes and reasons may be in a Close frame (RFC 6455 sections 5.5.1 and 7.4).

/** "No code was given": a Close frame without a body. */
export const NO_STATUS = 1005;
/** "No Close frame came": the connection just ended. */
export const ABNORMAL = 1006;
export const GOING_AWAY = 1001;
export const PROTOCOL_ERROR = 1002;
export const UNEXPECTED_CONDITION = 1011;

const REASON_BYTES_MAX = 123;

/** Tells whether an endpoint may send `code`; 1004, 1005, 1006 and 1015 are reserved. */
export function isSendable(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== NO_STATUS && code !== ABNORMAL;
}

/** Returns the longest part of `reason` that fits into a Close frame, in whole characters. */
export function fittingReason(reason: string): string {
  let fitting = reason;
  while (Buffer.byteLength(fitting) > REASON_BYTES_MAX) {
    // By code points, so that no half of a pair is left over.
    fitting = Array.from(fitting).slice(0, -1).join('');
  }
  return fitting;
}
