import { compareText, type Comparison } from './compare-text.js'
import type { Place } from './tokens.js'
import { isJsonObject, type Json, type JsonObject } from './types.js'

/** Message ids of backup codes: the texts in such a message are codes. */
const lookupMessageIds = new Set<Json>([1050009, 1050015])

/** `since` of an expired flow, in nanoseconds. */
const sinceToleranceNs = 2e9

interface Spot extends Place {
  at: string
}

/** Compares structure and values, including nulls. The order of items matters, that of members does not. */
export function compareJson (recorded: Json, live: Json, spot: Spot, comparison: Comparison): void {
  if (typeof recorded === 'string' && typeof live === 'string') {
    compareText(recorded, live, spot.at, spot, comparison)
  } else if (Array.isArray(recorded) && Array.isArray(live)) {
    compareItems(recorded, live, spot, comparison)
  } else if (isJsonObject(recorded) && isJsonObject(live)) {
    compareMembers(recorded, live, spot, comparison)
  } else if (!isSameScalar(recorded, live, spot)) {
    report(spot.at, short(recorded), short(live), comparison)
  }
}

function isSameScalar (recorded: Json, live: Json, { member }: Spot): boolean {
  if (member === 'since' && typeof recorded === 'number' && typeof live === 'number') {
    return Math.abs(recorded - live) <= sinceToleranceNs
  }
  return recorded === live
}

function compareMembers (recorded: JsonObject, live: JsonObject, spot: Spot, comparison: Comparison): void {
  const isLookup = spot.isLookup === true || lookupMessageIds.has(recorded['id'] ?? null)
  for (const [member, value] of Object.entries(recorded)) {
    const at = `${spot.at}.${member}`
    const other = live[member]
    if (other === undefined) report(at, short(value), 'absent', comparison)
    else compareJson(value, other, { at, member, isLookup, ...cookiePlace(spot, member) }, comparison)
  }
  for (const [member, value] of Object.entries(live)) {
    if (recorded[member] === undefined) report(`${spot.at}.${member}`, 'absent', short(value), comparison)
  }
}

/** The context of a web hook has the request's cookies by name. */
export const cookiePlace = ({ member: parent }: Place, member: string): Place =>
  parent === 'request_cookies' ? { cookie: member } : {}

function compareItems (recorded: Json[], live: Json[], spot: Spot, comparison: Comparison): void {
  if (spot.member === 'nodes' && compareNodes(recorded, live, spot, comparison)) return
  if (recorded.length !== live.length) {
    report(spot.at, `${recorded.length} items ${short(recorded)}`, `${live.length} items ${short(live)}`, comparison)
  }
  recorded.slice(0, live.length).forEach((item, index) => {
    compareJson(item, live[index] ?? null, { ...spot, at: `${spot.at}[${index}]` }, comparison)
  })
}

/** Missing nodes and nodes in another order are reported once by name; then nodes of the same name are compared. */
function compareNodes (recorded: Json[], live: Json[], spot: Spot, comparison: Comparison): boolean {
  const recordedNames = recorded.map(nodeName)
  const liveNames = live.map(nodeName)
  if (recordedNames.join() === liveNames.join()) return false
  report(spot.at, recordedNames.join(' '), liveNames.join(' '), comparison)
  const rest = live.map((node, index) => ({ name: liveNames[index], node }))
  recorded.forEach((node, index) => {
    const namesake = rest.findIndex(({ name }) => name === recordedNames[index])
    const [found] = namesake === -1 ? [] : rest.splice(namesake, 1)
    if (found !== undefined) compareJson(node, found.node, { at: `${spot.at}[${recordedNames[index]}]` }, comparison)
  })
  return true
}

function nodeName (node: Json): string {
  if (!isJsonObject(node) || !isJsonObject(node['attributes'])) return '?'
  const { name, id, type, value } = node['attributes']
  const isButton = type === 'submit' || type === 'button'
  return `${String(node['group'])}:${String(name ?? id)}${isButton ? `=${String(value)}` : ''}`
}

function report (at: string, recorded: string, live: string, comparison: Comparison): void {
  comparison.differences.push({ at, recorded, live })
}

/** A value for messages: JSON, cut if it is long. */
export function short (value: Json | undefined): string {
  if (value === undefined) return 'absent'
  const text = JSON.stringify(value)
  return text.length > 160 ? `${text.slice(0, 157)}...` : text
}
