import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { ROOT } from '../support/process.js'

/** Where pictures go, which only people look at, with `SCREENSHOTS=1`; ignored by git. */
const SCREENSHOTS = join(ROOT, '.tap/screenshots')
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const SIZES = { wide: { width: 1280, height: 900 }, narrow: { width: 360, height: 740 } }
/** In the second theme with the rules about colours alone, but the one that is off by default: no other can differ. */
const COLOURS = { runOnly: ['cat.color'], rules: { 'color-contrast-enhanced': { enabled: false } } }
const THEMES = { light: {}, dark: COLOURS } as const

interface Result {
  violations: Violation[]
}

interface Violation {
  id: string
  nodes: Array<{ target: string[], failureSummary: string }>
}

/** Looks at what is on the screen: at both widths and in both themes, for axe, and as a picture for people. */
export async function look (t: Test, page: Page, name: string): Promise<void> {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport)
    for (const [theme, rules] of Object.entries(THEMES)) {
      await page.emulateMedia({ colorScheme: theme as keyof typeof THEMES })
      const state = `${name}-${size}-${theme}`
      if (await page.evaluate('typeof axe === "undefined"')) await page.evaluate(axe)
      const { violations } = await page.evaluate(`axe.run(${JSON.stringify({ ...rules, resultTypes: ['violations'] })})`) as Result
      const found = violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => [id, target, failureSummary]),
      )
      t.strictSame(found, [], `${state}: axe finds nothing`)
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
      t.ok(Number(overflow) <= 0, `${state}: nothing is wider than the screen`)
      if (process.env['SCREENSHOTS'] !== '1') continue
      // What is behind a dialog is covered as far as the screen goes.
      const fullPage = await page.getByRole('dialog').count() === 0
      await page.screenshot({ path: join(SCREENSHOTS, `${state}.png`), fullPage })
    }
  }
  await page.setViewportSize(SIZES.wide)
}
