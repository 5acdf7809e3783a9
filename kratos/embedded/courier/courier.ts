import { durationMs } from '../clock.js'
import type { Kratos } from '../kratos.js'
import { newId } from '../random.js'
import type { CourierMessage } from '../store/messages.js'
import { DispatchError, type Channel } from './channel.js'
import type { Courier } from './handle.js'
import { httpChannel } from './http-channel.js'
import { smtpChannel } from './smtp-channel.js'

/** Where messages go, by their type; empty when the configuration names no receiver. */
function channelsOf ({ courier }: Kratos['config']): Map<string, Channel> {
  const channels = new Map<string, Channel>()
  const { delivery_strategy: strategy, smtp, http } = courier
  if (strategy === 'http' && http !== undefined) channels.set('email', httpChannel(http.request_config))
  if (strategy === 'smtp' && smtp.connection_uri !== undefined) channels.set('email', smtpChannel(smtp))
  for (const { id, request_config: config } of courier.channels) channels.set(id, httpChannel(config))
  return channels
}

/** Whether messages leave: the configuration names a mail server or a receiver of HTTP requests. */
export const delivers = (config: Kratos['config']): boolean => channelsOf(config).size > 0

/** Delivers messages in the background, one after the other, and tries failed ones again. */
export function createCourier (kratos: () => Kratos): Courier {
  let running: Promise<void> | undefined
  return {
    wake: () => {
      const server = kratos()
      if (running !== undefined || server.closing.aborted) return
      const work = deliverAll(server)
        .catch((error: unknown) => {
          if (!server.closing.aborted) server.log(`courier: ${String(error)}`)
        })
        .finally(() => {
          running = undefined
          server.background.delete(work)
        })
      running = work
      server.background.add(work)
    },
  }
}

async function deliverAll (kratos: Kratos): Promise<void> {
  const { courier } = kratos.config
  const channels = channelsOf(kratos.config)
  // The request that queued the first message is answered first.
  await new Promise((resolve) => setImmediate(resolve))
  for (let queued = next(kratos); queued.length > 0; queued = next(kratos)) {
    for (const message of queued) await dispatch(kratos, channels, message)
    if (next(kratos).some(({ sendCount }) => sendCount > 0)) {
      await kratos.clock.sleep(durationMs(courier.worker.pull_wait), kratos.closing)
    }
  }
}

function next ({ store, closing }: Kratos): CourierMessage[] {
  closing.throwIfAborted()
  return store.messages.queued()
}

/** Kratos gives a message up when it has failed once more often than `message_retries`. */
async function dispatch (kratos: Kratos, channels: Map<string, Channel>, message: CourierMessage): Promise<void> {
  const { messages } = kratos.store
  if (message.sendCount > kratos.config.courier.message_retries) return messages.setStatus(message.id, 'abandoned')
  messages.setStatus(message.id, 'processing')
  messages.countAttempt(message.id)
  const failure = await attempted(kratos, channels.get(message.channel), message)
  if (kratos.closing.aborted) return messages.setStatus(message.id, 'queued')
  messages.setStatus(message.id, failure === undefined ? 'sent' : 'queued')
  const error = failure?.record ?? null
  messages.record({ id: newId(), messageId: message.id, error, createdAt: kratos.clock.now() })
  if (failure !== undefined) kratos.log(`message to ${message.recipient} is not delivered: ${failure.message}`)
}

async function attempted (
  kratos: Kratos,
  channel: Channel | undefined,
  message: CourierMessage,
): Promise<DispatchError | undefined> {
  if (channel === undefined) {
    return message.channel === 'email'
      ? new DispatchError('Courier tried to deliver an email but courier.smtp.connection_uri is not set!')
      : new DispatchError(`no courier channels configured for: ${message.channel}`)
  }
  try {
    await channel(kratos, message)
    return undefined
  } catch (error) {
    return error instanceof DispatchError ? error : new DispatchError(error instanceof Error ? error.message : '')
  }
}
