import { checkFault, type Fault, type FaultOptions, type Faults } from '../http/faults.js'
import type { Listener } from '../http/server.js'

type Port = 'public' | 'admin'

interface Ports {
  faults: Record<Port, Faults>
  listeners: Record<Port, Listener>
}

/** @throws TypeError for a fault that cannot be simulated */
export async function makeFault ({ faults, listeners }: Ports, options: FaultOptions): Promise<Fault> {
  checkFault(options)
  const { port = 'public', kind } = options
  if (kind === 'refuse') return await refuse(listeners[port])
  // A database is the same for both ports.
  const isAbout = kind === 'database-away' && options.port === undefined ? ['public', 'admin'] as const : [port]
  const added = isAbout.map((port) => faults[port].add(options))
  return {
    get calls () {
      return added.reduce((sum, { calls }) => sum + calls(), 0)
    },
    clear: async () => added.forEach(({ remove }) => remove()),
  }
}

/** Nothing is counted, because refused connections are not seen. */
async function refuse (listener: Listener): Promise<Fault> {
  const resume = await listener.pause()
  let isCleared = false
  return {
    calls: 0,
    clear: async () => {
      if (!isCleared) await resume()
      isCleared = true
    },
  }
}
