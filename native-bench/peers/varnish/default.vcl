# Varnish as the proxy under test: nothing is cached, for this is about forwarding; connections to the
# origin are kept. Source: varnish-cache.org, "VCL built-in subroutines" (pass, pipe for WebSocket).
# {{...}} is filled in by native-bench/native-peers.ts.
vcl 4.1;

backend origin {
  .host = "127.0.0.1";
  .port = "{{originPort}}";
}

sub vcl_recv {
  if (req.http.upgrade ~ "(?i)websocket") {
    return (pipe);
  }
  return (pass);
}

sub vcl_pipe {
  if (req.http.upgrade) {
    set bereq.http.upgrade = req.http.upgrade;
    set bereq.http.connection = req.http.connection;
  }
}
