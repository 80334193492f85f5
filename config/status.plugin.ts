// A plugin of the example plugins.yaml: a handler, which answers in place of an upstream.

import { definePlugin } from 'sluice/plugin';

const startedMs = Date.now();

export default definePlugin({
  fetch(request, { clientAddress }) {
    if (request.method !== 'GET') return new Response('GET only\n', { status: 405 });
    const upSeconds = Math.round((Date.now() - startedMs) / 1000);
    return Response.json({ upSeconds, clientAddress, url: request.url });
  },
});
