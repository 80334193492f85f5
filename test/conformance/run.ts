// `make conformance`: http-tests/cache-tests against real proxies that cache, one for each front engine.
// Ends with 0 when everything is as expected; --write makes docs/caching-conformance.md anew.

import { readFileSync, writeFileSync } from 'node:fs';
import { freePort } from '../support/free-port.ts';
import { startSluice } from '../support/sluice.ts';
import {
  type CacheTest,
  type CacheTestResult,
  loadGroups,
  runTests,
  startCacheTestOrigin,
} from './cache-tests.ts';
import { differences } from './differences.ts';
import { conformancePage } from './page.ts';
import { judge, surprises, type Verdicts } from './verdict.ts';

const ENGINES = ['uws', 'node'];
/** Nothing of this takes longer, on however slow a machine. */
const DEADLINE_MS = 300_000;
const PROGRESS_EVERY = 70;
const SURPRISES_SHOWN = 30;
const PAGE = new URL('../../docs/caching-conformance.md', import.meta.url);

const say = (line: string) => process.stdout.write(`${line}\n`);

const groups = await loadGroups();
const tests = groups.flatMap((group) => group.tests);
const origin = await startCacheTestOrigin();
const timer = setTimeout(() => {
  say(`not within ${DEADLINE_MS / 1000} s`);
  process.exit(1);
}, DEADLINE_MS);

let isGood = true;
let verdicts: Verdicts = new Map();
for (const engine of ENGINES) {
  const outcome = await runOn(engine);
  verdicts = outcome.verdicts;
  isGood &&= outcome.isGood;
}
origin.close();
clearTimeout(timer);
isGood &&= checkPage();
say(isGood ? 'conformance: as expected' : 'conformance: NOT as expected');
process.exitCode = isGood ? 0 : 1;

async function runOn(engine: string): Promise<{ verdicts: Verdicts; isGood: boolean }> {
  const port = await freePort();
  const sluice = await startSluice({
    cores: 1,
    listeners: [{ host: '127.0.0.1', port, engine }],
    // Every test counts the requests that the origin sees, and some answers are no good on purpose.
    upstreams: { origin: { peers: [{ url: origin.url }], ejection: { failuresInRow: 100_000 } } },
    routes: [{ to: 'origin', cache: true }],
  });
  try {
    const results = await runAll(engine, `http://127.0.0.1:${port}`);
    const found = judge(tests, results);
    const passed = [...found.values()].filter((verdict) => verdict === 'pass').length;
    const lines = surprises(found, differences);
    say(`engine ${engine}: ${passed} of ${tests.length} pass, ${lines.length} not as expected`);
    for (const line of lines.slice(0, SURPRISES_SHOWN)) say(`  ${line}${detailOf(results, line)}`);
    return { verdicts: found, isGood: lines.length === 0 };
  } finally {
    await sluice.stop();
  }
}

/** Runs all, and once more what is a surprise: on a busy machine a pause can be longer than it should. */
async function runAll(engine: string, url: string): Promise<Map<string, CacheTestResult>> {
  const results = await runTests(tests, url, (done) => {
    if (done % PROGRESS_EVERY === 0) say(`engine ${engine}: ${done} of ${tests.length} done`);
  });
  const lines = surprises(judge(tests, results), differences);
  const again = tests.filter((test) => lines.some((line) => isAbout(line, test)));
  if (again.length === 0) return results;
  say(`engine ${engine}: ${again.length} once more`);
  for (const [id, result] of await runTests(again, url, () => {})) results.set(id, result);
  return results;
}

function isAbout(line: string, { id }: CacheTest): boolean {
  return line.startsWith(`${id} `) || line.startsWith(`${id}:`);
}

function detailOf(results: ReadonlyMap<string, CacheTestResult>, line: string): string {
  const test = tests.find((each) => isAbout(line, each));
  const result = test === undefined ? undefined : results.get(test.id);
  return result === undefined || result === true ? '' : ` (${result.join(': ')})`;
}

function checkPage(): boolean {
  const page = conformancePage(groups, verdicts, differences);
  if (process.argv.includes('--write')) {
    writeFileSync(PAGE, page);
    say('written: docs/caching-conformance.md');
    return true;
  }
  if (readFileSync(PAGE, 'utf8') === page) return true;
  say('docs/caching-conformance.md is not up to date: make conformance ARGS=--write');
  return false;
}
