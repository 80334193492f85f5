// The files of plugins are watched: those of the configuration that is live, and no others.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { it } from 'node:test';
import type { Config } from '../../../src/config/schema.ts';
import { PluginWatch } from '../../../src/primary/plugin-watch.ts';
import { systemTimers } from '../../../src/std/timers.ts';
import { until } from '../../support/deadline.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { recordEvents } from './fake-fleet.ts';

function configOf(...paths: string[]): Config {
  const code = paths.map((path) => ({ path, code: '', imports: [] }));
  return { pluginCode: { hello: code } } as unknown as Config;
}

it('a change of any file of a live plugin is told, of others not', async (context) => {
  const folder = createTempDir(context);
  const [old, other, main] = ['old.js', 'other.js', 'main.js'].map((name) => folder.file(name));
  for (const file of [old!, other!, main!]) writeFileSync(file, '1');
  let changes = 0;
  const watch = new PluginWatch({
    timers: systemTimers,
    events: recordEvents(),
    onChange: () => {
      changes += 1;
    },
  });
  context.after(() => watch.close());
  const later = Date.now() + 60_000;
  watch.follow(configOf(old!, main!), later);
  watch.follow(configOf(other!, main!), later);
  await watch.ready;
  writeFileSync(old!, '2');
  writeFileSync(other!, '2');
  await until(() => changes === 1, { what: 'a change' });
  writeFileSync(main!, '2');
  await until(() => changes === 2, { what: 'another change' });
  assert.equal(changes, 2);
});
