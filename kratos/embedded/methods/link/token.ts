import { durationMs } from '../../clock.js'
import type { Flow } from '../../flow/flow.js'
import { publicUrl, withQuery } from '../../http/exchange.js'
import type { Kratos } from '../../kratos.js'
import { newId, newSecret } from '../../random.js'
import type { OneTimeCode } from '../../store/codes.js'

/** Lifetime of a link in milliseconds. */
export const linkLifespanMs = ({ config }: Kratos): number =>
  durationMs(String(config.selfservice.methods['link']?.config['lifespan'] ?? '1h'))

/** The same in whole minutes, for mails. */
export const linkMinutes = (kratos: Kratos): number => Math.trunc(linkLifespanMs(kratos) / 60_000)

/** A URL that completes this flow once. */
export function issueLink (
  kratos: Kratos,
  flow: Flow,
  owner: Pick<OneTimeCode, 'identityId' | 'address' | 'via'>,
  lifespanMs = linkLifespanMs(kratos),
): string {
  const token = newSecret(32)
  kratos.store.codes.add({
    id: newId(),
    kind: 'link',
    flowId: flow.id,
    ...owner,
    secret: token,
    used: false,
    expiresAt: kratos.clock.now() + lifespanMs,
  })
  return withQuery(publicUrl(kratos, `/self-service/${flow.kind}`), { flow: flow.id, token })
}

/** Uses a token, even an expired one. @returns undefined when it is unknown or used */
export function redeemToken ({ store }: Kratos, flow: Flow, token: string): OneTimeCode | undefined {
  const found = store.codes.find(flow.id, 'link', token)
  return found !== undefined && store.codes.markUsed(found.id) ? found : undefined
}
