// Who is compared with one slow backend of four: HAProxy, nginx and Sluice, each with one thread or
// worker, and each with what it has of least-connections and of two random choices.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sluiceCommand } from '../contenders.ts';
import { fillTemplate } from '../harness/template.ts';
import { type Command, freePort, type Workbench } from '../harness/workbench.ts';

/** A proxy with one way of balancing. */
export interface BalanceContender {
  readonly name: string;
  readonly command: (lane: BalanceLane) => Omit<Command, 'name' | 'core'>;
}

interface BalanceLane {
  readonly name: string;
  readonly directory: string;
  readonly port: number;
  readonly adminPort: number;
  readonly backends: readonly number[];
}

function haproxy(balance: string): BalanceContender {
  return {
    name: `haproxy ${balance}`,
    command: (lane) => ({
      program: 'haproxy',
      args: ['-db', '-f', writeConfig('haproxy.cfg', lane, balance)],
    }),
  };
}

function nginx(balance: string): BalanceContender {
  return {
    name: `nginx ${balance}`,
    command: (lane) => {
      const config = writeConfig('nginx.conf', lane, balance);
      const errorLog = join(lane.directory, `${lane.name}-error.log`);
      return { program: 'nginx', args: ['-p', lane.directory, '-c', config, '-e', errorLog] };
    },
  };
}

function sluice(balancer: string): BalanceContender {
  return {
    name: `sluice ${balancer}`,
    command: ({ port, adminPort, backends }) => {
      const [originPort = 0, ...others] = backends;
      return sluiceCommand({ port, adminPort, originPort }, [
        ...['--cores', '1', '--set', `upstreams.app.balancer=${balancer}`],
        ...others.flatMap((backend) => ['--to', `http://127.0.0.1:${backend}`]),
      ]);
    },
  };
}

export const balanceContenders: readonly BalanceContender[] = [
  haproxy('leastconn'),
  haproxy('random(2)'),
  nginx('least_conn'),
  nginx('random two least_conn'),
  sluice('power-of-two'),
  sluice('least-connections'),
  sluice('ewma'),
];

/** Starts `contender` on `core` (null: anywhere) and returns its port once it accepts connections. */
export async function startBalanceContender(
  contender: BalanceContender,
  workbench: Workbench,
  of: { backends: readonly number[]; core: number | null },
): Promise<number> {
  const port = await freePort();
  const adminPort = await freePort();
  const name = contender.name.replace(/\W+/g, '-');
  const { directory } = workbench;
  const command = contender.command({ name, directory, port, adminPort, backends: of.backends });
  const running = workbench.start({ ...command, name: contender.name, core: of.core });
  await workbench.accepting(running, port);
  return port;
}

function writeConfig(template: string, lane: BalanceLane, balance: string): string {
  const path = join(lane.directory, `${lane.name}-${template}`);
  const backends = Object.fromEntries(lane.backends.map((port, at) => [`backend${at}`, port]));
  const { name, directory, port } = lane;
  const values = { name, directory, port, balance, ...backends };
  writeFileSync(path, fillTemplate(new URL(template, import.meta.url), values));
  return path;
}
