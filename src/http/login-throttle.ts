import type { FastifyRequest } from 'fastify'
import type { Credential } from '../kratos-client/credential.js'
import type { TryResult } from '../throttling/second-factor.js'

type Hook = (request: FastifyRequest) => Promise<void>

/** Whose session wants a second factor, as far as that is known. */
export interface RememberedOwner {
  /** Its id as it may be written down. */
  session?: string | undefined
  identityId?: string | undefined
}

/** Finds the identity of an identifier, where Kratos' answer to a login says nothing of it. */
export type Whose = (identifier: string) => Promise<string | undefined>

/** Hooks for what guesses passwords or names (G05); past a budget they throw RATE_LIMITED with the seconds to wait. */
export interface LoginThrottle {
  /** For `onRequest`: before the body is read. */
  byAddress: Hook
  /** For `onRequest` of a flow's start: Kratos keeps a row for each. */
  startByAddress: Hook
  /** For this address alone: nobody can lock others out (G10). A mailed code for its flow. @param body in its bounds */
  byIdentifier: (request: FastifyRequest, body: unknown, flowId: string | undefined) => Promise<void>
  /** Counts a try before Kratos is asked; `settleSecondFactor` says what became of it. */
  bySecondFactor: (request: FastifyRequest, body: unknown) => Promise<void>
  settleSecondFactor: (request: FastifyRequest, result: TryResult) => Promise<void>
  /** Of a request that tried a second factor: whose login that was, as it was remembered. */
  ownerOfTry: (request: FastifyRequest) => RememberedOwner
  /**
   * Remembers whose second factor the session of a login step may prove; a renewed one goes on as before.
   * @param owner so that a wrong factor can be told of it
   */
  rememberLogin: (
    request: FastifyRequest,
    body: unknown,
    credential: Credential | undefined,
    owner: { session?: string | undefined, whose?: Whose | undefined },
  ) => Promise<void>
}
