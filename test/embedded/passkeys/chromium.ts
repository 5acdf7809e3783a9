import chromium from '@sparticuz/chromium'
import { type BrowserContext, chromium as playwright } from 'playwright-core'
import type { Test } from 'tap'

/** The npm package holds a Chromium for this platform only. */
export const isBrowserPlatform = process.platform === 'linux' && process.arch === 'x64'

/** A fresh browser; undefined where the system lacks a library that Chromium needs. */
export async function startChromium (t: Test): Promise<BrowserContext | undefined> {
  try {
    const browser = await playwright.launch({
      executablePath: await chromium.executablePath(),
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    })
    t.teardown(() => browser.close())
    return await browser.newContext()
  } catch (error) {
    if (!/error while loading shared libraries/.test(String(error))) throw error
    return undefined
  }
}
