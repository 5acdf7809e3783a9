import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium as playwright } from 'playwright-core'
import type { Test } from 'tap'
import { ROOT } from './process.js'

/** The npm package holds a Chromium for this platform only. */
const isBrowserPlatform = process.platform === 'linux' && process.arch === 'x64'

/** tap's folder is ignored, and stays from run to run. */
async function unpackedPlace (): Promise<string> {
  const manifest = await readFile(join(ROOT, 'node_modules/@sparticuz/chromium/package.json'), 'utf8')
  return join(ROOT, '.tap', `chromium-${(JSON.parse(manifest) as { version: string }).version}`)
}

/**
 * Unpacks the browser once, and shows it only when it is whole. By default its place is one that all users of the
 * machine share: only the first could start what is in it, and a run that was killed may have left half of it.
 */
async function unpackBrowser (): Promise<string> {
  const program =
    "import chromium from '@sparticuz/chromium'; process.stdout.write(await chromium.executablePath())"
  const executable = (folder: string): string => join(folder, 'chromium')
  const place = await unpackedPlace()
  if (existsSync(executable(place))) return executable(place)
  await mkdir(join(ROOT, '.tap'), { recursive: true })
  const own = await mkdtemp(`${place}-`)
  const env = { ...process.env, TMPDIR: own }
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, env })
  if (basename(stdout) !== 'chromium') throw new Error(`Chromium was unpacked to ${stdout}`)
  // Another test may have been faster.
  await rename(own, place).catch(() => rm(own, { recursive: true, force: true }))
  return executable(place)
}

/**
 * A real Chromium from npm; undefined where the system lacks a library that it needs (a bare container without
 * libnss3). Not its default arguments: those switch web security off, and with it `Origin`.
 */
async function startBrowser (t: Test, ...args: string[]): Promise<Browser | undefined> {
  try {
    const browser = await playwright.launch({
      executablePath: await unpackBrowser(),
      timeout: 180_000,
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

/** A test in a real Chromium; skipped where there is none for the platform, or where it cannot be started. */
export function testInBrowser (
  t: Test,
  name: string,
  test: (t: Test, browser: Browser) => Promise<void>,
  ...args: string[]
): Promise<unknown> {
  return t.test(name, { skip: !isBrowserPlatform && 'no Chromium in npm for this platform' }, async (t) => {
    const browser = await startBrowser(t, ...args)
    if (browser === undefined) t.pass('not tried: Chromium lacks a system library here', { skip: true })
    else await test(t, browser)
  })
}
