// A plugin of the example plugins.yaml: sends each tenant, named by the first label of the host or by a
// field, to the upstream that is its own, and tells the client who answered.

import { definePlugin } from 'sluice/plugin';

interface Options {
  /** Upstreams by tenant. */
  readonly tenants: Readonly<Record<string, string>>;
  /** Tenant of requests that name none. */
  readonly otherwise: string;
}

export default definePlugin<Options>({
  options(written) {
    const { tenants, otherwise } = written;
    if (typeof tenants !== 'object' || tenants === null) {
      throw new Error('expected tenants, a map of tenants and upstreams');
    }
    if (typeof otherwise !== 'string' || !(otherwise in tenants)) {
      throw new Error(`expected otherwise to be one of ${Object.keys(tenants).join(', ')}`);
    }
    return { tenants: tenants as Options['tenants'], otherwise };
  },

  request(request, { tenants, otherwise }) {
    const [label = ''] = request.host.split('.');
    const named = request.header('x-tenant') ?? label;
    const tenant = Object.hasOwn(tenants, named) ? named : otherwise;
    request.state['tenant'] = tenant;
    request.upstream = tenants[tenant]!;
    request.setHeader('x-tenant', tenant);
    return undefined;
  },

  response(response, request) {
    response.setHeader('x-served-for', String(request.state['tenant']));
    return undefined;
  },
});
