// The commands that talk to a running Sluice: `peers`, `purge` and `reload`.

import { type AdminReply, type AdminRequest, adminAddress, askAdmin } from './admin-client.ts';
import {
  type CliIo,
  exitCodes,
  type PeersCommand,
  type PurgeCliCommand,
  type ReloadCommand,
} from './command.ts';
import { formatUpstreams, type ShownUpstream } from './peers-table.ts';

type Running = PeersCommand | PurgeCliCommand | ReloadCommand;

/** Runs one of them; returns the exit code. */
export async function runRunning(command: Running, io: CliIo): Promise<number> {
  const address = adminAddress(command.admin, io.env);
  if (address === null) {
    const where = command.admin === null ? 'SLUICE_ADMIN_PORT' : '--admin';
    io.stderr(`sluice: ${where}: expected HOST:PORT of a running Sluice\n`);
    return exitCodes.usage;
  }
  const reply = await askAdmin(address, requestOf(command));
  if (reply.kind === 'done') {
    const text = command.isJson ? json(reply.value) : sentence(command, reply.value);
    io.stdout(text);
    return exitCodes.ok;
  }
  return complain(reply, command, io);
}

function requestOf(command: Running): AdminRequest {
  if (command.name === 'reload') return { method: 'POST', path: '/api/reload' };
  if (command.name === 'purge') {
    return { method: 'POST', path: '/api/cache/purge', body: command.body };
  }
  const { action, upstream, url, weight } = command;
  const upstreams = '/api/upstreams';
  if (upstream === null) return { method: 'GET', path: upstreams };
  const one = `${upstreams}/${encodeURIComponent(upstream)}`;
  if (action === 'list') return { method: 'GET', path: one };
  const peer = `${one}/peers/${encodeURIComponent(url ?? '')}`;
  switch (action) {
    case 'add': {
      const body = weight === null ? { url } : { url, weight };
      return { method: 'POST', path: `${one}/peers`, body };
    }
    case 'remove':
      return { method: 'DELETE', path: peer };
    case 'weight':
      return { method: 'PATCH', path: peer, body: { weight } };
    case 'drain':
    case 'undrain':
      return { method: 'PATCH', path: peer, body: { draining: action === 'drain' } };
  }
}

function sentence(command: Running, value: unknown): string {
  if (command.name === 'reload') {
    const { version, isChanged } = value as { version: number; isChanged: boolean };
    return isChanged
      ? `configuration ${version} is live in every worker\n`
      : `the configuration is unchanged (${version})\n`;
  }
  if (command.name === 'purge') {
    const { workers } = value as { workers: number };
    const where = workers === 1 ? 'the worker' : `all ${workers} workers`;
    return `purged in ${where}${command.body['soft'] === true ? ', to stale' : ''}\n`;
  }
  const { action, upstream, url, weight } = command;
  switch (action) {
    case 'list': {
      const all = upstream === null ? (value as { upstreams: ShownUpstream[] }).upstreams : [value];
      return formatUpstreams(all as ShownUpstream[]);
    }
    case 'add':
      return `${url} is a peer of ${upstream} in every worker\n`;
    case 'remove':
      return `${url} is no peer of ${upstream} any more\n`;
    case 'weight':
      return `${url} has weight ${weight} in every worker\n`;
    case 'drain':
      return `${url} gets no new work\n`;
    case 'undrain':
      return `${url} gets work again\n`;
  }
}

function complain(
  reply: Exclude<AdminReply, { kind: 'done' }>,
  command: Running,
  io: CliIo,
): number {
  const isRefused = reply.kind === 'refused';
  if (command.isJson) io.stdout(json({ error: reply }));
  else {
    const details = isRefused ? reply.problems.filter((one) => !reply.message.startsWith(one)) : [];
    const lines = details.flatMap((one) => one.split('\n')).map((line) => `\n    ${line.trim()}`);
    io.stderr(`sluice: ${reply.message}${lines.join('')}\n`);
  }
  return isRefused ? exitCodes.refused : exitCodes.unreachable;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
