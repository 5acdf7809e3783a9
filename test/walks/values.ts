import { createHash } from 'node:crypto'
import { totpCode } from '../embedded/replay/totp.js'
import { isObject, type Json } from './steps.js'

/** What a server has told so far, and what the values of a step are made of. */
export interface Known {
  /** Makes the people of this walk others than those of any walk before. */
  run: string
  identities: Map<number, string>
  totpSecret: string | undefined
  lookupSecrets: string[]
  session: string | undefined
  /** The newest flow of each kind. */
  flows: Map<string, string>
  /** What was sent to an address, newest first. */
  mailsTo: (address: string) => Promise<Array<Record<string, string>>>
}

export const PASSWORD = 'Xq7-velvet-harbor-42'
export const OTHER_PASSWORD = 'Lm3-copper-lantern-58'
const UNKNOWN_ID = '6f0d3a52-0c33-4f0e-9d4a-2b6f5f1a7c11'

export const emailOf = (person: string, { run }: Known): string => `p${person}.${run}@example.test`
const userNameOf = (person: string, { run }: Known): string => `user${person}${run}`
/** A number of the range that Ofcom keeps free, so that the library takes it for one. */
const phoneOf = (person: string, { run }: Known): string => `+447700900${(Number(run.slice(-2)) + Number(person)) % 100}`

type Resolve = (argument: string, known: Known) => string | Promise<string>

async function newestIn (person: string, known: Known, pattern: RegExp): Promise<string> {
  for (const { body = '' } of await known.mailsTo(emailOf(person, known))) {
    const [found] = pattern.exec(body) ?? []
    if (found !== undefined) return found
  }
  return '000000'
}

const VALUES: Record<string, Resolve> = {
  email: emailOf,
  shouted: (person, known) => emailOf(person, known).toUpperCase(),
  blank: (person, known) => ` ${emailOf(person, known)} `,
  user: userNameOf,
  phone: phoneOf,
  id: (person, { identities }) => identities.get(Number(person)) ?? UNKNOWN_ID,
  session: (_argument, { session }) => session ?? UNKNOWN_ID,
  flow: (kind, { flows }) => flows.get(kind) ?? UNKNOWN_ID,
  /** How a recovery names an address of which it shows a part only. */
  choice: (person, known) => createHash('sha256').update(emailOf(person, known)).digest('base64'),
  backup: (person, known) => createHash('sha256').update(`backup.${emailOf(person, known)}`).digest('base64'),
  password: () => PASSWORD,
  other: () => OTHER_PASSWORD,
  code: async (person, known) => await newestIn(person, known, /\b\d{6}\b/),
  totp: (_argument, { totpSecret }) => totpSecret === undefined ? '123456' : totpCode(totpSecret, Date.now()),
  lookup: (at, { lookupSecrets }) => lookupSecrets[Number(at)] ?? 'aaaabbbb',
}

/** Replaces `$name:argument` inside the strings of a value. */
export async function resolved (value: Json, known: Known): Promise<Json> {
  if (typeof value === 'string') return await resolvedText(value, known)
  if (Array.isArray(value)) return await Promise.all(value.map(async (item) => await resolved(item, known)))
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(async ([name, item]) => [name, await resolved(item, known)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

export async function resolvedText (text: string, known: Known): Promise<string> {
  let result = ''
  let end = 0
  for (const found of text.matchAll(/\$([a-z]+)(?::(\w+))?/g)) {
    const [all, name = '', argument = ''] = found
    const resolve = VALUES[name]
    // A bcrypt hash has such signs too.
    result += text.slice(end, found.index) + (resolve === undefined ? all : await resolve(argument, known))
    end = found.index + all.length
  }
  return result + text.slice(end)
}

/** The newest link in the mails to a person. */
export const newestLink = async (person: number, known: Known): Promise<string> =>
  await newestIn(String(person), known, /https?:\/\/\S+/)
