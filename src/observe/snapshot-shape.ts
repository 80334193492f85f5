// Tells whether data from another process has the shape of a metrics snapshot. The two run the same
// code, but a sidecar must not fall over a worker that has gone mad.

type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

const PROCESS: Shape = {
  role: isText,
  worker: (value) => value === null || isNumber(value),
  pid: isNumber,
  uptimeSeconds: isNumber,
  cpuSeconds: isNumber,
  residentBytes: isNumber,
  heapUsedBytes: isNumber,
  externalBytes: isNumber,
  loopDelayP50Seconds: isNumber,
  loopDelayP99Seconds: isNumber,
  loopDelayMaxSeconds: isNumber,
  loopUtilization: isNumber,
};

const ROUTE: Shape = {
  route: isText,
  requests: (value) => isListOf(value, isNumber),
  bytesReceived: isNumber,
  bytesSent: isNumber,
  latency: (value) => isListOf(value, isNumber),
  latencySumSeconds: isNumber,
  cache: (value) => isListOf(value, isNumber),
};

const PEER: Shape = {
  id: isText,
  upstream: isText,
  inFlight: isNumber,
  attempts: isNumber,
  failures: isNumber,
  headTimes: (value) => isListOf(value, isNumber),
  headTimesSumMs: isNumber,
  healthy: (value) => typeof value === 'boolean',
};

const PLUGIN: Shape = {
  plugin: isText,
  numbers: (value) => isListOf(value, isNumber),
};

const SNAPSHOT: Shape = {
  process: (value) => hasShape(value, PROCESS),
  routes: (value) => isListOf(value, (item) => hasShape(item, ROUTE)),
  failures: (value) => isObject(value) && Object.values(value).every(isNumber),
  peers: (value) => isListOf(value, (item) => hasShape(item, PEER)),
  plugins: (value) => isListOf(value, (item) => hasShape(item, PLUGIN)),
  readings: (value) => isObject(value) && Object.values(value).every(isNumber),
};

/** Tells whether `value` is a MetricsSnapshot: checks every field, lets unknown ones through. */
export function isSnapshot(value: unknown): boolean {
  return hasShape(value, SNAPSHOT);
}

function hasShape(value: unknown, shape: Shape): boolean {
  if (!isObject(value)) return false;
  return Object.entries(shape).every(([name, isRight]) => isRight(value[name]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
