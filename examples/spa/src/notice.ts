import { retryButton } from './countdown.js'
import { h } from './dom.js'
import { say } from './words.js'

export interface Unavailable {
  retryAfterSeconds?: number | undefined
  isThrottled?: boolean
}

/** Both stand in the page from the start, so that a screen reader hears them change. */
const success = h('div', { id: 'success', class: 'notice', role: 'status' })
const trouble = h('div', { id: 'trouble', class: 'notice', role: 'alert' })
export const noticeBar = h('div', { class: 'notices' }, success, trouble)

export function clearNotices (): void {
  success.replaceChildren()
  trouble.replaceChildren()
}

export function tell (text: string): void {
  trouble.replaceChildren()
  success.replaceChildren(h('p', {}, text))
}

/** Something did not work, and nobody has to wait. */
export function complain (text: string): void {
  success.replaceChildren()
  trouble.className = 'notice'
  trouble.replaceChildren(h('p', {}, text))
}

/** Nothing is known: the screen stays, and the same can be tried again. */
export function tellOutage ({ retryAfterSeconds, isThrottled }: Unavailable, retry: () => unknown): void {
  success.replaceChildren()
  trouble.className = isThrottled === true ? 'notice wait' : 'notice outage'
  const again = retryButton(retryAfterSeconds, () => {
    clearNotices()
    return retry()
  })
  trouble.replaceChildren(h('p', {}, say(isThrottled === true ? 'tooMany' : 'outage')), again)
}
