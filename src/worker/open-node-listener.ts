// Opens a listener of the engine node: the only thing about it that takes a promise.

import { NodeListener, type NodeListenerOptions } from './listener/node/listener.ts';

/** Opens a listener; rejects with an Error when the address, or its TLS, can't be had. */
export function openNodeListener(options: NodeListenerOptions): Promise<NodeListener> {
  return new Promise((resolve, reject) => {
    const listener = new NodeListener(options);
    listener.listen(options, (error) => {
      if (error === null) resolve(listener);
      else reject(error);
    });
  });
}
