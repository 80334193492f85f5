// Judges what arrived in a frame: exactly the shape of a message, or null. What passes can be used
// without another look: numbers are whole and not negative, lists hold whole groups and are bounded.

import { limits } from '../core/limits.ts';
import { areAnswers, areSought } from './lease-batch.ts';
import {
  type GoodbyeReason,
  goodbyeReasons,
  groupsMax,
  idLengthMax,
  metricsPartBytes,
  metricsPartsMax,
  namesMax,
  type SidecarToWorker,
  spentBytesMax,
  type WorkerToSidecar,
} from './messages.ts';
import { cacheFromSidecarShapes, cacheToSidecarShapes } from './parse-cache.ts';
import { areRecords } from './stick-page.ts';
import { isCount, isFlag } from './value-checks.ts';

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

const sessionShapes = {
  wanted: { upstreams: isNames },
  sessions: { upstream: isName, peers: isNames, records: isBytes },
  complete: { upstream: isName },
};

const spentShape = {
  spent: {
    records: (value: unknown) => value instanceof Uint8Array && value.byteLength <= spentBytesMax,
  },
};

const workerShapes: Readonly<Record<WorkerToSidecar['kind'], Shape>> = {
  hello: {
    protocol: isCount,
    slot: isSlot,
    pid: isCount,
    generation: isCount,
    connection: isCount,
  },
  peers: { sequence: isCount, first: isNumber, ids: isNames },
  counters: {
    sequence: isCount,
    baseline: isFlag,
    inFlight: groupsOf(2),
    outcomes: groupsOf(4),
    ejected: groupsOf(3),
    down: groupsOf(1),
    traffic: groupsOf(3),
  },
  status: { version: (value) => value === -1 || isCount(value), draining: isFlag },
  metrics: { id: isCount, part: isPart, parts: isParts, bytes: isPartBytes },
  ...sessionShapes,
  ...spentShape,
  leases: { records: areSought },
  'certificate-wanted': { id: isCount, listener: isName, name: isName },
  ...cacheToSidecarShapes,
};

const sidecarShapes: Readonly<Record<SidecarToWorker['kind'], Shape>> = {
  welcome: { protocol: isCount, pid: isCount },
  goodbye: { reason: (value) => goodbyeReasons.includes(value as GoodbyeReason) },
  report: { acknowledged: isCount, inFlight: groupsOf(2), health: groupsOf(4) },
  scrape: { id: isCount },
  ...sessionShapes,
  ...spentShape,
  leases: { records: areAnswers },
  'certificate-answer': { id: isCount, isThere: isFlag },
  ...cacheFromSidecarShapes,
};

/** Returns a value from a worker's link as its message, or null when it is malformed. */
export function parseWorkerMessage(value: unknown): WorkerToSidecar | null {
  if (!hasShape(value, workerShapes)) return null;
  const message = value as unknown as WorkerToSidecar;
  return isConsistent(message) ? message : null;
}

/** Returns a value from the sidecar's link as its message, or null when it is malformed. */
export function parseSidecarMessage(value: unknown): SidecarToWorker | null {
  if (!hasShape(value, sidecarShapes)) return null;
  const message = value as unknown as SidecarToWorker;
  return isConsistent(message) ? message : null;
}

/** The rules over two fields: every number that is named is a number, and every session has a peer. */
function isConsistent(message: WorkerToSidecar | SidecarToWorker): boolean {
  if (message.kind === 'peers') {
    return message.first + message.ids.length <= limits.linkPeersMax;
  }
  return message.kind !== 'sessions' || areRecords(message.records, message.peers.length);
}

/** Every field there and right, and no other. */
function hasShape(value: unknown, shapes: Readonly<Record<string, Shape>>): value is Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  const fields = value as Fields;
  const kind = fields['kind'];
  if (typeof kind !== 'string' || !Object.hasOwn(shapes, kind)) return false;
  const shape = shapes[kind]!;
  let known = 1;
  for (const name in shape) {
    if (!shape[name]!(fields[name])) return false;
    known += 1;
  }
  return Object.keys(fields).length === known;
}

/** A flat list of at most `groupsMax` groups of `size` counts, the first of each a peer's number. */
function groupsOf(size: number): Check {
  return (value) => {
    if (!Array.isArray(value)) return false;
    if (value.length % size !== 0 || value.length > size * groupsMax) return false;
    for (let at = 0; at < value.length; at++) {
      if (!(at % size === 0 ? isNumber(value[at]) : isCount(value[at]))) return false;
    }
    return true;
  };
}

function isSlot(value: unknown): boolean {
  return isCount(value) && (value as number) < limits.linksMax;
}

/** A peer's number. */
function isNumber(value: unknown): boolean {
  return isCount(value) && (value as number) < limits.linkPeersMax;
}

function isNames(value: unknown): boolean {
  if (!Array.isArray(value) || value.length > namesMax) return false;
  return value.every(isName);
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value.length <= idLengthMax;
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array;
}

function isPart(value: unknown): boolean {
  return isCount(value) && (value as number) < metricsPartsMax;
}

function isParts(value: unknown): boolean {
  return isCount(value) && (value as number) <= metricsPartsMax;
}

function isPartBytes(value: unknown): boolean {
  return value instanceof Uint8Array && value.length <= metricsPartBytes;
}
