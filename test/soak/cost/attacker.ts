import { setMaxListeners } from 'node:events'
import { type Attack, bearer, flood, get, MIX_MS, type Target } from './attack.js'
import { FLOODS } from './floods.js'
import { SOCKETS } from './sockets.js'

/** People who look who they are, as fast as they are answered. */
export const CONTROL: Attack = {
  name: 'control',
  mayAdd: MIX_MS,
  run: (target) =>
    flood(target, {
      connections: 64,
      request: (index) => get('/api/auth/whoami', bearer(target.tokens[index % target.tokens.length] ?? '')),
    }),
}

export const ATTACKS: Attack[] = [...FLOODS, ...SOCKETS]

export type Orders = Omit<Target, 'signal'> & { name: string, seconds: number }

// In a process of its own, which takes its sockets with it: who measures must not be late by what is measured.
async function attack ({ name, seconds, ...target }: Orders): Promise<void> {
  const chosen = [CONTROL, ...ATTACKS].find((one) => one.name === name)
  if (chosen === undefined) throw new Error(`no attack ${name}`)
  const signal = AbortSignal.timeout(seconds * 1000)
  // Thousands of sockets wait for it.
  setMaxListeners(0, signal)
  process.send?.('begins')
  const ended = new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true })
  })
  chosen.run({ ...target, signal }).catch((error: Error) => {
    process.stderr.write(`${name}: ${error.stack}\n`)
    process.exit(1)
  })
  await ended
  process.exit(0)
}

if (process.argv[2]?.startsWith('{') === true) await attack(JSON.parse(process.argv[2]) as Orders)
