import type { Dispatcher } from 'undici'
import { type Answer, type AnswerContext, classify, type Operation } from './answer.js'
import type { CallTimes } from './call.js'
import type { Epoch } from './kratos-time.js'
import { type RequestScope, timeLeft } from './request-scope.js'
import type { CreatePool } from './pool.js'
import { createTransport, type Load, type Transport, type UpstreamRequest } from './transport.js'

/** Milliseconds, waiting for a socket included; the calls of one scope share the longest of theirs. */
export interface Deadlines {
  whoamiMs: number
  submitMs: number
  otherMs: number
}

/** docs/security-model.md, section 6. */
const LIMITS = { connectTimeoutMs: 1000, maxBodyBytes: 1024 * 1024, maxHeaderBytes: 16 * 1024 }

// By kind of call, 83 sockets and 433 waiting calls in all: logins that take seconds of hashing keep no session check
// waiting, and neither a hung session check nor a flood of new flows keeps anybody from logging out (J26, M07). Past
// what it can do a session check takes two and a half times as long (M02 wants no more than three) and the rest is
// refused at once; who has typed a password rather waits. What anybody can ask for without a session never has more
// than the sockets of its own: confirmations of made-up credentials, settings, Kratos' own API.
const POOLS = {
  whoami: { connections: 32, queue: 112, sustainedLimit: 48 },
  confirm: { connections: 8, queue: 32 },
  submit: { connections: 10, queue: 64 },
  settings: { connections: 4, queue: 24 },
  flow: { connections: 8, queue: 56 },
  session: { connections: 6, queue: 24 },
  proxy: { connections: 6, queue: 56 },
  proxySubmit: { connections: 6, queue: 48 },
  proxyLogout: { connections: 2, queue: 16 },
  ready: { connections: 1, queue: 1 },
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
/** Pools whose calls have another limit than most. */
const DEADLINE_OF: Partial<Record<PoolName, keyof Deadlines>> = {
  whoami: 'whoamiMs',
  confirm: 'whoamiMs',
  ready: 'whoamiMs',
  submit: 'submitMs',
  settings: 'submitMs',
  proxySubmit: 'submitMs',
}

const eachPool = <T>(make: (name: PoolName) => T): Record<PoolName, T> =>
  Object.fromEntries(Object.keys(POOLS).map((name) => [name, make(name as PoolName)])) as Record<PoolName, T>

export type PoolTimes = (pool: PoolName | 'admin', ...times: Parameters<CallTimes>) => void

export interface PoolsOptions {
  /** As this process reaches it. */
  publicUrl: string
  adminUrl?: string | undefined
  deadlines: Deadlines
  /** Makes pools of our own, or is used instead of them, for both ports. */
  dispatcher: Dispatcher | CreatePool
  onEpoch?: ((epoch: Epoch) => void) | undefined
  /** Told how long each call waited for a connection, and how long Kratos took. */
  onTimes?: PoolTimes | undefined
}

/** Without a deadline it has that of its pool. */
export type PublicRequest = Omit<UpstreamRequest, 'deadlineMs'> & { deadlineMs?: number | undefined }

export interface Pools extends Readonly<Record<PoolName, Transport>> {
  readonly admin: Transport | undefined
  /** Milliseconds, the deadline of the request considered. */
  timeLeft: (pool: PoolName, scope: RequestScope | undefined) => number
  /** @param pool default: the one of the operation */
  ask: (request: PublicRequest, context: AnswerContext, pool?: PoolName) => Promise<Answer>
  timeFor: (operation: Operation, scope: RequestScope | undefined, pool?: PoolName) => number
  load: () => Record<PoolName, Load>
  close: () => Promise<void>
}

export function createPools (options: PoolsOptions): Pools {
  const { publicUrl, adminUrl, deadlines, dispatcher, onEpoch, onTimes } = options
  const timesOf = (name: PoolName | 'admin'): CallTimes | undefined =>
    onTimes && ((...times) => onTimes(name, ...times))
  const createPool = (name: PoolName): Transport =>
    createTransport({ url: publicUrl, dispatcher, onEpoch, onTimes: timesOf(name), ...LIMITS, ...POOLS[name] })
  const pools = eachPool(createPool)
  const admin = adminUrl === undefined
    ? undefined
    : createTransport({ url: adminUrl, dispatcher, onTimes: timesOf('admin'), ...LIMITS, ...POOLS.session })
  const limits = eachPool((name) => deadlines[DEADLINE_OF[name] ?? 'otherMs'])
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
    load: () => eachPool((name) => pools[name].load()),
    close: async () => {
      await Promise.all([...Object.values(pools), ...(admin === undefined ? [] : [admin])].map((pool) => pool.close()))
    },
  }
}
