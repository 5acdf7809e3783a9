import type { FastifyInstance } from 'fastify'

/**
 * Works from the start on and then every so often, until the service ends; the start does not wait for it, the end
 * does. Work that takes longer is not begun a second time meanwhile.
 * @param begin called once, when the app is ready, for the work, which must not reject
 */
export function repeat (app: FastifyInstance, everyMs: number, begin: () => () => Promise<void>): void {
  let timer: NodeJS.Timeout | undefined
  let current: Promise<void> | undefined
  app.addHook('onReady', (done) => {
    const work = begin()
    const run = (): void => {
      current ??= work().finally(() => {
        current = undefined
      })
    }
    timer = setInterval(run, everyMs).unref()
    run()
    done()
  })
  app.addHook('preClose', async () => {
    clearInterval(timer)
    await current
  })
}
