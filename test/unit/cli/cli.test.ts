// The command line: what each form means, and what is said about the forms that mean nothing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCli } from '../../../src/cli/cli.ts';
import { readAddress } from '../../../src/cli/flags.ts';

const nothing = { file: null, isWithoutFile: false, flags: [] };

describe('parseCli', () => {
  const rows: [string, ReturnType<typeof parseCli>][] = [
    ['', { name: 'run', ...nothing }],
    ['run', { name: 'run', ...nothing }],
    ['app.yaml', { name: 'run', ...nothing, file: 'app.yaml' }],
    ['run app.yaml', { name: 'run', ...nothing, file: 'app.yaml' }],
    ['./app', { name: 'run', ...nothing, file: './app' }],
    ['run app', { name: 'run', ...nothing, file: 'app' }],
    ['check', { name: 'check', ...nothing, show: 'summary', isJson: false }],
    [
      'check a.ts --print',
      { name: 'check', ...nothing, file: 'a.ts', show: 'print', isJson: false },
    ],
    ['--env check a.ts', { name: 'check', ...nothing, file: 'a.ts', show: 'env', isJson: false }],
    [
      'check a.ts --json',
      { name: 'check', ...nothing, file: 'a.ts', show: 'summary', isJson: true },
    ],
    ['trust', { name: 'trust', ...nothing, isPem: false }],
    ['trust a.ts --pem', { name: 'trust', ...nothing, file: 'a.ts', isPem: true }],
    ['schema', { name: 'schema' }],
    ['demo', { name: 'demo', flags: [] }],
    ['--help', { name: 'help' }],
    ['-h', { name: 'help' }],
    ['help', { name: 'help' }],
    ['check --help', { name: 'help' }],
    ['--version', { name: 'version' }],
    ['-V', { name: 'version' }],
    ['-- app.yaml', { name: 'run', ...nothing, file: 'app.yaml' }],
  ];
  for (const [line, expected] of rows) {
    it(`reads "sluice ${line}" as ${expected.name}`, () => {
      assert.deepEqual(parseCli(line.split(' ').filter((word) => word !== '')), expected);
    });
  }

  it('reads the one-line use into a whole configuration', () => {
    const line = '--listen :8080 --to http://a:1 --to http://b:2 --cores 2';
    assert.deepEqual(parseCli(line.split(' ')), {
      name: 'run',
      file: null,
      isWithoutFile: true,
      flags: [
        { path: ['cores'], value: '2', name: '--cores' },
        { path: ['listeners'], value: [{ port: 8080 }], name: '--listen' },
        {
          path: ['upstreams', 'app', 'peers'],
          value: [{ url: 'http://a:1' }, { url: 'http://b:2' }],
          name: '--to',
        },
        { path: ['routes'], value: [{ to: 'app' }], name: '--to' },
      ],
    });
  });

  const flags: [string, [string, unknown][]][] = [
    ['--cores=auto', [['cores', 'auto']]],
    ['--admin off', [['admin.enabled', false]]],
    [
      '--admin 9901',
      [
        ['admin.enabled', true],
        ['admin.port', 9901],
      ],
    ],
    [
      '--admin [::1]:9901',
      [
        ['admin.enabled', true],
        ['admin.port', 9901],
        ['admin.host', '::1'],
      ],
    ],
    ['--log-access combined', [['log.access', 'combined']]],
    ['--access-file -', [['log.accessFile', '-']]],
    ['--log-level debug', [['log.level', 'debug']]],
    ['--set a.b=c=d', [['a.b', 'c=d']]],
    [
      '--set listeners[0].port=1 --cores 2',
      [
        ['cores', '2'],
        ['listeners.0.port', '1'],
      ],
    ],
    ['--set headers.via=', [['headers.via', '']]],
  ];
  for (const [line, expected] of flags) {
    it(`reads ${line}`, () => {
      const command = parseCli(['app.yaml', ...line.split(' ')]);
      assert.equal(command.name, 'run');
      assert.ok('flags' in command);
      assert.deepEqual(
        command.flags.map(({ path, value }) => [path.join('.'), value]),
        expected,
      );
    });
  }

  const wrong: [string, string][] = [
    ['--coers 2', 'unknown flag --coers; did you mean --cores?'],
    ['--log_level info', 'unknown flag --log_level; did you mean --log-level?'],
    ['--banana', 'unknown flag --banana'],
    ['-x', 'unknown flag -x'],
    ['--constructor', 'unknown flag --constructor'],
    ['chek', "unknown command 'chek'; did you mean 'check'?"],
    ['chek app.yaml', "unknown command 'chek'; did you mean 'check'?"],
    ['banana', "unknown command 'banana'"],
    ['a.yaml b.yaml', "run takes one CONFIG, got 'b.yaml' as well"],
    ['check a.yaml b.yaml', "check takes one CONFIG, got 'b.yaml' as well"],
    ['schema a.yaml', "schema takes no CONFIG, got 'a.yaml'"],
    ['schema --cores 2', 'schema takes no --cores'],
    ['run --print', '--print is a flag of check'],
    ['check --print --env', '--print or --env, not both'],
    ['check --print=yes', "--print takes no value, got 'yes'"],
    ['--cores', "--cores needs a number or 'auto'"],
    ['--cores=', "--cores needs a number or 'auto'"],
    ['--cores 1 --cores 2', '--cores stands twice'],
    ['--listen --to http://a', "--listen needs [HOST]:PORT such as ':8080'"],
    ['--listen localhost', "--listen: expected [HOST]:PORT such as ':8080', got 'localhost'"],
    ['--listen :1 --listen ::1:80', "--listen: expected [HOST]:PORT such as ':8080', got '::1:80'"],
    ['--admin on', "--admin: expected HOST:PORT or 'off', got 'on'"],
    ['--set cores', "--set: expected path=value such as 'limits.replayBytes=64KiB', got 'cores'"],
    ['--set =1', "--set: expected path=value such as 'limits.replayBytes=64KiB', got '=1'"],
    [
      'a.yaml --to http://a',
      "--to is for use without a file; 'a.yaml' says itself where requests go",
    ],
  ];
  for (const [line, message] of wrong) {
    it(`refuses "sluice ${line}"`, () => {
      assert.deepEqual(parseCli(line.split(' ')), { name: 'usage', message });
    });
  }
});

describe('readAddress', () => {
  const rows: [string, ReturnType<typeof readAddress>][] = [
    [':8080', { port: 8080 }],
    ['8080', { port: 8080 }],
    ['*:8080', { host: null, port: 8080 }],
    ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['localhost:80', { host: 'localhost', port: 80 }],
    ['::1:80', null],
    [':', null],
    ['a:b', null],
    ['', null],
  ];
  for (const [text, expected] of rows) {
    it(`reads ${JSON.stringify(text)} as ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(readAddress(text), expected);
    });
  }
});
