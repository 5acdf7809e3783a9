import type { FastifyRequest } from 'fastify'
import type { Credential } from '../kratos-client/credential.js'
import { networksOf } from '../throttling/address.js'
import type { Budget } from '../throttling/budget.js'
import type { CredentialMemory } from '../throttling/credential-memory.js'
import { loginIdentifier } from '../throttling/identifiers.js'
import { bucketKey } from '../throttling/keys.js'
import { type RateLimitStore, settlingStore } from '../throttling/rate-limit-store.js'
import { triesSecondFactor } from '../throttling/second-factor.js'
import { kratosCredential } from './own-names.js'
import type { LoginThrottle } from './login-throttle.js'

type SecondFactors = Pick<LoginThrottle, 'bySecondFactor' | 'settleSecondFactor' | 'rememberLogin'>

export interface SecondFactorOptions {
  /** Where a body may have an identifier. */
  paths: readonly string[]
  key: string
  createStore: (budget: Budget) => RateLimitStore
  memory: CredentialMemory
  refuse: (request: FastifyRequest, budget: 'second_factor', retryAfter: number) => never
}

const WRONG_CODES: Budget = { perWindow: 10, burst: 10, windowMs: 15 * 60_000 }

export const NO_SECOND_FACTORS: SecondFactors = {
  bySecondFactor: async () => {},
  settleSecondFactor: async () => {},
  rememberLogin: async () => {},
}

const valueOf = (credential: Credential | undefined): string | undefined =>
  credential?.kind === 'token' || credential?.kind === 'cookie' ? credential.value : undefined

/** By the identifier of the login that led there (G10, the exception): only who passed it can use up the tries. */
export function createSecondFactors ({ paths, key, createStore, memory, refuse }: SecondFactorOptions): SecondFactors {
  const store = settlingStore(createStore(WRONG_CODES))
  const tries = new WeakMap<FastifyRequest, string[]>()
  const digest = (credential: string): string => bucketKey(key, 'session', credential)

  /** Where nothing is remembered of the login, the session and the address count. */
  async function bucketsOf (request: FastifyRequest): Promise<string[]> {
    const credential = valueOf(request[kratosCredential]())
    const identifier = credential === undefined ? undefined : await memory.recall(digest(credential))
    if (identifier !== undefined) return [identifier]
    const [network] = networksOf(request.ip)
    return [
      ...(credential === undefined ? [] : [bucketKey(key, 'second_factor', 'session', credential)]),
      bucketKey(key, 'second_factor', 'address', network?.name ?? ''),
    ]
  }

  return {
    bySecondFactor: async (request, body) => {
      if (!triesSecondFactor(body)) return
      const buckets = await bucketsOf(request)
      tries.set(request, buckets)
      for (const bucket of buckets) {
        // Before Kratos is asked, so that a hundred at once are ten.
        const { used, waitMs } = await store.consume(bucket)
        if (used > WRONG_CODES.burst) refuse(request, 'second_factor', Math.ceil(waitMs / 1000))
      }
    },
    settleSecondFactor: async (request, result) => {
      const buckets = tries.get(request) ?? []
      if (result === 'wrong') return
      const settle = result === 'right' ? store.clear : store.giveBack
      await Promise.all(buckets.map((bucket) => settle(bucket)))
    },
    rememberLogin: async (request, body, credential) => {
      const value = valueOf(credential)
      if (value === undefined) return
      const identifier = loginIdentifier(body, paths)
      const former = valueOf(request[kratosCredential]())
      const bucket = identifier !== undefined
        ? bucketKey(key, 'second_factor', 'identifier', identifier)
        : former === undefined ? undefined : await memory.recall(digest(former))
      if (bucket !== undefined) await memory.remember(digest(value), bucket)
    },
  }
}
