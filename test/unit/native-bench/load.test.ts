// What load generators say, and what is made of it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { h2loadArgs, readH2load } from '../../../native-bench/load/h2load.ts';
import { loadFault } from '../../../native-bench/load/load-report.ts';
import { FrameCounter, maskedFrame } from '../../../native-bench/load/web-socket-frames.ts';
import { scenarioNamed } from '../../../native-bench/scenarios.ts';

const SUMMARY =
  'requests: 4 total, 4 started, 4 done, 4 succeeded, 0 failed, 0 errored, 0 timeout\n' +
  'traffic: 4.17MB (4377600) total, 2.97MB (3110400) headers (space savings 9%), 1.1MB (1153434) data\n';

describe('readH2load', () => {
  const of = { durationS: 2, intervalMicros: 1000 };

  it('reads requests, bytes and latency', () => {
    const log = [100, 100, 100, 200].map((micros) => `1795239147026283\t200\t${micros}\n`).join('');
    const report = readH2load(SUMMARY, log, of);
    assert.deepEqual([report.requests, report.bytes, report.statusErrors], [4, 1_153_434, 0]);
    assert.deepEqual([report.p50Micros, report.p99Micros], [100, 200]);
    assert.equal(loadFault(report), null);
  });

  it('counts a stall for the requests that it held back', () => {
    // Ninety-nine fast ones and one of 100 ms: without correction its place is p100 alone.
    const log = [...Array<number>(99).fill(100), 100_000].map((micros) => `1\t200\t${micros}\n`);
    const report = readH2load(SUMMARY, log.join(''), of);
    assert.ok(report.p90Micros > 50_000, `${report.p90Micros}`);
  });

  it('sees answers that are errors', () => {
    const report = readH2load(SUMMARY, '1\t503\t100\n1\t-1\t5\n', of);
    assert.match(loadFault(report) ?? '', /2 answers of 400 and above/);
  });

  it('takes latency as it is in a closed loop', () => {
    const log = [...Array<number>(99).fill(100), 100_000].map((micros) => `1\t200\t${micros}\n`);
    const report = readH2load(SUMMARY, log.join(''), { ...of, intervalMicros: null });
    assert.deepEqual([report.p90Micros, report.requests], [100, 100]);
  });

  it('refuses what is no summary', () => {
    assert.throws(() => readH2load('h2load: command not found', '', of), /no summary/);
  });
});

describe('h2loadArgs', () => {
  it('asks over TLS with as many streams as the scenario says', () => {
    const scenario = scenarioNamed('http2-small-get');
    const args = h2loadArgs({ scenario, port: 4711, durationS: 2, core: null });
    assert.deepEqual(args, ['-t1', '-c16', '-m10', '-D2', 'https://127.0.0.1:4711/small']);
  });
});

describe('FrameCounter', () => {
  it('counts frames over any split of the stream, with lengths of all three kinds', () => {
    const stream = Buffer.concat([
      Buffer.from([0x81, 3, 1, 2, 3]),
      Buffer.from([0x82, 126, 0x01, 0x00]),
      Buffer.alloc(256),
      Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
      Buffer.alloc(65_536),
      Buffer.from([0x89, 0]),
    ]);
    for (const size of [1, 7, 4096, stream.length]) {
      const counter = new FrameCounter();
      let frames = 0;
      for (let at = 0; at < stream.length; at += size) {
        frames += counter.take(stream.subarray(at, at + size));
      }
      assert.equal(frames, 4, `in pieces of ${size}`);
    }
  });
});

describe('maskedFrame', () => {
  it('is a masked text frame of that many octets', () => {
    const frame = maskedFrame(5);
    assert.deepEqual([frame[0], frame[1], frame.length], [0x81, 0x85, 11]);
    const text = frame.subarray(6).map((octet, at) => octet ^ frame[2 + (at & 3)]!);
    assert.equal(Buffer.from(text).toString(), 'aaaaa');
  });
});
