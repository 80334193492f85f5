// The page that a demo backend shows to browsers: who answered, what arrived, and both streams live.

/** Renders the page; `facts` is text to show as it is. */
export function renderPage(backend: string, facts: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sluice demo: ${escapeHtml(backend)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto }
  pre { background: #f3f4f6; padding: 1rem; overflow-x: auto }
  @media (prefers-color-scheme: dark) {
    body { background: #111; color: #ddd }
    pre { background: #222 }
  }
</style>
<h1>${escapeHtml(backend)} answered</h1>
<p>Reload: the other backend answers. This is what reached it through the proxy:</p>
<pre>${escapeHtml(facts)}</pre>
<p>Server-sent events from <a href="/events">/events</a>: <output id="clock">…</output></p>
<p>WebSocket echo from /socket: <output id="echo">…</output></p>
<p><a href="/slow?seconds=3">A slow answer</a></p>
<script>
  const show = (id, text) => { document.getElementById(id).textContent = text };
  new EventSource('/events').onmessage = (event) => show('clock', event.data);
  const socket = new WebSocket('ws://' + location.host + '/socket');
  socket.onmessage = (event) => show('echo', event.data);
  socket.onopen = () => setInterval(() => socket.send('ping at ' + new Date().toISOString()), 1000);
</script>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
