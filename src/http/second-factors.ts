import type { KeyObject } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Credential } from '../kratos-client/credential.js'
import { networksOf } from '../throttling/address.js'
import type { Budget } from '../throttling/budget.js'
import type { CredentialMemory } from '../throttling/credential-memory.js'
import { type IdentifierPaths, loginIdentifier, soleIdentifier } from '../throttling/identifiers.js'
import { bucketKey } from '../throttling/keys.js'
import type { RateLimitStore } from '../throttling/rate-limit-store.js'
import { goesByIdentifier, provesSecondFactor, triesCode, triesSecondFactor } from '../throttling/second-factor.js'
import { kratosCredential } from './own-names.js'
import type { LoginThrottle, RememberedOwner } from './login-throttle.js'

type SecondFactors = Pick<LoginThrottle, 'bySecondFactor' | 'settleSecondFactor' | 'ownerOfTry' | 'rememberLogin'>

export interface SecondFactorOptions {
  /** Where a body may have an identifier. */
  paths: IdentifierPaths
  key: KeyObject
  createStore: (budget: Budget) => RateLimitStore
  memory: CredentialMemory
  refuse: (request: FastifyRequest, budget: 'second_factor', retryAfter: number) => never
}

const WRONG_CODES: Budget = { perWindow: 10, burst: 10, windowMs: 15 * 60_000 }

export const NO_SECOND_FACTORS: SecondFactors = {
  bySecondFactor: async () => {},
  settleSecondFactor: async () => {},
  ownerOfTry: () => ({}),
  rememberLogin: async () => {},
}

const valueOf = (credential: Credential | undefined): string | undefined =>
  credential?.kind === 'token' || credential?.kind === 'cookie' ? credential.value : undefined

/** What is remembered of a login: the bucket of its identifier, and its owner where that is told of. */
interface Login extends RememberedOwner {
  bucket: string
}

const textOf = ({ bucket, session = '', identityId = '' }: Login): string => [bucket, session, identityId].join(' ').trimEnd()

function loginOf (text: string | undefined): Login | undefined {
  const [bucket, session = '', identityId = ''] = text?.split(' ') ?? []
  if (bucket === undefined) return undefined
  return { bucket, session: session === '' ? undefined : session, identityId: identityId === '' ? undefined : identityId }
}

/** By the identifier of the login that led there (G10, the exception): only who passed it can use up the tries. */
export function createSecondFactors ({ paths, key, createStore, memory, refuse }: SecondFactorOptions): SecondFactors {
  const store = createStore(WRONG_CODES)
  const tries = new WeakMap<FastifyRequest, { buckets: string[], owner: RememberedOwner, isProof: boolean }>()
  const digest = (credential: string): string => bucketKey(key, 'session', credential)

  async function recall (credential: string | undefined): Promise<Login | undefined> {
    return credential === undefined ? undefined : loginOf(await memory.recall(digest(credential)))
  }

  /** Where nothing is remembered of the login, the session and the address count. */
  function bucketsOf (request: FastifyRequest, credential: string | undefined, login: Login | undefined): string[] {
    if (login !== undefined) return [login.bucket]
    const [network] = networksOf(request.ip)
    return [
      ...(credential === undefined ? [] : [bucketKey(key, 'second_factor', 'session', credential)]),
      bucketKey(key, 'second_factor', 'address', network?.name ?? ''),
    ]
  }

  return {
    bySecondFactor: async (request, body) => {
      const isFactor = triesSecondFactor(body)
      if (!isFactor && !triesCode(body)) return
      const credential = valueOf(request[kratosCredential]())
      const login = await recall(credential)
      // A code that was sent is the first factor too; the flow's own budget counts it then.
      if (!isFactor && login === undefined) return
      const buckets = bucketsOf(request, credential, login)
      const { session, identityId } = login ?? {}
      tries.set(request, { buckets, owner: { session, identityId }, isProof: isFactor && provesSecondFactor(body) })
      for (const bucket of buckets) {
        // Before Kratos is asked, so that a hundred at once are ten.
        const { used, waitMs } = await store.consume(bucket)
        if (used > WRONG_CODES.burst) refuse(request, 'second_factor', Math.ceil(waitMs / 1000))
      }
    },
    settleSecondFactor: async (request, result) => {
      const { buckets = [], isProof = false } = tries.get(request) ?? {}
      if (result === 'wrong') return
      const settle = result === 'right' && isProof ? store.clear : store.giveBack
      await Promise.all(buckets.map((bucket) => settle(bucket)))
    },
    ownerOfTry: (request) => tries.get(request)?.owner ?? {},
    rememberLogin: async (request, body, credential, { session, whose }) => {
      const value = valueOf(credential)
      if (value === undefined) return
      const identifier = goesByIdentifier(body) ? loginIdentifier(body, paths) : undefined
      const former = identifier === undefined ? await recall(valueOf(request[kratosCredential]())) : undefined
      const bucket = identifier === undefined
        ? former?.bucket
        : bucketKey(key, 'second_factor', 'identifier', identifier)
      if (bucket === undefined) return
      const sole = identifier === undefined ? undefined : soleIdentifier(body, paths)
      const identityId = sole === undefined ? former?.identityId : await whose?.(sole)
      await memory.remember(digest(value), textOf({ bucket, session: session ?? former?.session, identityId }))
    },
  }
}
