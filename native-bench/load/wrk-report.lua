-- Sends one kind of request and prints the result of a run as one line of JSON, because wrk's own
-- summary is for eyes. Method and body size come from the environment, header fields from -H.
local method = os.getenv("BENCH_METHOD") or "GET"
local bodyBytes = tonumber(os.getenv("BENCH_BODY_BYTES") or "0")

wrk.method = method
if bodyBytes > 0 then
  wrk.body = string.rep("x", bodyBytes)
  wrk.headers["Content-Type"] = "application/octet-stream"
end

if os.getenv("BENCH_UNIQUE") == "1" then
  -- A run begins in a second of its own, so that no target comes twice.
  local start, count = os.time(), 0
  function request()
    count = count + 1
    return wrk.format(nil, wrk.path .. "?n=" .. start .. "-" .. count)
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'REPORT {"requests":%d,"durationMicros":%d,"bytes":%d,"connectErrors":%d,"readErrors":%d,'
      .. '"writeErrors":%d,"statusErrors":%d,"timeouts":%d,"p50Micros":%d,"p90Micros":%d,'
      .. '"p99Micros":%d,"maxMicros":%d}\n',
    summary.requests, summary.duration, summary.bytes, errors.connect, errors.read,
    errors.write, errors.status, errors.timeout, latency:percentile(50), latency:percentile(90),
    latency:percentile(99), latency.max))
end
