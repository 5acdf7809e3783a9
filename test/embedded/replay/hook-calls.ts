import { compareHeaders } from './compare-headers.js'
import { compareJson } from './compare-json.js'
import type { Comparison } from './compare-text.js'
import type { HookTarget } from './hook-target.js'
import type { HookCall, HookStep, StepResult } from './types.js'

/** The waits between attempts are whole seconds; the recorder added much less. */
const spacingToleranceMs = 500

/** Only the length differs per run. `Host` is the target's address here, which is mapped like any other text. */
const ignoredHeaders = new Set(['content-length', 'transfer-encoding', 'date'])

/**
 * Compares the calls that the web hook target got: method, path, headers, body, number of attempts and time between
 * them.
 */
export function compareHookCalls (
  steps: readonly HookStep[],
  target: HookTarget,
  comparison: Comparison,
  hosts: (text: string) => string,
): StepResult[] {
  return steps.map((step) => {
    const own: Comparison = { ...comparison, differences: [] }
    const live = target.callsDuring(step.during).map((call) => JSON.parse(hosts(JSON.stringify(call))) as HookCall)
    compareAttempts(step, live, own)
    return { index: -1, step: `web hook calls during "${step.during}"`, differences: own.differences }
  })
}

function compareAttempts ({ calls }: HookStep, live: HookCall[], comparison: Comparison): void {
  if (calls.length !== live.length) {
    comparison.differences.push({ at: 'calls', recorded: String(calls.length), live: String(live.length) })
  }
  calls.slice(0, live.length).forEach((call, index) => {
    const other = live[index]
    if (other !== undefined) compareCall(call, other, index, comparison)
  })
  const spacing = (list: HookCall[]): number[] =>
    list.slice(1).map((call, index) => call.at_ms - (list[index]?.at_ms ?? 0))
  const liveSpacing = spacing(live)
  spacing(calls).forEach((recorded, index) => {
    const between = liveSpacing[index]
    if (between === undefined || Math.abs(recorded - between) <= spacingToleranceMs) return
    comparison.differences.push({
      at: `ms between attempts ${index + 1} and ${index + 2}`,
      recorded: String(recorded),
      live: String(between),
    })
  })
}

function compareCall (recorded: HookCall, live: HookCall, index: number, comparison: Comparison): void {
  const own: Comparison = { ...comparison, differences: [] }
  const { request } = recorded
  for (const member of ['method', 'url', 'http_version'] as const) {
    if (request[member] !== live.request[member]) {
      own.differences.push({ at: member, recorded: String(request[member]), live: String(live.request[member]) })
    }
  }
  compareHeaders(request.headers, live.request.headers, own, ignoredHeaders)
  compareJson(request.body ?? null, live.request.body ?? null, { at: 'body' }, own)
  comparison.differences.push(
    ...own.differences.map((difference) => ({ ...difference, at: `call ${index + 1} ${difference.at}` })),
  )
}
