// The check that a connection (TCP or unix socket) comes about, TLS included where the peer has it.

import { codeOf } from '../../core/connect-failure.ts';
import { openCheckSocket } from './check-socket.ts';
import type { CheckOutcome, CheckTarget } from './check-target.ts';
import { startDeadline } from './deadline.ts';

/** Connects and closes; never throws. */
export function checkTcp(target: CheckTarget): Promise<CheckOutcome> {
  const { secure, settings } = target;
  const socket = openCheckSocket(target);
  const deadline = startDeadline(settings.timeoutMs, () => socket.destroy());
  socket.once(secure ? 'secureConnect' : 'connect', () => {
    deadline.settle('');
    socket.destroy();
  });
  socket.on('error', (error) => deadline.settle(failureText(error)));
  socket.once('close', () => deadline.settle('the connection was closed'));
  return deadline.outcome;
}

/** Returns what is worth telling of an error of a connection. */
export function failureText(error: Error): string {
  const code = codeOf(error);
  return code === '' ? error.message : code;
}
