// Every flag: what it takes, and which settings it changes.

import type { Assignment } from '../config/draft.ts';
import { parsePath } from '../config/path.ts';

/** A flag that takes a value and changes settings. */
export interface SettingFlag {
  readonly isRepeatable?: boolean;
  /** What the value looks like, for messages. */
  readonly value: string;
  /** Returns the changes that all values of this flag ask for together, or null when one is wrong. */
  readonly read: (values: readonly string[]) => Assignment[] | null;
}

/** The flags of run, check and demo, without their dashes. */
export const settingFlags: Readonly<Record<string, SettingFlag>> = {
  cores: { value: "a number or 'auto'", read: simple('--cores', ['cores']) },
  listen: {
    isRepeatable: true,
    value: "[HOST]:PORT such as ':8080'",
    read(values) {
      const listeners = values.map(readAddress);
      if (listeners.includes(null)) return null;
      return [{ path: ['listeners'], value: listeners, name: '--listen' }];
    },
  },
  to: {
    isRepeatable: true,
    value: "a URL such as 'http://127.0.0.1:9001'",
    read: (values) => [
      {
        path: ['upstreams', 'app', 'peers'],
        value: values.map((url) => ({ url })),
        name: '--to',
      },
      { path: ['routes'], value: [{ to: 'app' }], name: '--to' },
    ],
  },
  admin: {
    value: "HOST:PORT or 'off'",
    read(values) {
      const value = values.at(-1)!;
      if (value === 'off') return [{ path: ['admin', 'enabled'], value: false, name: '--admin' }];
      const address = readAddress(value);
      if (address === null) return null;
      const changes = [
        { path: ['admin', 'enabled'], value: true, name: '--admin' },
        { path: ['admin', 'port'], value: address.port, name: '--admin' },
      ];
      if (address.host === undefined || address.host === null) return changes;
      return [...changes, { path: ['admin', 'host'], value: address.host, name: '--admin' }];
    },
  },
  'log-access': {
    value: "'json', 'combined' or 'off'",
    read: simple('--log-access', ['log', 'access']),
  },
  'access-file': { value: "a path or '-'", read: simple('--access-file', ['log', 'accessFile']) },
  'log-level': { value: "a level such as 'info'", read: simple('--log-level', ['log', 'level']) },
  set: {
    isRepeatable: true,
    value: "path=value such as 'limits.replayBytes=64KiB'",
    read(values) {
      const changes = values.map(readSet);
      return changes.includes(null) ? null : (changes as Assignment[]);
    },
  },
};

/** Reads '[HOST]:PORT' or a port alone; '*' is every address. Null when it is neither. */
export function readAddress(text: string): { host?: string | null; port: number } | null {
  const [, host, digits] = /^(?:(\[[^\]]+\]|[^:[\]]*):)?(\d{1,6})$/.exec(text) ?? [];
  if (digits === undefined) return null;
  const port = Number(digits);
  if (host === undefined || host === '') return { port };
  return { host: host === '*' ? null : host.replace(/^\[|\]$/g, ''), port };
}

function simple(name: string, path: string[]): SettingFlag['read'] {
  return (values) => [{ path, value: values.at(-1), name }];
}

function readSet(text: string): Assignment | null {
  const equals = text.indexOf('=');
  const path = equals <= 0 ? null : parsePath(text.slice(0, equals));
  if (path === null) return null;
  return { path, value: text.slice(equals + 1), name: `--set ${text.slice(0, equals)}` };
}
