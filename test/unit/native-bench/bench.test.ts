// The side-by-side around its measurements: who takes part, how long it takes, what is made of it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { castOf, estimateS, readBenchOptions } from '../../../native-bench/bench-options.ts';
import { mergeResults, type ScenarioResult } from '../../../native-bench/bench-result.ts';
import type { Contender } from '../../../native-bench/contender.ts';
import { benchmarkPage, benchmarkPicture } from '../../../native-bench/page.ts';
import type { Measurement, Round } from '../../../native-bench/rounds.ts';
import { scenarioNamed } from '../../../native-bench/scenarios.ts';
import { summarise } from '../../../native-bench/summary.ts';
import { judge, targetCells, targets } from '../../../native-bench/targets.ts';

const MINUTE_S = 60;

function contender(name: string, of: Partial<Contender> = {}): Contender {
  const can = { webSocket: true, accessLog: true };
  const command = () => ({ program: 'true', args: [] });
  const rest = { kind: 'native', missing: () => null, version: () => '1.0', can, command } as const;
  return { name, ...rest, ...of };
}

function measurement(name: string, cpuMicrosPerRequest: number): Measurement {
  const errors = { connectErrors: 0, readErrors: 0, writeErrors: 0, statusErrors: 0, timeouts: 0 };
  const latency = { p50Micros: 1000, p90Micros: 2000, p99Micros: 3000, maxMicros: 4000 };
  return {
    name,
    load: { requests: 1000, durationMicros: 1e6, bytes: 1e6, ...errors, ...latency },
    cpuMicrosPerRequest,
    roleMicrosPerRequest: { main: cpuMicrosPerRequest },
    requestsPerSecond: 1e6 / cpuMicrosPerRequest,
    residentBytes: 2 ** 20,
    foreignShare: 0,
  };
}

function result(scenario: string, costs: Record<string, number>): ScenarioResult {
  const measurements = Object.entries(costs).map(([name, cost]) => measurement(name, cost));
  const rounds: Round[] = [1, 2].map((number) => ({ number, measurements, quiet: true }));
  const machine = { date: '2026-11-21', kernel: '6.1', cpu: 'CPU', cores: 2, commit: 'abc' };
  return {
    ...{ scenario: scenarioNamed(scenario), machine, versions: { nginx: '1.22' }, durationS: 1 },
    rows: summarise(rounds, Object.keys(costs), 'nginx'),
    ...{ rounds, disturbedRounds: 0, idle: [], absent: [{ name: 'h2o', reason: 'is gone\nlog' }] },
  };
}

describe('castOf', () => {
  it('leaves out who is missing or can not do it, and says why', () => {
    const cast = castOf(scenarioNamed('web-socket'), {
      isForTargets: false,
      contenders: [
        contender('able'),
        contender('gone', { missing: () => 'gone is not installed' }),
        contender('unable', { can: { webSocket: false, accessLog: true } }),
        contender('sluice-pipelining'),
      ],
    });
    assert.deepEqual(
      cast.present.map((each) => each.name),
      ['able'],
    );
    assert.deepEqual(cast.absent, [
      { name: 'gone', reason: 'gone is not installed' },
      { name: 'unable', reason: 'passes no WebSocket on' },
    ]);
  });
});

describe('estimateS', () => {
  const total = (argv: string[]) => {
    const options = readBenchOptions(argv, {})!;
    const contenders = options.contenders.map((each) => ({ ...each, missing: () => null }));
    const each = options.scenarios.map((scenario) =>
      estimateS(scenario, { ...options, contenders }),
    );
    return {
      expected: each.reduce((sum, one) => sum + one.expected, 0),
      most: each.reduce((sum, one) => sum + one.most, 0),
    };
  };

  it('keeps the quick run under six minutes, whatever the machine does', () => {
    assert.ok(total(['--quick']).most < 6 * MINUTE_S);
  });

  it('keeps the run of the targets at about half an hour', () => {
    assert.ok(total(['--targets']).expected < 34 * MINUTE_S);
  });
});

describe('readBenchOptions', () => {
  it('takes flags over environment', () => {
    const env = { SLUICE_BENCH_ROUNDS: '7', SLUICE_BENCH_ONLY: 'nginx' };
    const options = readBenchOptions(['--rounds', '2', '--scenario', 'post-1k'], env);
    assert.equal(options?.rounds, 2);
    assert.deepEqual(
      options?.contenders.map((each) => each.name),
      ['nginx'],
    );
    assert.throws(() => readBenchOptions(['--rounds', '0'], {}), /a number above 0/);
    assert.throws(() => readBenchOptions(['--only', 'nobody'], {}), /nobody is called nobody/);
  });
});

describe('judge', () => {
  it('reaches a target by what the table shows, and misses it otherwise', () => {
    const verdicts = judge([result('small-get', { nginx: 20, haproxy: 10, sluice: 20.05 })]);
    const verdict = (text: string) => verdicts.find((each) => each.text.endsWith(text));
    assert.equal(verdict('CPU per request ÷ nginx')?.isReached, true);
    assert.equal(verdict('CPU per request ÷ HAProxy')?.isReached, false);
  });

  it('says not measured when somebody did not run', () => {
    const verdicts = judge([result('small-get', { nginx: 20, sluice: 20 })]);
    const node = verdicts.find((each) => each.text.includes('Node peer'));
    assert.deepEqual([node?.value, node?.isReached], [null, null]);
  });

  it('compares with the fastest of the Node peers', () => {
    const costs = { nginx: 20, sluice: 20, 'http-proxy': 120, 'fast-proxy': 50 };
    const node = judge([result('small-get', costs)]).find((each) => each.text.includes('Node'));
    assert.equal(node?.value, 2.5);
  });

  it('prints a figure without a limit, and judges it by none', () => {
    const costs = { nginx: 20, sluice: 40, h2o: 10 };
    const verdicts = judge([result('http2-small-get', costs)]);
    const cells = targetCells(verdicts).map((row) => row.slice(1));
    assert.deepEqual(cells[1], ['–', '2.00', '–', '']);
    assert.deepEqual(cells[2], ['–', '–', '–', 'not measured']);
    assert.deepEqual(cells[3], ['–', '4.00', '–', '']);
  });

  it('knows the scenario of every target', () => {
    for (const { scenario } of targets) assert.ok(scenarioNamed(scenario));
  });
});

describe('the page', () => {
  const results = [result('small-get', { nginx: 20, sluice: 25, 'sluice-lean': 22 })];

  it('has targets, tables, versions and who was absent', () => {
    const page = benchmarkPage({ baseline: 'nginx', results });
    assert.match(page, /\| sluice \| 25\.0 \| 1\.25 \|/);
    assert.match(page, /÷ nginx \| ≤ 1\.00 \| 1\.25 \| 1\.10 \| missed \|/);
    assert.match(page, /Without h2o \(is gone\)/);
    assert.match(page, /at commit abc on 2 × CPU, Linux 6\.1: nginx 1\.22/);
  });

  it('has a picture with a bar for each, the shortest first', () => {
    const svg = benchmarkPicture({ baseline: 'nginx', results });
    const names = [...svg.matchAll(/text-anchor="end">([\w-]+)</g)].map(([, name]) => name);
    assert.deepEqual(names, ['nginx', 'sluice-lean', 'sluice']);
  });
});

describe('mergeResults', () => {
  it('puts new results in the place of old ones, in the order of the scenarios', () => {
    const old = [result('post-1k', { nginx: 1 }), result('small-get', { nginx: 1 })];
    const merged = mergeResults(old, [result('post-1k', { nginx: 2 })], ['small-get', 'post-1k']);
    const costs = merged.map((each) => each.rows[0]?.cpuMicrosPerRequest.median);
    assert.deepEqual(costs, [1, 2]);
  });
});
