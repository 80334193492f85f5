// The registry of perf's scenarios and its options.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HELP, readOptions } from '../../../perf/options.ts';
import { perfScenarioNamed, perfScenarios } from '../../../perf/scenarios.ts';

describe('perfScenarios', () => {
  it('have names of their own, all of them in the help', () => {
    const names = perfScenarios.map((each) => each.name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.ok(HELP.includes(name), name);
  });

  it('are found by name; an unknown name lists those there are', () => {
    assert.equal(perfScenarioNamed('events').load.kind, 'event');
    assert.throws(() => perfScenarioNamed('nothing'), /small-get, .*events/);
  });
});

describe('readOptions', () => {
  it('watches garbage collection unless told otherwise', () => {
    assert.equal(readOptions([], {})?.gc, true);
    assert.equal(readOptions(['--no-gc'], {})?.gc, false);
    assert.equal(readOptions([], { SLUICE_PERF_GC: '0' })?.gc, false);
  });

  it('runs all scenarios when asked for all', () => {
    assert.equal(
      readOptions(['--scenario', 'all'], {})?.scenarioNames.length,
      perfScenarios.length,
    );
  });
});
