import type { Locator, Page } from 'playwright-core'

const MAX_TABS = 80

/** A person without a mouse. */
export interface Keyboard {
  /** Reaches a control by Tab. @throws when it cannot be reached */
  reach: (target: Locator) => Promise<void>
  press: (name: string | RegExp, role?: 'button' | 'link') => Promise<void>
  type: (label: string, text: string) => Promise<void>
}

/** Runs in the page. Undefined: the element was replaced by another. */
const hasFocus = (element: { isConnected?: boolean }): boolean | undefined =>
  element.isConnected === true
    ? (globalThis as { document?: { activeElement: unknown } }).document?.activeElement === element
    : undefined

export function keyboardOf (page: Page): Keyboard {
  async function reach (target: Locator): Promise<void> {
    await target.waitFor()
    // Looked for once: to find something by its role and name takes far longer than a step.
    let element = await target.elementHandle()
    for (let tabs = 0; tabs < MAX_TABS;) {
      const isReached = await element?.evaluate(hasFocus)
      if (isReached === true) return
      if (isReached === undefined) {
        element = await target.elementHandle()
      } else {
        await page.keyboard.press('Tab')
        tabs++
      }
    }
    throw new Error(`${String(target)} cannot be reached by Tab`)
  }
  return {
    reach,
    press: async (name, role = 'button') => {
      // The last one is in the content, where the menu has a link of the same name.
      await reach(page.getByRole(role, { name, exact: true }).last())
      await page.keyboard.press('Enter')
    },
    type: async (label, text) => {
      await reach(page.getByLabel(label, { exact: true }))
      await page.keyboard.press('ControlOrMeta+a')
      await page.keyboard.type(text)
    },
  }
}
