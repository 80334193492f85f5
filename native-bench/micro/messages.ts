// What a message between worker and sidecar costs as msgpack (with and without the native part of
// msgpackr) and as JSON, in microseconds and bytes. Run: node native-bench/micro/messages.ts

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { measure } from 'mitata';
import { isNativeAccelerationEnabled, Packr } from 'msgpackr';

const PEER_COUNTS = [10, 100, 1000];

/** Counters of a worker whose peers have all changed, as in src/channel/messages.ts. */
function counters(peers: number): object {
  const numbers = Array.from({ length: peers }, (_, at) => at);
  return {
    kind: 'counters',
    sequence: 123_456,
    baseline: false,
    inFlight: numbers.flatMap((peer) => [peer, peer % 40]),
    outcomes: numbers.flatMap((peer) => [peer, peer * 3, peer % 7, 0]),
    ejected: [],
  };
}

/** Names of peers: what is text in the messages. */
function names(peers: number): object {
  const ids = Array.from(
    { length: peers },
    (_, at) => `app/http://10.1.${at >> 8}.${at & 255}:8080`,
  );
  return { kind: 'peers', sequence: 1, first: 0, ids };
}

const codec = new Packr({ useRecords: false, copyBuffers: true, int64AsType: 'number' });

async function micros(once: () => unknown): Promise<string> {
  for (let turn = 0; turn < 2000; turn += 1) once();
  return ((await measure(once, { min_cpu_time: 2e8 })).p50 / 1000).toFixed(2);
}

async function msgpackRow(name: string, value: object): Promise<string> {
  const packed = Buffer.from(codec.pack(value));
  const [out, back] = [
    await micros(() => codec.pack(value)),
    await micros(() => codec.unpack(packed)),
  ];
  const kind = isNativeAccelerationEnabled ? 'msgpackr, native' : 'msgpackr, JavaScript';
  return `| ${name} | ${kind} | ${out} | ${back} | ${packed.length} |`;
}

async function jsonRow(name: string, value: object): Promise<string> {
  const text = Buffer.from(JSON.stringify(value));
  const out = await micros(() => Buffer.from(JSON.stringify(value)));
  const back = await micros(() => JSON.parse(text.toString('utf8')));
  return `| ${name} | JSON | ${out} | ${back} | ${text.length} |`;
}

/** The native part is chosen when msgpackr is loaded: a process for each way. */
function inOwnProcess(way: string): string {
  const isNative = way === 'native';
  const environment = isNative ? {} : { MSGPACKR_NATIVE_ACCELERATION_DISABLED: 'true' };
  const env = { ...process.env, ...environment };
  return execFileSync(process.execPath, [fileURLToPath(import.meta.url), way], {
    env,
    encoding: 'utf8',
  }).trim();
}

const [way] = process.argv.slice(2);
if (way !== undefined) {
  for (const [kind, make] of [
    ['counters', counters],
    ['names', names],
  ] as const) {
    for (const peers of PEER_COUNTS) {
      const [name, value] = [`${kind}, ${peers} peers`, make(peers)];
      console.log(await (way === 'json' ? jsonRow(name, value) : msgpackRow(name, value)));
    }
  }
} else {
  console.log('| message | codec | encode µs | decode µs | bytes |\n|---|---|--:|--:|--:|');
  for (const each of ['native', 'javascript', 'json']) console.log(inOwnProcess(each));
}
