/** Carries messages between the replicas of a service. It may lose some, as long as it says so. */
export interface Bus {
  /** Hands a message to all replicas, this one included; rejects when it could not. */
  publish: (message: string) => Promise<void>
  /** `onLoss`: messages may have been missed, such as before a reconnect. */
  subscribe: (listener: { onMessage: (message: string) => void, onLoss: () => void }) => void
  /** Whether this process is connected to it. */
  alive: () => boolean
}

/** What other replicas have to forget: a credential by its digest, an identity, or everything. */
export interface Purge {
  key?: string | undefined
  identityId?: string | undefined
  isDeleted?: boolean | undefined
  all?: boolean | undefined
}

type Message = { from: string } & ({ kind: 'beat' } | { kind: 'bye' } | { kind: 'purge', purge: Purge })

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string'
const isFlag = (value: unknown): boolean => value === undefined || typeof value === 'boolean'

function isPurge (value: unknown): value is Purge {
  if (typeof value !== 'object' || value === null) return false
  const { key, identityId, isDeleted, all } = value as Record<string, unknown>
  return isText(key) && isText(identityId) && isFlag(isDeleted) && isFlag(all)
}

/** Undefined for what is none of ours: an older or newer version may say more. */
function parseMessage (text: string): Message | undefined {
  try {
    const { from, kind, purge } = JSON.parse(text) as Record<string, unknown>
    if (typeof from !== 'string') return undefined
    if (kind === 'beat' || kind === 'bye') return { from, kind }
    return kind === 'purge' && isPurge(purge) ? { from, kind, purge } : undefined
  } catch {
    return undefined
  }
}

export const BEAT_MS = 1000
/** A replica that was not heard for so long may have something to say that does not arrive. */
const SILENCE_MS = 2000
/** A replica that is silent for so long is gone; whatever was kept before is too old by then. */
const GONE_MS = 60_000
/** Purges that wait for the bus; more become one of everything. */
const MAX_PENDING = 1000

export interface ReplicasOptions {
  bus: Bus
  /** Unique among all replicas, and new with each start. */
  name: string
  /** Forgets what another replica has changed; never publishes. */
  onPurge: (purge: Purge) => void
  /** A clock in milliseconds that only goes forward. */
  now?: () => number
}

export interface Replicas {
  tell: (purge: Purge) => void
  /** Every message that any replica has sent was heard, up to two seconds ago. */
  isAlive: () => boolean
  /** Milliseconds since the heartbeat of the replica that was heard longest ago; undefined where none was heard. */
  silenceMs: () => number | undefined
  /** Once a second. */
  beat: () => Promise<void>
  /** Nobody waits for this replica any more. */
  sayGoodbye: () => Promise<void>
}

/** Purges between replicas, and the heartbeats that tell whether they arrive. */
export function createReplicas ({ bus, name, onPurge, now = () => performance.now() }: ReplicasOptions): Replicas {
  const heard = new Map<string, number>()
  let pending: Purge[] = []
  let sending = Promise.resolve()

  const publish = (message: Message): Promise<void> => bus.publish(JSON.stringify(message))

  /** What could not be sent goes first: a heartbeat says that nothing is behind it. */
  async function flush (): Promise<void> {
    for (let purge = pending[0]; purge !== undefined; purge = pending[0]) {
      await publish({ from: name, kind: 'purge', purge })
      // Meanwhile so many may have come that all of them became one.
      if (pending[0] === purge) pending.shift()
    }
  }

  /** One after the other; a failure leaves the rest for the next heartbeat. */
  function inTurn (work: () => Promise<void>): Promise<void> {
    sending = sending.then(work).catch(() => {})
    return sending
  }

  function tell (purge: Purge): void {
    pending = pending.length < MAX_PENDING ? [...pending, purge] : [{ all: true }]
    inTurn(flush).catch(() => {})
  }

  function onMessage (text: string): void {
    const message = parseMessage(text)
    if (message === undefined) return
    if (message.kind === 'bye') heard.delete(message.from)
    if (message.kind === 'beat') heard.set(message.from, now())
    if (message.kind === 'purge' && message.from !== name) onPurge(message.purge)
  }

  function isAlive (): boolean {
    if (!bus.alive() || !heard.has(name)) return false
    const at = now()
    for (const [replica, heardAt] of heard) {
      if (at - heardAt > GONE_MS && replica !== name) heard.delete(replica)
      else if (at - heardAt > SILENCE_MS) return false
    }
    return true
  }

  bus.subscribe({
    onMessage,
    onLoss: () => {
      inTurn(flush).then(() => onPurge({ all: true })).catch(() => {})
    },
  })

  return {
    tell,
    isAlive,
    silenceMs: () => {
      const silences = [...heard].map(([replica, heardAt]) => ({ replica, ms: now() - heardAt }))
      const present = silences.filter(({ replica, ms }) => replica === name || ms <= GONE_MS)
      return present.length === 0 ? undefined : Math.max(...present.map(({ ms }) => ms))
    },
    beat: () => inTurn(async () => {
      await flush()
      await publish({ from: name, kind: 'beat' })
    }),
    sayGoodbye: () => inTurn(async () => {
      await flush()
      await publish({ from: name, kind: 'bye' })
    }),
  }
}
