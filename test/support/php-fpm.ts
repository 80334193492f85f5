// A real PHP-FPM with a small application, on a unix socket and on TCP.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Cleanup } from './deadline.ts';
import { startForeignServer } from './foreign-server.ts';
import { freePort } from './free-port.ts';
import { createTempDir } from './temp-dir.ts';

export interface PhpFpm {
  /** Where the scripts are. */
  readonly root: string;
  readonly socket: string;
  readonly port: number;
}

/** Starts PHP-FPM with `scripts` (name to text), 4 processes on each address; ends with `context`. */
export async function startPhpFpm(
  context: Cleanup,
  scripts: Readonly<Record<string, string>>,
): Promise<PhpFpm> {
  const folder = createTempDir(context);
  const root = folder.file('app');
  const socket = folder.file('php.sock');
  const port = await freePort();
  chmodSync(folder.path, 0o755);
  mkdirSync(root);
  mkdirSync(folder.file('sessions'));
  for (const [name, text] of Object.entries(scripts)) writeFileSync(`${root}/${name}`, text);
  const isRoot = process.getuid?.() === 0;
  const pool = (name: string, listen: string) => `[${name}]
listen = ${listen}
${isRoot ? 'user = root\ngroup = root' : ''}
pm = static
pm.max_children = 4
catch_workers_output = yes
php_admin_value[session.save_path] = ${folder.file('sessions')}
php_admin_value[upload_tmp_dir] = ${folder.path}
php_admin_value[upload_max_filesize] = 64M
php_admin_value[post_max_size] = 64M
php_admin_value[log_errors] = On
php_admin_value[error_log] = 
`;
  writeFileSync(
    folder.file('fpm.conf'),
    `[global]
error_log = ${folder.file('fpm.log')}
daemonize = no
${pool('unix', socket)}
${pool('tcp', `127.0.0.1:${port}`)}`,
  );
  const args = ['-F', '-y', folder.file('fpm.conf'), '-n', ...(isRoot ? ['-R'] : [])];
  await startForeignServer('php-fpm8.2', args, { context, isUp: () => isOpen(socket) });
  return { root, socket, port };
}

function isOpen(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
