// Every bound that is not the operator's to set, and the defaults of those that are. Full means: refuse
// at once by a named error, or slow the producer; never grow.

export const KIB = 1024;
export const MIB = 1024 * KIB;

export const limits = {
  /** Request line and header fields of a client together. */
  requestHeadBytes: 32 * KIB,
  requestHeaderCount: 98,
  /** Response head of a peer. */
  responseHeadBytes: 64 * KIB,
  responseHeaderCount: 256,
  /** Interim responses accepted before the final one. */
  interimResponseCount: 16,
  /** Line with the size of a chunk, extensions included, and the trailer section. */
  chunkLineBytes: 4 * KIB,
  trailerBytes: 16 * KIB,
  /** Held per stream and direction before the producer is paused. */
  streamHighWaterBytes: 64 * KIB,
  /** Request body held for a repeated attempt. */
  replayBytes: 64 * KIB,
  /** Largest body that is stored. */
  cacheObjectBytes: 16 * MIB,
  /** Bodies that are fetched for the cache and not yet whole, per worker. */
  cacheFillBytes: 64 * MIB,
  /** Copies of requests for shadow upstreams, per worker. */
  mirrorsInFlightMax: 64,
  /** Bodies that wait to be whole before they are compressed, and streams that compress, per worker. */
  compressionHeldBytes: 64 * MIB,
  compressionStreamsMax: 128,
  /** Dictionaries for compression, per worker: one, and all of them; as much again on its way. */
  dictionaryBytes: 1 * MIB,
  dictionariesBytes: 16 * MIB,
  /** Largest frame on the link between sidecar and worker, and what may wait unsent. */
  frameBytes: 1 * MIB,
  linkBacklogBytes: 8 * MIB,
  /** Links the sidecar keeps open, and peers one worker may name to it. */
  linksMax: 1024,
  linkPeersMax: 65_536,
  /** Peers of one upstream that DNS may name; of more, the first in the order of their URLs. */
  discoveredPeersMax: 1000,
  /** Access log lines waiting to be written, and events. */
  logBufferBytes: 16 * MIB,
  eventBufferBytes: 1 * MIB,
  /** Routes with metrics of their own; further ones share a row. */
  measuredRouteCount: 1000,
  /** Peers that a metrics snapshot names. */
  measuredPeerCount: 4096,
  webSocketMessageBytes: 16 * MIB,
  webSocketBacklogBytes: 1 * MIB,
  /** Largest write to uWebSockets.js inside one cork when the length is unknown (see FACTS). */
  corkWriteBytes: 16_000,
} as const;
