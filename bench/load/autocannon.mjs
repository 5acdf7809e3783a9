// A process of its own that loads one target with autocannon: `node autocannon.mjs <plan.json>`; prints one line of
// JSON for load.ts.
import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'

const { url, connections, seconds, amount, requests } = JSON.parse(readFileSync(process.argv[2], 'utf8'))

/** Every connection has its own share of the requests: given whole, the list would be walked by all of them in step. */
let connection = 0
function setupClient (client) {
  const own = requests.filter((_request, position) => position % connections === connection % connections)
  connection++
  client.setRequests((own.length > 0 ? own : requests).map((request) => ({ ...request })))
}

const result = await autocannon({
  url,
  connections,
  setupClient,
  ...(amount === undefined ? { duration: seconds } : { amount }),
})
process.stdout.write(`${
  JSON.stringify({
    requests: result['2xx'] + result.non2xx,
    seconds: result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    bad: result.non2xx,
    broken: result.errors + result.timeouts,
  })
}\n`)
