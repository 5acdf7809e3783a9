// Loaded into the real service by `--import`: tells its parent what it holds after a collection, and nothing else.
import { readdirSync } from 'node:fs'

const openFiles = () => {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

process.on('message', () => {
  globalThis.gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  process.send?.({
    rss,
    heapUsed,
    external,
    openFiles: openFiles(),
    resources: process.getActiveResourcesInfo().length,
  })
})
process.channel?.unref()
