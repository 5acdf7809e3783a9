import { compareText, type Comparison } from './compare-text.js'
import type { Ledger } from './ledger.js'
import { tokenise } from './tokens.js'
import type { RecordedMail, StepResult } from './types.js'

/** Mails of the live server, oldest first. */
export type MailReader = () => Promise<RecordedMail[]>

const comparedMembers = ['type', 'recipient', 'subject', 'template_type', 'body', 'status'] as const

/**
 * Pairs recorded mails with live ones, because requests use their codes and links before any answer shows them. The
 * recorder kept only mails that it read, so the live server has more.
 */
export interface Mailbox {
  /** Reads the live mails if the request uses a value that only a recorded mail contains. */
  prepare: (requestText: string) => Promise<void>
  /** Compares all recorded mails with their live counterparts. */
  results: () => Promise<StepResult[]>
}

export function createMailbox (recorded: readonly RecordedMail[], read: MailReader, comparison: Comparison): Mailbox {
  const partners = new Map<RecordedMail, { mail: RecordedMail, position: number }>()
  const { ledger } = comparison

  function learn (mail: RecordedMail, live: RecordedMail[], fromNewest: boolean): void {
    const position = findPartner(mail, live)
    if (position === undefined) return
    const partner = live[position]
    if (partner === undefined) return
    partners.set(mail, { mail: partner, position })
    compareText(mail.body, partner.body, '', { member: 'body' }, { ...comparison, differences: [] })

    function findPartner (wanted: RecordedMail, candidates: RecordedMail[]): number | undefined {
      const taken = new Set([...partners.values()].map((entry) => entry.position))
      const fitting = candidates.map((_, index) => index)
        .filter((index) => !taken.has(index) && fits(wanted, candidates[index], ledger))
        .filter((index) => fromNewest || index > positionBefore(wanted))
      return fromNewest ? fitting.at(-1) : fitting[0]
    }
  }

  /** Mails are in the order in which they were sent. */
  function positionBefore (mail: RecordedMail): number {
    const earlier = recorded.slice(0, recorded.indexOf(mail)).map((other) => partners.get(other)?.position ?? -1)
    return Math.max(-1, ...earlier)
  }

  return {
    async prepare (requestText) {
      const wanted = recorded.filter(
        (mail) => !partners.has(mail) && secretsOf(mail).some((secret) => requestText.includes(secret)),
      )
      if (wanted.length === 0) return
      const live = await read()
      wanted.forEach((mail) => {
        learn(mail, live, true)
      })
    },
    async results () {
      const live = recorded.length === 0 ? [] : await read()
      recorded.filter((mail) => !partners.has(mail)).forEach((mail) => {
        learn(mail, live, false)
      })
      return recorded.map((mail) => compareMail(mail, partners.get(mail)?.mail, comparison))
    },
  }
}

/** Values that only a mail contains: its code and the token of its link. */
function secretsOf ({ body }: RecordedMail): string[] {
  return tokenise(body, { member: 'body' })
    .filter(({ kind }) => kind === 'code' || kind === 'link-token')
    .map(({ value }) => value)
}

/** The same kind of mail to the same address, without an id that is known to be another one. */
function fits (recorded: RecordedMail, live: RecordedMail | undefined, ledger: Ledger): boolean {
  if (live === undefined || live.recipient !== recorded.recipient || live.template_type !== recorded.template_type) {
    return false
  }
  const liveParts = tokenise(live.body, { member: 'body' })
  return tokenise(recorded.body, { member: 'body' }).every(({ kind, value }, index) => {
    if (kind !== 'uuid') return true
    const other = liveParts[index]?.value ?? ''
    const [knownLive, knownRecorded] = [ledger.toLive(kind, value), ledger.toRecorded(kind, other)]
    return (knownLive === undefined && knownRecorded === undefined) || knownLive === other
  })
}

function compareMail (recorded: RecordedMail, live: RecordedMail | undefined, comparison: Comparison): StepResult {
  const own: Comparison = { ...comparison, differences: [] }
  for (const member of comparedMembers) {
    if (live === undefined) break
    compareText(recorded[member], String(live[member]), member, { member }, own)
  }
  if (live === undefined) own.differences.push({ at: 'mail', recorded: recorded.subject, live: 'absent' })
  return { index: -1, step: `mail ${recorded.template_type} to ${recorded.recipient}`, differences: own.differences }
}
