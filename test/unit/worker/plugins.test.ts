// The plugins of a worker from one configuration to the next: code that is run once, and closed when no
// configuration uses it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseConfig } from '../../../src/config/parse.ts';
import type { Config } from '../../../src/config/schema.ts';
import type { PluginNumbers } from '../../../src/observe/plugin-numbers.ts';
import { Plugins } from '../../../src/worker/plugins.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A configuration whose plugins say in `log` that they are closed. */
function configOf(log: string[], ...versions: string[]): Config {
  Object.assign(globalThis, { pluginLog: log });
  const file = import.meta.filename;
  const config = parseConfig({
    plugins: versions.map((version) => ({ file, name: version.split('-')[0] })),
    upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
    routes: [{ to: 'app' }],
  });
  for (const version of versions) {
    const code = `return (async () => { pluginLog.push('load ${version}');
      const close = () => pluginLog.push('close ${version}');
      $sluice.provide({ default: () => ({ request() {}, close }) });
    })()`;
    config.pluginCode[version.split('-')[0]!] = [{ path: '/p.js', code, imports: [] }];
  }
  return config;
}

describe('the plugins of a worker', () => {
  it('run once, as long as nothing about them changes', async () => {
    const log: string[] = [];
    const plugins = new Plugins(quiet);
    const first = await plugins.stage(configOf(log, 'a-1'));
    plugins.settle();
    const second = await plugins.stage(configOf(log, 'a-1', 'b-1'));
    plugins.settle();
    assert.equal(second.get('a'), first.get('a'));
    assert.deepEqual(log, ['load a-1', 'load b-1']);
  });

  it('are closed when another version is live, and keep their numbers', async () => {
    const log: string[] = [];
    const plugins = new Plugins(quiet);
    const numbersOf = async (version: string): Promise<PluginNumbers> => {
      const units = await plugins.stage(configOf(log, version));
      return units.get('a')!.numbers;
    };
    (await numbersOf('a-1')).calls = 7;
    plugins.settle();
    const numbers = await numbersOf('a-2');
    assert.deepEqual(log, ['load a-1', 'load a-2']);
    plugins.settle();
    assert.deepEqual(log, ['load a-1', 'load a-2', 'close a-1']);
    assert.equal(numbers.calls, 7);
    assert.deepEqual(plugins.samples, [{ plugin: 'a', numbers: [7, 0, 0, 0, 0, 0, 0] }]);
    plugins.close();
    assert.equal(log.at(-1), 'close a-2');
  });

  it('are closed when the configuration that brought them is given up', async () => {
    const log: string[] = [];
    const plugins = new Plugins(quiet);
    await plugins.stage(configOf(log, 'a-1'));
    plugins.settle();
    await plugins.stage(configOf(log, 'a-1', 'b-1'));
    plugins.discard();
    assert.deepEqual(log, ['load a-1', 'load b-1', 'close b-1']);
  });

  it('refuse a configuration by name when their code fails', async () => {
    const config = configOf([], 'a-1');
    config.pluginCode['a'] = [{ path: '/p.js', code: "throw new Error('no')", imports: [] }];
    await assert.rejects(new Plugins(quiet).stage(config), /plugin a: no/);
  });

  it('refuse a configuration whose code does not end, instead of waiting for ever', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const plugins = new Plugins(quiet);
    const config = configOf([], 'a-1');
    config.pluginCode['a'] = [{ path: '/p.js', code: 'return new Promise(() => {})', imports: [] }];
    let problem = '';
    const staged = plugins.stage(config).catch((error: Error) => {
      problem = error.message;
    });
    // The import of what loads plugins takes a few turns before the clock is set.
    for (let turn = 0; turn < 10_000 && problem === ''; turn += 1) {
      context.mock.timers.tick(1000);
      await nextTurn();
    }
    assert.equal(problem, 'plugin a: its code did not end within 8 s');
    await staged;
  });
});
