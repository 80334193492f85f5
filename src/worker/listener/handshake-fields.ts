// The fields of an answered WebSocket handshake that the listener writes itself (RFC 6455 section 4.2.2).

/** Never taken over from a peer's answer. */
export const HANDSHAKE_FIELDS: ReadonlySet<string> = new Set([
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'sec-websocket-version',
  'upgrade',
  'connection',
]);
