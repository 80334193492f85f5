// Counters of the whole while workers come and go.

import assert from 'node:assert/strict';
import test, { describe, type TestContext } from 'node:test';
import { createLinkCounters } from '../../../src/channel/link.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { encodeSnapshot, NO_READINGS } from '../../../src/observe/metrics-snapshot.ts';
import { ProcessSampler } from '../../../src/observe/process-sample.ts';
import { MetricsPage } from '../../../src/sidecar/metrics-page.ts';
import type { ScrapeAnswer } from '../../../src/sidecar/scrape-round.ts';

function snapshotOf(context: TestContext, slot: number, connections: number, open: number) {
  const sampler = new ProcessSampler('worker', slot);
  context.after(() => sampler.stop());
  const readings = { ...NO_READINGS, connections, connectionsOpen: open };
  const sources = { metrics: new Metrics(), process: sampler.sample(), peers: [], readings };
  return encodeSnapshot(sources, 1_000_000)!;
}

type Given = Omit<ScrapeAnswer, 'isGone'> & Partial<ScrapeAnswer>;

function pageOf(context: TestContext) {
  const sampler = new ProcessSampler('sidecar', null);
  context.after(() => sampler.stop());
  const page = new MetricsPage(sampler);
  const value = (given: Given[], name: string) => {
    const answers = given.map((answer) => ({ isGone: false, ...answer }));
    const text = page.render({ answers, missing: [] }, createLinkCounters());
    const line = text.split('\n').find((each) => each.startsWith(`sluice_${name} `));
    return { value: Number(line?.split(' ')[1]), text };
  };
  return { page, value };
}

describe('the metrics page', () => {
  test('adds up workers, and keeps the counters but not the gauges of one that is gone', (context) => {
    const { page, value } = pageOf(context);
    const a = { slot: 0, generation: 10, bytes: snapshotOf(context, 0, 100, 7) };
    const b = { slot: 1, generation: 11, bytes: snapshotOf(context, 1, 20, 3) };
    assert.equal(value([a, b], 'connections_total').value, 120);
    assert.equal(value([a, b], 'connections_open').value, 10);
    page.left(a.generation);
    assert.equal(value([b], 'connections_total').value, 120);
    assert.equal(value([b], 'connections_open').value, 3);
    assert.doesNotMatch(value([b], 'x').text, /worker="0"/);
  });

  test('keeps no gauge of a worker that answered and was gone before the others had', (context) => {
    const { value } = pageOf(context);
    const a = { slot: 0, generation: 10, bytes: snapshotOf(context, 0, 100, 7), isGone: true };
    const b = { slot: 1, generation: 11, bytes: snapshotOf(context, 1, 20, 3) };
    assert.equal(value([a, b], 'connections_open').value, 3);
    assert.equal(value([b], 'connections_open').value, 3);
    assert.equal(value([b], 'connections_total').value, 120);
  });

  test('counts a worker once that lost only its link', (context) => {
    const { page, value } = pageOf(context);
    const a = { slot: 0, generation: 10, bytes: snapshotOf(context, 0, 100, 7) };
    value([a], 'x');
    page.left(a.generation);
    assert.equal(value([], 'connections_total').value, 100);
    const later = { ...a, bytes: snapshotOf(context, 0, 130, 7) };
    assert.equal(value([later], 'connections_total').value, 130);
    assert.equal(value([later], 'connections_open').value, 7);
  });

  test('keeps its counters over any number of dead workers, in bounded space', (context) => {
    const { page, value } = pageOf(context);
    const bytes = snapshotOf(context, 0, 5, 1);
    for (let generation = 0; generation < 100; generation++) {
      value([{ slot: 0, generation, bytes }], 'x');
      page.left(generation);
    }
    assert.equal(value([], 'connections_total').value, 500);
  });

  test('takes a snapshot that is none for a missing one', (context) => {
    const { value } = pageOf(context);
    const { text } = value([{ slot: 0, generation: 1, bytes: Uint8Array.of(1, 2) }], 'x');
    assert.match(text, /^sluice_workers_missing 1$/m);
  });
});
