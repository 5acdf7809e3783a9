import type { Dispatcher } from 'undici'
import { type Answer, type AnswerContext, classify, type Operation } from './answer.js'
import type { Epoch } from './kratos-time.js'
import { type RequestScope, timeLeft } from './request-scope.js'
import { createTransport, type Load, type Transport, type UpstreamRequest } from './transport.js'

/**
 * Overall limits in milliseconds, waiting for a socket included; the calls of one scope share the longest of theirs.
 */
export interface Deadlines {
  whoamiMs: number
  submitMs: number
  otherMs: number
}

/** Limits of docs/security-model.md, section 6. */
const LIMITS = { connectTimeoutMs: 1000, maxBodyBytes: 1024 * 1024, maxHeaderBytes: 16 * 1024 }

/**
 * Sockets and waiting calls by kind of call, 64 and 288 in all: logins that take seconds of hashing keep no session
 * check waiting, and neither a hung session check nor a flood of new flows keeps anybody from logging out (J26, M07).
 * At more than it can do a session check takes two and a half times as long as otherwise (M02 wants no more than three)
 * and the rest is refused at once; who has typed a password rather waits. Made-up credentials cost Kratos
 * a confirmation each: those have sockets of their own, and never more than these.
 */
const POOLS = {
  whoami: { connections: 32, queue: 112, sustainedLimit: 48 },
  confirm: { connections: 8, queue: 32 },
  submit: { connections: 10, queue: 64 },
  flow: { connections: 8, queue: 56 },
  session: { connections: 6, queue: 24 },
}
export type PoolName = keyof typeof POOLS

const POOL_OF: Record<Operation, PoolName> = {
  whoami: 'whoami',
  submit: 'submit',
  init: 'flow',
  fetch: 'flow',
  logout: 'session',
  sessions: 'session',
  identity: 'session',
}
export interface PoolsOptions {
  /** Kratos' public port, as this process reaches it. */
  publicUrl: string
  /** Kratos' admin port, if it is known. */
  adminUrl?: string | undefined
  deadlines: Deadlines
  /** Makes the connections to both ports instead of pools of our own. */
  dispatcher?: Dispatcher | undefined
  /** Told of the time that each answer brings along. */
  onEpoch?: ((epoch: Epoch) => void) | undefined
}

/** A call of the public port; its deadline is that of its pool where it has none of its own. */
export type PublicRequest = Omit<UpstreamRequest, 'deadlineMs'> & { deadlineMs?: number | undefined }

export interface Pools extends Readonly<Record<PoolName, Transport>> {
  /** Kratos' admin port; undefined where it is not known. */
  readonly admin: Transport | undefined
  /** Milliseconds that a call of a pool may take now, the deadline of its request considered. */
  timeLeft: (pool: PoolName, scope: RequestScope | undefined) => number
  /**
   * Makes a call of the public port, within its deadline, and says what the answer means.
   * @param pool default: the one of the operation
   */
  ask: (request: PublicRequest, context: AnswerContext, pool?: PoolName) => Promise<Answer>
  /** Milliseconds that such a call may take now. */
  timeFor: (operation: Operation, scope: RequestScope | undefined, pool?: PoolName) => number
  load: () => Record<PoolName, Load>
  close: () => Promise<void>
}

/** The pools of one Kratos. */
export function createPools ({ publicUrl, adminUrl, deadlines, dispatcher, onEpoch }: PoolsOptions): Pools {
  const createPool = (name: PoolName): Transport =>
    createTransport({ url: publicUrl, dispatcher, onEpoch, ...LIMITS, ...POOLS[name] })
  const pools = {
    whoami: createPool('whoami'),
    confirm: createPool('confirm'),
    submit: createPool('submit'),
    flow: createPool('flow'),
    session: createPool('session'),
  }
  const admin = adminUrl === undefined
    ? undefined
    : createTransport({ url: adminUrl, dispatcher, ...LIMITS, ...POOLS.session })
  const limits: Record<PoolName, number> = {
    whoami: deadlines.whoamiMs,
    confirm: deadlines.whoamiMs,
    submit: deadlines.submitMs,
    flow: deadlines.otherMs,
    session: deadlines.otherMs,
  }
  const timeLeftIn = (pool: PoolName, scope: RequestScope | undefined): number => timeLeft(limits[pool], scope)

  return {
    ...pools,
    admin,
    timeLeft: timeLeftIn,
    timeFor: (operation, scope, name = POOL_OF[operation]) => timeLeftIn(name, scope),
    ask: async (request, context, name = POOL_OF[context.operation]) => {
      const { deadlineMs = timeLeftIn(name, request.scope) } = request
      const answer = await pools[name].send({ ...request, deadlineMs })
      return answer.kind === 'unavailable' ? answer : classify(answer, context)
    },
    load: () => ({
      whoami: pools.whoami.load(),
      confirm: pools.confirm.load(),
      submit: pools.submit.load(),
      flow: pools.flow.load(),
      session: pools.session.load(),
    }),
    close: async () => {
      await Promise.all([...Object.values(pools), ...(admin === undefined ? [] : [admin])].map((pool) => pool.close()))
    },
  }
}
