// Closes the connection without an answer: for those whom an answer would only tell that somebody is here.

import { ProxyError } from '../../../core/errors.ts';
import type { RequestFilter } from '../../../core/filter.ts';

export const closeConnection: RequestFilter = {
  name: 'close',
  apply: () => new ProxyError('closed'),
};
