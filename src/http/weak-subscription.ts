import type { Channel } from 'node:diagnostics_channel'
import { runInThisContext } from 'node:vm'

type Subscribe = (channel: Channel, listener: WeakRef<(message: unknown) => void>) => void

/**
 * Subscribes a listener for as long as somebody else holds it. Any function of a module of ours would hold all that is
 * loaded with it, and channels are one for the whole process: jest, which loads modules anew for each test file, would
 * keep them all. So the code is a text, whose function has no module. Not at once, because a channel that loses a
 * listener while it publishes leaves out the next one.
 */
export const subscribeWeakly = runInThisContext(`(channel, listener) => {
  const onMessage = (message) => {
    const listen = listener.deref()
    if (listen === undefined) setImmediate(() => channel.unsubscribe(onMessage))
    else listen(message)
  }
  channel.subscribe(onMessage)
}`) as Subscribe
