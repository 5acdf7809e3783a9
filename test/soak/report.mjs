// Loaded into the real service by `--import`: tells its parent what it holds, after a collection or as it is.
import { readdirSync } from 'node:fs'

const openFiles = () => {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

process.on('message', (message) => {
  // What an operator sees is the process as it is.
  if (message === 'sample') globalThis.gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  process.send?.({
    cpu: user + system,
    rss,
    heapUsed,
    external,
    openFiles: openFiles(),
    resources: process.getActiveResourcesInfo().length,
  })
})
process.channel?.unref()
