# Varnish with a cache, as it comes: the built-in subroutines decide what is kept. JSON is compressed when it
# is stored, once, which is what Varnish recommends; it is decompressed for clients without gzip.
# Source: varnish-cache.org, "VCL built-in subroutines"; "Compression", do_gzip.
# {{...}} is filled in by native-bench/native-peers.ts.
vcl 4.1;

backend origin {
  .host = "127.0.0.1";
  .port = "{{originPort}}";
}

sub vcl_backend_response {
  if (bereq.url ~ "\.json$") {
    set beresp.do_gzip = true;
  }
}
