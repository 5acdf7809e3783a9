// A process of its own that sends at a fixed rate, whatever the answers do: `node paced.mjs <plan.json>`; prints one
// line of JSON. A request's latency counts from the moment it was due, so a target that stalls pays for everyone who
// had to wait (no coordinated omission). autocannon's `overallRate` sends each second's share at once and then waits,
// which is another thing.
import { readFileSync } from 'node:fs'
import { Pool } from 'undici'

const { url, connections, seconds, rate, requests } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const pool = new Pool(url, { connections, pipelining: 1 })
/** The first half second, in which connections are made and this process itself warms up, has no latencies. */
const uncounted = Math.floor(rate / 2)
const total = uncounted + rate * seconds
/** Latencies in milliseconds by status. */
const latencies = {}
let sent = 0
let bad = 0
let broken = 0
let settled = 0
/** Refusals that do not say when to come back. */
let unexplained = 0
const start = performance.now()

async function send (request, dueMs, isCounted) {
  try {
    const { statusCode, headers, body } = await pool.request(request)
    await body.dump()
    if (statusCode < 200 || statusCode > 299) bad++
    if (statusCode === 503 && headers['retry-after'] === undefined) unexplained++
    if (isCounted) (latencies[statusCode] ??= []).push(performance.now() - dueMs)
  } catch {
    broken++
  }
  settled++
  if (settled === total) report()
}

function summary (list) {
  const sorted = list.toSorted((a, b) => a - b)
  const percentile = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { count: list.length, p50Ms: percentile(0.5), p99Ms: percentile(0.99) }
}

function report () {
  const { p50Ms, p99Ms } = summary(Object.values(latencies).flat())
  const byStatus = Object.fromEntries(Object.entries(latencies).map(([status, list]) => [status, summary(list)]))
  const result = {
    requests: settled,
    seconds: (performance.now() - start) / 1000,
    p50Ms,
    p99Ms,
    bad,
    broken,
    unexplained,
    byStatus,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  pool.destroy()
}

function tick () {
  const due = Math.min(total, Math.floor((performance.now() - start) * rate / 1000) + 1)
  for (; sent < due; sent++) send(requests[sent % requests.length], start + sent * 1000 / rate, sent >= uncounted)
  if (sent < total) setTimeout(tick, 1)
}
tick()
