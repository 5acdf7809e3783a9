import { h } from './dom.js'
import { say } from './words.js'

const SECOND_MS = 1000
/** What nobody said: a moment, so that a crowd does not come back at once. */
const SHORT_WAIT = 3

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`

/** A button that waits as long as the service asks for, shows it, and then may be pressed. */
export function retryButton (retryAfterSeconds: number | undefined, retry: () => unknown): HTMLButtonElement {
  const end = Date.now() + (retryAfterSeconds ?? SHORT_WAIT) * SECOND_MS
  const button = h('button', {
    type: 'button',
    class: 'quiet',
    click: () => {
      if (button.getAttribute('aria-disabled') !== 'true') retry()
    },
  })
  const tick = (): void => {
    const left = Math.ceil((end - Date.now()) / SECOND_MS)
    button.textContent = left > 0 ? say('tryAgainIn', { time: clock(left) }) : say('tryAgain')
    if (left <= 0) {
      button.removeAttribute('aria-disabled')
      clearInterval(timer)
    }
  }
  button.setAttribute('aria-disabled', 'true')
  const timer = setInterval(tick, SECOND_MS / 4)
  tick()
  return button
}
