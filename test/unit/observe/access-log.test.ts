// The access log on real files and pipes: batches, rotation, full buffers, and the end of the process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AccessLog, createAccessLog } from '../../../src/observe/access-log.ts';
import { DEADLINE_MS, until, withDeadline } from '../../support/deadline.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { finishedExchange } from './finished-exchange.ts';

const WRITER = fileURLToPath(new URL('./access-log-writer.ts', import.meta.url));
const noProblem = (error: Error) => assert.fail(error);

function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'latin1').split('\n').slice(0, -1) : [];
}

describe('access log', () => {
  it('is null when it is off', () => {
    assert.equal(createAccessLog({ format: 'off', file: '-', onProblem: noProblem }), null);
  });

  it('writes what it was given, in order, by the time it is closed', async (context) => {
    const file = createTempDir(context).file('access.log');
    const log = new AccessLog({ format: 'json', file, onProblem: noProblem });
    for (let at = 0; at < 1000; at += 1) log.record(finishedExchange({ target: `/${at}` }), at);
    await log.close();
    const targets = linesOf(file).map((line) => (JSON.parse(line) as { target: string }).target);
    assert.deepEqual(
      targets,
      Array.from({ length: 1000 }, (_, at) => `/${at}`),
    );
    assert.equal(log.drops, 0);
  });

  it('cuts the values of a line that is larger than a batch, and loses none before it', async (context) => {
    const file = createTempDir(context).file('access.log');
    const log = new AccessLog({ format: 'json', file, onProblem: noProblem });
    const long = '\xff'.repeat(4096);
    log.record(finishedExchange({ target: '/before' }), 1);
    log.record(
      finishedExchange({ target: long, userAgent: long, referer: long, clientAddress: long }),
      1,
    );
    log.record(finishedExchange({ target: '/after' }), 1);
    await log.close();
    const targets = linesOf(file).map((line) => (JSON.parse(line) as { target: string }).target);
    assert.deepEqual(targets, ['/before', `${'\xff'.repeat(64)}...`, '/after']);
  });

  it('writes a lone line soon', async (context) => {
    const file = createTempDir(context).file('access.log');
    const log = new AccessLog({ format: 'combined', file, onProblem: noProblem });
    context.after(() => log.close());
    log.record(finishedExchange(), 1);
    await until(() => linesOf(file).length === 1, { what: 'the line' });
  });

  it('goes on in a new file after the old one was moved away', async (context) => {
    const folder = createTempDir(context);
    const file = folder.file('access.log');
    const log = new AccessLog({ format: 'json', file, onProblem: noProblem });
    context.after(() => log.close());
    log.record(finishedExchange({ target: '/old' }), 1);
    log.flush();
    await until(() => linesOf(file).length === 1, { what: 'the first line' });
    renameSync(file, folder.file('access.log.1'));
    log.reopen();
    await until(() => existsSync(file), { what: 'the new file' });
    log.record(finishedExchange({ target: '/new' }), 1);
    log.flush();
    await until(() => linesOf(file).length === 1, { what: 'the second line' });
    assert.match(linesOf(file)[0]!, /"target":"\/new"/);
    assert.match(linesOf(folder.file('access.log.1'))[0]!, /"target":"\/old"/);
  });

  it('finds out by itself that the file was moved away or removed', async (context) => {
    const folder = createTempDir(context);
    const file = folder.file('access.log');
    const log = new AccessLog({ format: 'json', file, onProblem: noProblem });
    context.after(() => log.close());
    renameSync(file, folder.file('access.log.1'));
    await until(() => existsSync(file), { what: 'the new file' });
    rmSync(file);
    await until(() => existsSync(file), { what: 'the newer file' });
    log.record(finishedExchange(), 1);
    await until(() => linesOf(file).length === 1, { what: 'a line in it' });
  });

  it('drops and counts whole lines when its buffer is full', async (context) => {
    const file = createTempDir(context).file('access.log');
    const bufferBytesMax = 50_000;
    const log = new AccessLog({ format: 'json', file, onProblem: noProblem, bufferBytesMax });
    // Synchronously: the writer gets no chance to make room.
    for (let at = 0; at < 5000; at += 1) log.record(finishedExchange(), 1);
    await log.close();
    const lines = linesOf(file);
    assert.ok(log.drops > 0);
    assert.equal(lines.length + log.drops, 5000);
    for (const line of lines) JSON.parse(line);
  });

  it('refuses at boot a file that it can not open', () => {
    assert.throws(
      () => new AccessLog({ format: 'json', file: '/nowhere/a.log', onProblem: noProblem }),
      /ENOENT/,
    );
  });
});

describe('access log on standard output', () => {
  it('keeps every line whole when several processes share one pipe and its reader is slow', async (context) => {
    // A shell makes a real pipe (node's own are sockets), shared by three writers.
    const one = `"${process.execPath}" "${WRITER}" 2000`;
    const shell = spawn('sh', ['-c', `(${one} & ${one} & ${one} & wait) | cat`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    context.after(() => shell.kill('SIGKILL'));
    let text = '';
    shell.stdout.setEncoding('latin1').on('data', (part: string) => {
      text += part;
    });
    const ended = new Promise((resolve) => shell.once('close', resolve));
    await withDeadline(ended, 60_000, 'three writers end');
    const lines = text.split('\n').slice(0, -1);
    assert.equal(lines.length, 6000);
    for (const line of lines) JSON.parse(line);
  });

  it('drops, counts, and lets the process end when nobody reads', async (context) => {
    const child = spawn(process.execPath, [WRITER, '20000', '100000'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    context.after(() => {
      child.kill('SIGKILL');
      child.stdout.destroy();
    });
    child.stdout.pause();
    let report = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      report += part;
    });
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    // What it wrote may arrive after the news that it has ended.
    const reported = new Promise((resolve) => child.stderr.once('end', resolve));
    assert.equal(await withDeadline(exit, DEADLINE_MS, 'the writer ends'), 0);
    await withDeadline(reported, DEADLINE_MS, 'its report');
    const { drops } = JSON.parse(report) as { drops: number };
    assert.ok(drops > 1000, `${drops} drops`);
  });
});
