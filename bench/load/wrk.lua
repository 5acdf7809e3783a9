-- Sends the requests of a file in turn; the file has "<length>\n<bytes>" for each of them. Prints one line of JSON for load.ts.
local requests = {}
local position = 0

function init (args)
  local file = assert(io.open(args[1], 'rb'))
  while true do
    local length = file:read('*n')
    if not length then break end
    file:read(1)
    requests[#requests + 1] = file:read(length)
  end
  file:close()
end

function request ()
  position = position % #requests + 1
  return requests[position]
end

function done (summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%.6f,"p50Ms":%.3f,"p99Ms":%.3f,"bad":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
